"""Measures this ConvBERT beside its peers, in one run and alternating.

    python -m benchmarks.compare
    python -m benchmarks.compare --quick
    python -m benchmarks.compare --cells forward/float32/4x128/1 --rounds 9

Prints a table, and writes `results.json` and `results.png`. Finished cells
are kept in `results.json` and skipped when the command is repeated, unless
`--fresh` is given. Exit code 1 says that a contender's outputs disagree,
2 that an argument was wrong. What is measured: `benchmarks/README.md`.
"""

import argparse
import pathlib
import sys
import tempfile
import time

from benchmarks import problem
from benchmarks.cells import DTYPES
from benchmarks.cells import MAX_LENGTH
from benchmarks.cells import TASKS
from benchmarks.cells import Cell
from benchmarks.cells import all_threads
from benchmarks.cells import default_cells
from benchmarks.cells import parse_cell
from benchmarks.contenders import CONTENDERS
from benchmarks.driver import measure_cell
from benchmarks.machine import describe_moment
from benchmarks.report import format_cell
from benchmarks.results import load_report
from benchmarks.results import save_report
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error

DEFAULT_ROUNDS = 5
QUICK_ROUNDS = 2


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Reads and checks the command line.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        The arguments, with `cells` as `Cell` objects.

    Raises:
        InputError: If a value is not allowed.

    Example:

    ```python
    assert read_arguments(["--quick"]).rounds == 2
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--size", default="base", help=", ".join(problem.SIZES))
    parser.add_argument("--output", default="runs/benchmark")
    parser.add_argument("--cells", nargs="+", help="TASK/DTYPE/SHAPE/THREADS")
    parser.add_argument("--contenders", nargs="+", help=", ".join(CONTENDERS))
    parser.add_argument("--rounds", type=int, help="bursts of each contender")
    parser.add_argument(
        "--quick", action="store_true", help="4 cells, 2 rounds"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="forget all earlier results"
    )
    arguments = parser.parse_args(argv)
    _check_name("size", arguments.size, problem.SIZES)
    arguments.contenders = arguments.contenders or list(CONTENDERS)
    for name in arguments.contenders:
        _check_name("contender", name, CONTENDERS)
    if arguments.rounds is None:
        arguments.rounds = QUICK_ROUNDS if arguments.quick else DEFAULT_ROUNDS
    if arguments.rounds < 1:
        raise InputError(
            f"--rounds {arguments.rounds} measures nothing: give 1 or more."
        )
    arguments.cells = (
        list(dict.fromkeys(_read_cell(text) for text in arguments.cells))
        if arguments.cells
        else default_cells(arguments.quick)
    )
    return arguments


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if the outputs of a contender disagree.
    """
    arguments = read_arguments(argv)
    folder = pathlib.Path(arguments.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--output {arguments.output!r} cannot be used as a folder "
            f"({error.strerror}): give a path that can be written."
        ) from error
    report = load_report(
        folder / "results.json", arguments.size, arguments.fresh
    )
    missing = [c for c in arguments.cells if not _is_done(report, c, arguments)]
    skipped = len(arguments.cells) - len(missing)
    if skipped:
        print(f"{skipped} finished cell(s) kept; --fresh measures them again")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as prepared:
        for number, cell in enumerate(missing):
            tell = _Progress(cell, number, len(missing), began)
            report["cells"][str(cell)] = {
                **describe_moment(),
                "rounds": arguments.rounds,
                "results": measure_cell(
                    cell,
                    arguments.contenders,
                    arguments.size,
                    arguments.rounds,
                    prepared,
                    tell,
                ),
            }
            save_report(report, folder)
            tell.finish()
    results = {
        cell: report["cells"][str(cell)]["results"] for cell in arguments.cells
    }
    for cell, cell_results in results.items():
        print("\n" + format_cell(cell, arguments.size, cell_results))
    print(f"\nWritten: {folder / 'results.json'}, {folder / 'results.png'}")
    return int(
        any(
            row.get("disagrees") for x in results.values() for row in x.values()
        )
    )


class _Progress:
    """One line that says what runs now and when all cells will be done."""

    def __init__(self, cell: Cell, number: int, total: int, began: float):
        self.head = f"[{number + 1}/{total}] {cell}"
        self.number, self.total, self.began = number, total, began

    def __call__(self, doing: str, share: float) -> None:
        if not sys.stderr.isatty():
            return
        done = self.number + share
        left = "?"
        if done:
            seconds = (time.monotonic() - self.began) * (self.total / done - 1)
            left = f"{seconds / 60:.0f} min"
        line = f"{self.head}: {doing}, {left} left"
        print(f"\r{line:<78}", end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        print(f"\r{self.head}: done{'':40}", file=sys.stderr, flush=True)


def _is_done(report, cell, arguments):
    entry = report["cells"].get(str(cell), {"rounds": 0, "results": {}})
    enough = entry["rounds"] >= arguments.rounds
    known, wanted = set(entry["results"]), set(arguments.contenders)
    if known - wanted and not (enough and wanted <= known):
        # Ratios are taken within a round: rows of two runs do not mix.
        raise InputError(
            f"Measuring {cell} again without {', '.join(known - wanted)} "
            "would lose their results: pass another --output, or --fresh."
        )
    return enough and wanted <= known


def _check_name(what, name, allowed):
    if name not in allowed:
        raise InputError(
            f"The {what} {name!r} is not known: give one of "
            f"{', '.join(allowed)}."
        )


def _read_cell(text):
    try:
        cell = parse_cell(text)
        if cell.threads > all_threads():
            raise ValueError(text)
        return cell
    except ValueError:
        raise InputError(
            f"The cell {text!r} cannot be measured: write it as TASK/DTYPE/"
            "BATCHxLENGTH/THREADS, such as forward/float32/4x128/1, with a "
            f"task of {', '.join(TASKS)}, a dtype of {', '.join(DTYPES)}, a "
            f"length of 1 to {MAX_LENGTH} and 1 to {all_threads()} threads "
            "(or `all`)."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
