"""Measures serving: our exports beside HuggingFace's PyTorch ConvBERT.

    python -m benchmarks.serving
    python -m benchmarks.serving --quick
    python -m benchmarks.serving --cells float32/batch --rounds 9

Both answer REST through the same front and the same batcher, in turn. Prints
tables and writes `benchmarks/measured/serving.json`, a quick run
`runs/serving.json`. Finished cells are kept there and skipped when the command
is repeated, unless `--fresh` is given. Exit code 1 says that answers disagree
or requests failed, 2 that an argument was wrong. What is measured:
`benchmarks/README.md`.
"""

import argparse
import importlib.metadata
import os
import pathlib
import sys
import tempfile

from benchmarks import problem
from benchmarks.cells import DTYPES
from benchmarks.driver import ContenderError
from benchmarks.machine import describe_moment
from benchmarks.results import open_report
from benchmarks.results import write_report
from benchmarks.serving_cells import MAX_LENGTH
from benchmarks.serving_cells import SERVERS
from benchmarks.serving_cells import all_cells
from benchmarks.serving_cells import server_threads
from benchmarks.serving_driver import measure_cell
from benchmarks.serving_driver import prepare
from benchmarks.serving_table import TARGETS
from benchmarks.serving_table import format_report
from benchmarks.serving_table import speed_ups
from benchmarks.serving_texts import served_texts
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.serving import verify

MEASURED = pathlib.Path(__file__).parent / "measured"
QUICK_RUNS = pathlib.Path("runs")
# Of each server in a round: enough for some dozen batches of the base size.
SECONDS = {"whole": 60.0, "quick": 10.0}
ROUNDS = {"whole": 5, "quick": 1}
# Of the front and the clients; `describe_machine` has the others.
LIBRARIES = ("starlette", "uvicorn", "httpx", "tensorflow-text")


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Reads and checks the command line.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        The arguments, with `cells` as `ServingCell` objects.

    Raises:
        InputError: If a value is not allowed.

    Example:

    ```python
    assert read_arguments(["--quick"]).rounds == 1
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [str(cell) for cell in all_cells()]
    parser.add_argument("--cells", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--servers", nargs="+", choices=SERVERS, default=list(SERVERS)
    )
    parser.add_argument("--rounds", type=int, help="loads of each server")
    parser.add_argument("--seconds", type=float, help="how long a load lasts")
    parser.add_argument("--threads", type=int, help="and cores, of a server")
    parser.add_argument("--size", default="base", choices=problem.SIZES)
    parser.add_argument("--quick", action="store_true", help="1 short round")
    parser.add_argument("--output", type=pathlib.Path, help="a .json file")
    parser.add_argument(
        "--fresh", action="store_true", help="forget all earlier results"
    )
    arguments = parser.parse_args(argv)
    kind = "quick" if arguments.quick else "whole"
    cores = len(os.sched_getaffinity(0))
    for name, default, most in (
        ("rounds", ROUNDS[kind], None),
        ("seconds", SECONDS[kind], None),
        ("threads", server_threads(), cores),
    ):
        value = getattr(arguments, name)
        if value is None:
            setattr(arguments, name, default)
        elif value <= 0 or (most is not None and value > most):
            allowed = "above 0" if most is None else f"1 to {most}"
            raise InputError(
                f"--{name} {value} measures nothing: give {allowed}."
            )
    if arguments.output is None:
        folder = QUICK_RUNS if arguments.quick else MEASURED
        arguments.output = folder / "serving.json"
    arguments.cells = [c for c in all_cells() if str(c) in arguments.cells]
    return arguments


def export_figures(folder: pathlib.Path) -> dict[str, dict]:
    """Checks the exports and returns their sizes and times.

    Args:
        folder: Where `benchmarks.serving_prepare` wrote.

    Returns:
        By dtype the figures of `verify`, and what is made of them.

    Raises:
        ContenderError: A check failed.
    """
    made = {}
    for dtype in DTYPES:
        report = verify(folder / "exports" / dtype)
        if not report.passed:
            raise ContenderError(f"the export failed checks:\n{report}")
        figures = report.figures
        parameters = 4 * figures["parameters"]  # of float32
        share = figures["bytes of weights"] / parameters
        made[dtype] = {**figures, "weights / float32 parameters": share}
    return made


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if answers disagree, requests failed or nothing could be
        measured.
    """
    arguments = read_arguments(argv)
    report = open_report(
        arguments.output,
        arguments.size,
        arguments.fresh,
        _settings(arguments),
    )
    missing = [c for c in arguments.cells if not _is_done(report, c, arguments)]
    if missing:
        try:
            _measure(missing, report, arguments)
        except ContenderError as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    print(f"{format_report(report)}\n\nWritten: {arguments.output}")
    cells = [report["cells"][str(cell)]["results"] for cell in arguments.cells]
    for cell, results in zip(arguments.cells, cells, strict=True):
        _tell_target(cell, results)
    return int(any(is_fault(x) for results in cells for x in results.values()))


def is_fault(result: dict) -> bool:
    """Whether a server's answers disagree, or requests to it failed.

    Args:
        result: One of `measure_cell`.

    Example:

    ```python
    assert is_fault({"errors": {"INTERNAL": 1}})
    ```
    """
    return bool(result.get("disagrees") or result.get("errors"))


def _measure(cells, report, arguments):
    with tempfile.TemporaryDirectory() as folder:
        _say("making the models")
        prepare(arguments.size, folder)
        if "exports" not in report:
            _say("checking the exports")
            report["exports"] = export_figures(pathlib.Path(folder))
            write_report(report, arguments.output)
        for number, cell in enumerate(cells, 1):
            head = f"[{number}/{len(cells)}] {cell}"
            results = measure_cell(
                cell,
                arguments.servers,
                folder,
                arguments.threads,
                arguments.rounds,
                arguments.seconds,
                lambda doing, head=head: _say(f"{head}: {doing}"),
            )
            report["cells"][str(cell)] = {
                **describe_moment(),
                "rounds": arguments.rounds,
                "results": results,
            }
            write_report(report, arguments.output)


def _settings(arguments):
    return {
        "threads": arguments.threads,
        "seconds": arguments.seconds,
        "max_length": MAX_LENGTH,
        "texts": served_texts(2)[0],
        "libraries": {x: importlib.metadata.version(x) for x in LIBRARIES},
    }


def _is_done(report, cell, arguments):
    entry = report["cells"].get(str(cell), {"rounds": 0, "results": {}})
    wanted = set(cell.servers(arguments.servers))
    return (
        entry["rounds"] >= arguments.rounds
        and wanted <= entry["results"].keys()
    )


def _tell_target(cell, results):
    multiples = speed_ups(results)
    if not multiples:
        return
    least, target = min(multiples), TARGETS[cell.dtype]
    said = "reached" if least >= target else "NOT REACHED"
    print(
        f"{cell}: {target:g} times the texts per second of "
        f"the faster peer: {said}, {least:.2f} in the worst round"
    )


def _say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
