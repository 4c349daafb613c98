"""Whether an export is what TensorFlow Serving needs, in one report."""

import contextlib
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.errors import InputError
from keras_mixattn.serving.exportable import DTYPES
from keras_mixattn.serving.fresh_process import TIMEOUT
from keras_mixattn.serving.fresh_process import SavedModelError
from keras_mixattn.serving.runtime_checks import OPERATION_SETS
from keras_mixattn.serving.runtime_checks import check_against_keras
from keras_mixattn.serving.runtime_checks import check_answers
from keras_mixattn.serving.runtime_checks import run_warm_up
from keras_mixattn.serving.static_checks import UNREADABLE
from keras_mixattn.serving.static_checks import Export
from keras_mixattn.serving.static_checks import check_manifest
from keras_mixattn.serving.static_checks import check_operations
from keras_mixattn.serving.static_checks import check_signatures
from keras_mixattn.serving.static_checks import check_warm_up
from keras_mixattn.serving.static_checks import check_weights
from keras_mixattn.serving.static_checks import stored_floats
from keras_mixattn.serving.task_copies import computed_with
from keras_mixattn.serving.versions import existing_versions

_STATIC_CHECKS = {
    "signatures": check_signatures,
    "operations": check_operations,
    "weights": check_weights,
    "warm_up": check_warm_up,
    "manifest": check_manifest,
}
_SHOWN = 5


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        problems: What is wrong, in sentences; none if all is well.
    """

    name: str
    problems: list[str]


class Report(NamedTuple):
    """What `verify` found.

    Attributes:
        directory: The SavedModel.
        checks: The checks, in their order.
        figures: Sizes in bytes, times in seconds and differences by name.
    """

    directory: Path
    checks: list[Check]
    figures: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether no check found a problem."""
        return not self.failed

    @property
    def failed(self) -> list[str]:
        """The names of the checks that found problems."""
        return [check.name for check in self.checks if check.problems]

    def summary(self) -> str:
        """Returns the failed checks in a line, each with its first problem."""
        return "; ".join(
            f"{name}: {problems[0].splitlines()[0]}"
            for name, problems in self.checks
            if problems
        )

    def __str__(self):
        lines = [f"{self.directory}"]
        for name, problems in self.checks:
            lines.append(f"  {'FAILED' if problems else 'ok':8}{name}")
            lines += [f"          {problem}" for problem in problems[:_SHOWN]]
            if len(problems) > _SHOWN:
                lines.append(f"          and {len(problems) - _SHOWN} more")
        for name, value in self.figures.items():
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
            lines.append(f"  {shown:>12}  {name}")
        return "\n".join(lines)


def verify(
    directory: str | Path, task=None, timeout: float = TIMEOUT
) -> Report:
    """Checks an export as TensorFlow Serving will use it.

    The static checks read its files: the signatures against the contract,
    the operations against those of a server, the weights, the warm-up
    requests and the manifest. Then a process of its own, without Keras or
    TensorFlow's Python package, loads it by TensorFlow's C++ loader, with XLA
    off, and runs the warm-up requests, once with the operations of tf.text
    that TensorFlow Serving 2.13 to 2.19 links and once with those of 2.20.

    Args:
        directory: A SavedModel that `export_saved_model` wrote, or the
            directory that holds its versions, of which the highest is taken.
        task: The task that was exported, to compare the answers to the
            warm-up texts with. Numbers are to agree to 1e-5 in float32 and to
            0.05 in half precision, of those beyond one relative to them;
            strings and integers are to be the same, but where another choice
            was as good. If it was exported in another data type, it is
            compared in that one, and the report also says how far the answers
            are from it as it is. Optional.
        timeout: Seconds that each process has.

    Returns:
        The `Report`; it can be printed.

    Raises:
        InputError: There is no SavedModel.

    Example:

    ```python
    from keras_mixattn.serving import export_saved_model

    export_saved_model(classifier, "saved_models/demo", verify=False)
    report = verify("saved_models/demo", classifier)
    assert report.passed, report
    ```
    """
    export = _readable(_saved_model(Path(directory)))
    checks = [
        Check(name, check(export)) for name, check in _STATIC_CHECKS.items()
    ]
    figures, answers = _sizes(export), None
    for releases in OPERATION_SETS:
        try:
            answers = run_warm_up(export, releases, times=2, timeout=timeout)
        except (SavedModelError, ValueError) as error:
            problems, answers = [f"{error}"], None
        else:
            problems = check_answers(export, answers)
            figures |= _times(export, answers)
        checks.append(Check(f"C++ runtime, {releases}", problems))
    if task is not None and answers is not None and export.is_described:
        problems, differences = _compared(export, answers, task)
        checks.append(Check("same as Keras", problems))
        figures |= differences
    return Report(export.path, checks, figures)


def _compared(export, answers, task):
    own, dtype = task.backbone.dtype_policy.name, export.manifest["dtype"]
    is_other = dtype in DTYPES and dtype != own
    same = computed_with(task, dtype) if is_other else task
    problems, difference = check_against_keras(export, answers, same)
    figures = {"largest difference from Keras": difference}
    if is_other:
        _, difference = check_against_keras(export, answers, task)
        figures[f"largest difference from the task in {own}"] = difference
    return problems, figures


def _saved_model(directory):
    path = directory
    if not (path / "saved_model.pb").exists():
        versions = existing_versions(directory)
        path = versions[max(versions)] if versions else directory
    if not (path / "saved_model.pb").exists():
        raise InputError(
            f"'{directory}' holds no SavedModel; give the directory of a "
            "model or of one of its versions, such as saved_models/demo."
        )
    return path


def _readable(path):
    export = Export(path)
    try:
        _ = export.meta_graph
    except Exception as error:  # whatever damaged bytes lead to
        raise InputError(
            f"'{path / 'saved_model.pb'}' is damaged; export the model again."
        ) from error
    return export


def _sizes(export):
    sizes = {
        "bytes of the graph": (export.path / "saved_model.pb").stat().st_size
    }
    if export.manifest.get("parameters"):
        sizes["parameters"] = export.manifest["parameters"]
    with contextlib.suppress(UNREADABLE):  # which a check reports
        floats = stored_floats(export.path)
        sizes["bytes of weights"] = sum(count * size for count, size in floats)
    return sizes


def _times(export, report):
    """Returns the first and the last time of each signature's requests."""
    times = {"seconds to load": report["load_seconds"]}
    for which, order in (("first", -1), ("last", 1)):
        names = [name for name, _ in export.warm_up * 2]
        seconds = [one.get("seconds") for one in report["answers"]]
        pairs = list(zip(names, seconds, strict=True))[::order]
        times |= {
            f"seconds of the {which} {name}": value
            for name, value in pairs
            if value is not None
        }
    return times
