"""Commands that build on each other; finished ones are skipped."""

import dataclasses
import hashlib
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import InputError
from training.child_process import GREETINGS
from training.child_process import end_with_parent
from training.files import removed
from training.files import written_whole

_INITIALS = (b"W", b"I", b"E", b"T")
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """A command, what it reads beside earlier stages, and what it makes.

    Args:
        name: A short word, unique among the stages.
        title: What the stage does, for people.
        arguments: What follows `python`.
        outputs: Files or directories that exist when it is finished.
        configs: Files whose content decides the result.
        run_directory: Where the command leaves work that it takes up again;
            removed when the stage changed.
        log: Where the command's output goes, instead of to the terminal; it
            then runs on one thread, as others may run beside it.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    outputs: tuple[Path, ...] = ()
    configs: tuple[Path, ...] = ()
    run_directory: Path | None = None
    log: Path | None = None


def run_stages(
    stages: Sequence[Stage], stamps_path: Path, version: str, fresh: bool
) -> dict[str, dict]:
    """Runs the stages that are not finished, in order.

    A stage is finished if its outputs exist and neither it, its
    configuration nor a stage before it changed since. One that changed
    starts over; one that was only interrupted goes on.

    Args:
        stages: The stages in order.
        stamps_path: JSON file that keeps what was run and how long it took.
        version: Text that stands for everything else the results hang on.
        fresh: Whether to run all stages from the start.

    Returns:
        By name of the stage, a dict of `seconds` and `cpu_seconds` of the
        times it ran until it was finished.

    Raises:
        InputError: A stage failed; it printed why.
    """
    stamps = {} if fresh else _read_stamps(stamps_path)
    mark = version
    for number, stage in enumerate(stages, start=1):
        mark = _digest(mark, stage)
        stamp = stamps.get(stage.name, {})
        is_same = stamp.get("mark") == mark
        if stage.log is None:
            print(f"\n[{number}/{len(stages)}] {stage.title}", flush=True)
        if is_same and stamp["finished"] and _all_exist(stage.outputs):
            if stage.log is None:
                print(f"Finished before in {stamp['seconds']:.0f} s; skipped.")
            continue
        if not is_same and stage.run_directory is not None:
            removed(stage.run_directory)
        if not is_same or stamp["finished"]:
            stamp = {"mark": mark, "seconds": 0.0, "cpu_seconds": 0.0}
        stamp["finished"] = False
        stamps[stage.name] = stamp
        _write_stamps(stamps, stamps_path)
        try:
            _run(stage, stamp)
            stamp["finished"] = True
        finally:
            _write_stamps(stamps, stamps_path)
    return stamps


def python_command() -> str:
    """Returns how to call, from here, the Python that has the packages."""
    path = Path(sys.executable)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


def _run(stage: Stage, stamp: dict) -> None:
    start, cpu_start = time.monotonic(), _children_cpu_seconds()
    try:
        code = _call(stage) if stage.log is None else _call_logged(stage)
    finally:
        stamp["seconds"] += time.monotonic() - start
        if stage.log is None:  # Or others ran beside it.
            stamp["cpu_seconds"] += _children_cpu_seconds() - cpu_start
    if code:
        where = "above" if stage.log is None else f"in '{stage.log}'"
        raise InputError(
            f"The stage '{stage.name}' ended with code {code}; see its "
            f"message {where}, then run the same command again."
        )


def _call(stage: Stage) -> int:
    print(f"$ {python_command()} {shlex.join(stage.arguments)}", flush=True)
    with _process(stage, stderr=subprocess.PIPE) as process:
        _pass_on(process.stderr)
    return process.returncode


def _call_logged(stage: Stage) -> int:
    stage.log.parent.mkdir(parents=True, exist_ok=True)
    with open(stage.log, "ab") as log:
        options = {"stdout": log, "stderr": subprocess.STDOUT}
        with _process(stage, env={**os.environ, **_ONE_THREAD}, **options) as p:
            return p.wait()


def _process(stage: Stage, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *stage.arguments],
        preexec_fn=end_with_parent,
        **options,
    )


def _pass_on(stream) -> None:
    """Copies what a process says on stderr, without TensorFlow's greetings."""
    pending = b""
    while piece := os.read(stream.fileno(), 65536):
        pending = GREETINGS.sub(b"", pending + piece)
        start = pending.rfind(b"\n") + 1
        # An unfinished line may turn out to be a greeting; a progress bar,
        # which never ends its line, cannot.
        keep = start if pending[start : start + 1] in _INITIALS else None
        sys.stderr.buffer.write(pending[:keep])
        sys.stderr.flush()
        pending = b"" if keep is None else pending[keep:]
    sys.stderr.buffer.write(pending)
    sys.stderr.flush()


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _digest(mark: str, stage: Stage) -> str:
    result = hashlib.sha256(f"{mark}\n{stage.arguments}".encode())
    for path in stage.configs:
        result.update(path.read_bytes())
    return result.hexdigest()


def _all_exist(paths: Sequence[Path]) -> bool:
    return all(path.exists() for path in paths)


def _read_stamps(path: Path) -> dict[str, dict]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _write_stamps(stamps: dict, path: Path) -> None:
    with written_whole(path) as partial:
        partial.write_text(json.dumps(stamps, indent=2) + "\n")
