"""Measures what pooling heads cost beside attention heads.

    python -m benchmarks.mixer_costs
    python -m benchmarks.mixer_costs --quick
    python -m benchmarks.mixer_costs --cells layer/train model --rounds 9

Prints tables and writes `benchmarks/measured/mixer_costs.json`, a quick run
`runs/mixer_costs.json`. Finished cells are kept there and skipped when the
command is repeated, unless `--fresh` is given. Exit code 1 says that a cell
failed, 2 that an argument was wrong. What is measured: `benchmarks/README.md`.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile
from collections.abc import Callable

from benchmarks.alternate import WARM_UP_STEPS
from benchmarks.driver import ContenderError
from benchmarks.driver import start
from benchmarks.machine import describe_moment
from benchmarks.mixer_cells import ALLOCATIONS
from benchmarks.mixer_cells import MEMORIES
from benchmarks.mixer_cells import PARTS
from benchmarks.mixer_cells import MixerCell
from benchmarks.mixer_cells import default_cells
from benchmarks.mixer_cells import quick_cells
from benchmarks.mixer_table import format_report
from benchmarks.results import open_report
from benchmarks.results import write_report
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error

MEASURED = pathlib.Path(__file__).parent / "measured"
QUICK_RUNS = pathlib.Path("runs")
DEFAULT_ROUNDS = 7
QUICK_ROUNDS = 2
SETTINGS = {
    "threads": 1,
    "untimed_steps": WARM_UP_STEPS,
    "allocations": list(ALLOCATIONS),
    "padding": "the last quarter of the last row",
    "loss": "mean squared error of the last hidden state",
    "optimizer": "FusedAdamW, in the whole model",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a command measures, and how it shows that.

    Args:
        name: Name of the command and of its file of results.
        help: What `--help` says.
        parts: How the names of its cells begin.
        cells: The cells of a whole run.
        quick_cells: Those of a quick one.
        sizes: Sizes of the encoder, the default first.
        settings: What all its cells have in common.
        format_report: Writes the content of the file as Markdown.
    """

    name: str
    help: str
    parts: tuple[str, ...]
    cells: list[MixerCell]
    quick_cells: list[MixerCell]
    sizes: tuple[str, ...]
    settings: dict
    format_report: Callable[[dict], str]


COSTS = Comparison(
    name="mixer_costs",
    help=__doc__,
    parts=PARTS,
    cells=default_cells(),
    quick_cells=quick_cells(),
    sizes=("base", "tiny"),
    settings=SETTINGS,
    format_report=format_report,
)


def read_arguments(
    argv: list[str] | None, comparison: Comparison = COSTS
) -> argparse.Namespace:
    """Reads and checks the command line.

    Args:
        argv: Arguments, or None for those of the process.
        comparison: What is measured.

    Returns:
        The arguments, with `cells` as `MixerCell` objects.

    Raises:
        InputError: If a value is not allowed.

    Example:

    ```python
    assert read_arguments(["--cells", "memory"]).cells[0].part == "memory"
    ```
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{comparison.name}",
        description=comparison.help,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--cells",
        nargs="+",
        help=f"how names of cells begin: {comparison.parts}",
    )
    parser.add_argument("--rounds", type=int, help="timed steps of each")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{len(comparison.quick_cells)} cells, {QUICK_ROUNDS} rounds",
    )
    sizes = comparison.sizes
    parser.add_argument("--size", default=sizes[0], choices=sizes)
    parser.add_argument("--output", type=pathlib.Path, help="a .json file")
    parser.add_argument(
        "--fresh", action="store_true", help="forget all earlier results"
    )
    arguments = parser.parse_args(argv)
    if arguments.rounds is None:
        arguments.rounds = QUICK_ROUNDS if arguments.quick else DEFAULT_ROUNDS
    if arguments.rounds < 1:
        raise InputError(
            f"--rounds {arguments.rounds} measures nothing: give 1 or more."
        )
    if arguments.output is None:
        folder = QUICK_RUNS if arguments.quick else MEASURED
        arguments.output = folder / f"{comparison.name}.json"
    cells = comparison.quick_cells if arguments.quick else comparison.cells
    arguments.cells = _chosen(cells, arguments.cells)
    return arguments


def measure_cell(cell: MixerCell, size: str, rounds: int) -> dict[str, dict]:
    """Measures a cell: times in one process, memory in one each.

    Args:
        cell: The cell.
        size: A key of `problem.SIZES`.
        rounds: Timed steps of each contender.

    Returns:
        For each contender its `"cpu"` seconds by round, or its `"mb"`.

    Raises:
        ContenderError: If a process fails.
    """
    groups = [cell.contenders]
    if cell.part in MEMORIES:
        groups = [[name] for name in cell.contenders]
    results = {}
    for names in groups:
        with tempfile.TemporaryFile("w+") as log:
            arguments = [cell, size, rounds, *names]
            process = start("benchmarks.mixer_worker", 1, arguments, log)
            answer, _ = process.communicate()
            if process.returncode:
                raise ContenderError(_why_it_ended(process.returncode, log))
        results |= json.loads(answer)
    return results


def run(argv: list[str] | None, comparison: Comparison) -> int:
    """Measures the cells that are missing and prints all.

    Args:
        argv: Arguments, or None for those of the process.
        comparison: What is measured.

    Returns:
        0, or 1 if a cell failed.

    Raises:
        InputError: If a value is not allowed.
    """
    arguments = read_arguments(argv, comparison)
    path, failed = arguments.output, False
    report = open_report(
        path, arguments.size, arguments.fresh, comparison.settings
    )
    missing = [c for c in arguments.cells if not _is_done(report, c, arguments)]
    for number, cell in enumerate(missing):
        head = f"[{number + 1}/{len(missing)}] {cell}"
        print(head, file=sys.stderr, flush=True)
        try:
            rounds = _rounds(cell, arguments)
            results = measure_cell(cell, arguments.size, rounds)
        except ContenderError as error:
            print(f"{head} failed: {error}", file=sys.stderr)
            failed = True
            continue
        report["cells"][str(cell)] = {
            **describe_moment(),
            "rounds": rounds,
            "results": results,
        }
        write_report(report, path)
    print(comparison.format_report(report) + f"\n\nWritten: {path}")
    return int(failed)


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if a cell failed.
    """
    return run(argv, COSTS)


def _chosen(cells, beginnings):
    for beginning in beginnings or ():
        if not any(str(cell).startswith(beginning) for cell in cells):
            raise InputError(
                f"No cell begins with {beginning!r}: give the beginning of "
                f"one, such as {cells[0].part} or {cells[-1]}."
            )
    beginnings = tuple(beginnings or [""])
    return [cell for cell in cells if str(cell).startswith(beginnings)]


def _is_done(report, cell, arguments):
    entry = report["cells"].get(str(cell), {"rounds": 0})
    return entry["rounds"] >= _rounds(cell, arguments)


def _rounds(cell, arguments):
    # Memory is the same in every round.
    return 1 if cell.part in MEMORIES else arguments.rounds


def _why_it_ended(code, log):
    log.seek(0)
    said = log.read().strip().splitlines() or ["without a word"]
    return f"its process ended with code {code}: {said[-1][:300]}"


if __name__ == "__main__":
    sys.exit(main())
