"""What is seen of a pre-training run while it goes on, and kept of it."""

import contextlib
import json
from collections.abc import Iterator

import keras

from training.files import written_whole
from training.pretrain_config import PretrainConfig
from training.pretrain_costs import flops_of
from training.pretrain_costs import measured_peak
from training.pretrain_costs import tokens_per_step
from training.pretrain_model import Pretraining
from training.run_bar import RunBar
from training.run_directory import RunDirectory
from training.team import Team


class RowsFile(keras.callbacks.Callback):
    """Keeps `metrics.jsonl`, a row for every round, in step with the record.

    The file is written anew each time, so that an interruption leaves
    neither half a row nor one twice.

    Args:
        run: Where it lies.
        record: What `new_record` returned.
    """

    def __init__(self, run: RunDirectory, record: dict):
        super().__init__()
        self.run = run
        self.record = record

    def on_epoch_end(self, epoch, logs=None):
        """Writes the rows with that of a round which is saved.

        Args:
            epoch: Number of the epoch, from 0.
            logs: The metrics of the epoch.
        """
        self.write()

    def write(self):
        """Writes the rows of the saved rounds."""
        rows = zip(self.record["pace"], self.record["history"], strict=True)
        lines = [
            json.dumps({"round": number, **pace, **metrics}) + "\n"
            for number, (pace, metrics) in enumerate(rows, start=1)
        ]
        with written_whole(self.run / "metrics.jsonl") as partial:
            partial.write_text("".join(lines), encoding="utf-8")


@contextlib.contextmanager
def run_log(
    config: PretrainConfig,
    pretraining: Pretraining,
    record: dict,
    run: RunDirectory,
    team: Team,
) -> Iterator[list[keras.callbacks.Callback]]:
    """Makes what shows and logs a run; only the chief does either.

    Args:
        config: The configuration.
        pretraining: What is trained.
        record: What `load_record` returned; what the devices can do is added
            as `peak_flops`.
        run: Where logs go.
        team: The processes that train together.

    Yields:
        Callbacks for `fit`: the progress bar, `metrics.jsonl`, TensorBoard.
    """
    if not team.is_chief:
        yield []
        return
    peak = config.peak_flops or measured_peak(config.dtype)
    record["peak_flops"] = peak * team.strategy.num_replicas_in_sync
    bar = RunBar(
        record,
        config.steps,
        tokens_per_step(config),
        flops_of(config, pretraining, 1) / record["peak_flops"],
    )
    rows = RowsFile(run, record)
    rows.write()  # an interruption may have left out the last one
    with contextlib.closing(bar):
        yield [
            bar,
            rows,
            keras.callbacks.TensorBoard(
                run / "logs", write_graph=False, update_freq="epoch"
            ),
        ]
