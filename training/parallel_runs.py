"""Runs of several stages each, as many at a time as there are cores."""

import concurrent.futures
from collections.abc import Callable
from collections.abc import Sequence

from tqdm import tqdm

from keras_mixattn.errors import InputError
from training.files import removed
from training.stages import Stage
from training.stages import run_stages

# What only an unfinished run needs is many times larger than the rest.
_NEEDED_TO_RESUME = ("windows", "state*.npz", "best.npz", "logs")


def run_all(
    runs: Sequence,
    stages_of: Callable[[object], list[Stage]],
    workers: int,
    title: str,
    mark: str,
) -> None:
    """Runs what has not finished; one that failed does not stop the others.

    Args:
        runs: Any objects.
        stages_of: A function from a run to its stages, whose `log`s are in
            the directory of the run.
        workers: Number of runs at a time.
        title: What the progress bar says.
        mark: Text that stands for what all stages hang on.

    Raises:
        InputError: A stage failed; its log says why.
    """
    failed = []
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_run, stages_of(run), mark) for run in runs]
        for future in tqdm(
            concurrent.futures.as_completed(futures),
            desc=title,
            total=len(runs),
            unit=" runs",
        ):
            if error := future.exception():
                failed.append(error)
    if failed:
        raise InputError(
            f"{len(failed)} of {len(runs)} runs failed, the first so: "
            f"{failed[0]}"
        )


def _run(stages: list[Stage], mark: str) -> None:
    run_stages(stages, stages[0].log.parent / "stages.json", mark, fresh=False)
    for stage in stages:
        for name in _NEEDED_TO_RESUME if stage.run_directory else ():
            for path in stage.run_directory.glob(name):
                removed(path)
