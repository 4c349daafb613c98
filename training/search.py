r"""Fine-tunes with every combination of some keys, to find the best one.

    python -m training.search --config FILE \
        --grid '{"learning_rate": [1e-4, 3e-4], "epochs": [3, 5]}'

All keys of `training.finetune` may be given, in the file or on the command
line. Each trial is a run of its own below `run_directory/trials`, so that an
interrupted search goes on where it was. The best is the one whose metric is
highest on dev. With `--max_trials 10` ten combinations are drawn at random.
Writes `search.json`, `search.md` and `best_config.json`.
"""

import dataclasses
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras_tuner

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.checks import check_range
from training.config import config_text
from training.config import key
from training.config import read_config
from training.files import written_whole
from training.finetune import finetune
from training.finetune import keys_of_task
from training.finetune_config import DEBUG
from training.finetune_config import FinetuneConfig
from training.finetune_config import check_config
from training.report import write_metrics

_OBJECTIVE = "dev"
# What a trial learns, and where it is written, is the same for all.
_NOT_SEARCHED = ("run_directory", "task", "data_directory", "kind", "metric")


@dataclasses.dataclass(frozen=True)
class SearchConfig(FinetuneConfig):
    """The keys of a search: those of a fine-tuning, and a grid."""

    run_directory: str = key("runs/search", "where everything is written")
    grid: dict | None = key(None, "values to try, a list for each key")
    max_trials: int | None = key(None, "combinations at random, null: all")


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["--train", "train.tsv", "--grid", '{"epochs": [3, 5]}'])
    ```
    """
    config, fresh = read_config(
        SearchConfig, argv, "python -m training.search", DEBUG, keys_of_task
    )
    check_range(config, "max_trials", least=1)
    grid = checked_grid(config)
    # The tuner's own resuming fails in a grid, and is not needed: trials are
    # fine-tuning runs, and finished ones are skipped.
    with tempfile.TemporaryDirectory() as directory:
        tuner = _Runs(
            config, fresh, oracle=_oracle(config, grid), directory=directory
        )
        try:
            tuner.search()
        except keras_tuner.errors.FatalError as error:
            raise error.__cause__ from None
    write_report(tuner.trials, Path(config.run_directory))


def checked_grid(config: SearchConfig) -> dict[str, list]:
    """Returns the grid with values of the types that their keys have.

    Args:
        config: The configuration.

    Raises:
        InputError: It is missing, or names an unknown key or a wrong value.
    """
    grid = config.grid
    if not grid or not all(isinstance(v, list) and v for v in grid.values()):
        raise InputError(
            "The key 'grid' must be a JSON object with a list of values for "
            f"each key that is searched; it is {json.dumps(grid)}."
        )
    checked = {}
    for name, values in grid.items():
        if name in _NOT_SEARCHED:
            raise InputError(
                f"The key {name!r} cannot be searched; leave it out of `grid`."
            )
        checked[name] = [_checked(name, value) for value in values]
        for value in checked[name]:
            check_config(dataclasses.replace(config, **{name: value}))
    return checked


def trial_config(config: SearchConfig, values: dict) -> FinetuneConfig:
    """Returns the configuration of a trial.

    Args:
        config: The configuration of the search.
        values: The values of the keys that are searched.

    Returns:
        One with its own run directory.
    """
    keys = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(FinetuneConfig)
    }
    words = [f"{name}={json.dumps(value)}" for name, value in values.items()]
    folder = re.sub(r"[^\w.,=+-]", "_", ",".join(words))
    run_directory = str(Path(config.run_directory, "trials", folder))
    return FinetuneConfig(**{**keys, **values, "run_directory": run_directory})


def write_report(trials: list[dict], directory: Path) -> None:
    """Writes all trials, the best first, and the best configuration.

    Args:
        trials: A dict each of `values`, `metric`, `scores` and `config`.
        directory: Where the files are written.

    Raises:
        InputError: A file cannot be written.
    """
    ranked = sorted(trials, key=_dev_score, reverse=True)
    best = ranked[0]
    write_metrics(
        {"metric": best["metric"], "trials": [_figures(t) for t in ranked]},
        directory / "search.json",
    )
    text = table(ranked)
    with written_whole(directory / "search.md") as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    with written_whole(directory / "best_config.json") as partial:
        partial.write_text(config_text(best["config"]), encoding="utf-8")
    print(text)
    preset = Path(best["config"].run_directory, "preset")
    print(f"The best preset is {preset}; wrote {directory}.")


def table(ranked: list[dict]) -> str:
    """Returns trials as Markdown, a row each.

    Args:
        ranked: The trials, see `write_report`.

    Returns:
        The lines, without a line feed at the end.
    """
    best = ranked[0]
    splits, names = list(best["scores"]), list(best["values"])
    heads = [*names, *(f"{best['metric']} on {split}" for split in splits)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for trial in ranked:
        cells = [json.dumps(trial["values"][name]) for name in names]
        cells += [
            f"{trial['scores'][split][trial['metric']]:.4f}" for split in splits
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _checked(name: str, value):
    """Returns a value as `training.finetune` would read it."""
    argument = f"--{name}={json.dumps(value)}"
    config, _ = read_config(FinetuneConfig, [argument], "", {})
    return getattr(config, name)


def _oracle(config: SearchConfig, grid: dict[str, list]):
    """Returns what chooses the combinations."""
    space = keras_tuner.HyperParameters()
    for name, values in grid.items():
        # It takes texts and numbers only; a value may be a list or null.
        space.Choice(name, [json.dumps(value) for value in values])
    objective = keras_tuner.Objective(_OBJECTIVE, "max")
    if config.max_trials is None:
        return keras_tuner.oracles.GridSearchOracle(
            objective, hyperparameters=space
        )
    return keras_tuner.oracles.RandomSearchOracle(
        objective, config.max_trials, config.seed, hyperparameters=space
    )


class _Runs(keras_tuner.Tuner):
    """A tuner whose trials are fine-tuning runs."""

    def __init__(self, config: SearchConfig, fresh: bool, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.fresh = fresh
        self.trials = []

    def run_trial(self, trial):
        values = {
            name: json.loads(value)
            for name, value in trial.hyperparameters.values.items()
        }
        config = trial_config(self.config, values)
        try:
            metrics = finetune(config, self.fresh)
        except Exception as error:
            # The tuner would take any other one for a bad trial.
            raise keras_tuner.errors.FatalError(str(error)) from error
        found = {
            "values": values,
            "metric": metrics["metric"],
            "scores": metrics["scores"],
            "config": config,
        }
        self.trials.append(found)
        return {_OBJECTIVE: _dev_score(found)}


def _dev_score(trial: dict) -> float:
    return trial["scores"]["dev"][trial["metric"]]


def _figures(trial: dict) -> dict:
    return {"values": trial["values"], "scores": trial["scores"]}


if __name__ == "__main__":
    main()
