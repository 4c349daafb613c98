"""The measured cells on disk: `results.json` and its chart."""

import json
import os
import pathlib

from benchmarks.machine import describe_machine
from benchmarks.report import draw_chart
from keras_mixattn.errors import InputError


def load_report(path: pathlib.Path, size: str, fresh: bool) -> dict:
    """Loads the report of an earlier run, or starts one.

    Args:
        path: The path of `results.json`.
        size: A key of `problem.SIZES`.
        fresh: Whether to forget the earlier run.

    Returns:
        A report of this size, machine and library versions.

    Raises:
        InputError: If the file is no report of this size and machine.
    """
    machine = describe_machine()
    empty = {"size": size, "machine": machine, "cells": {}}
    if fresh or not path.exists():
        return empty
    try:
        report = json.loads(path.read_text("utf-8"))
        same_size = report["size"] == size
        same_machine = report["machine"] == machine
    except (ValueError, KeyError, TypeError, OSError):
        same_size = same_machine = False
    if not same_size:
        raise InputError(
            f"{str(path)!r} holds no results of size {size!r}: pass another "
            "--output, or --fresh to replace it."
        )
    if not same_machine:
        raise InputError(
            f"{str(path)!r} is from another machine or other library versions "
            "(its key 'machine'): pass another --output, or --fresh to "
            "replace it."
        )
    return report


def open_report(
    path: pathlib.Path, size: str, fresh: bool, settings: dict
) -> dict:
    """Loads or starts a report that is measured with fixed settings.

    Args:
        path: The path of the JSON file, in a folder that is made if missing.
        size: A key of `problem.SIZES`.
        fresh: Whether to forget the earlier run.
        settings: What all of its cells are measured with.

    Returns:
        A report with these settings.

    Raises:
        InputError: If the file is another report, or has no place.
    """
    report = load_report(path, size, fresh)
    if report.setdefault("settings", settings) != settings:
        raise InputError(
            f"{str(path)!r} was measured with other settings: pass another "
            "--output, or --fresh to replace it."
        )
    make_folder_of(path)
    return report


def make_folder_of(path: pathlib.Path) -> None:
    """Makes the folder of a file that will be written after long work.

    Args:
        path: The file.

    Raises:
        InputError: If it has no place.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--output {str(path)!r} is in no folder that can be made "
            f"({error.strerror}): give a path that can be written."
        ) from error


def write_report(report: dict, path: pathlib.Path) -> None:
    """Writes a report as JSON, whole or not at all.

    Args:
        report: The report.
        path: The file, replaced if it exists.
    """
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    os.replace(part, path)


def save_report(report: dict, folder: pathlib.Path) -> None:
    """Writes `results.json` and `results.png`, whole or not at all.

    Args:
        report: The report.
        folder: Where to write.
    """
    write_report(report, folder / "results.json")
    try:
        draw_chart(report, folder / "results.part.png")
    except ImportError as error:
        print(f"no chart: {error}")
        return
    os.replace(folder / "results.part.png", folder / "results.png")
