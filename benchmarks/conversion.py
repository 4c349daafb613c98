"""Measures the conversion: what damage does to it, its ids, what it costs.

    python -m benchmarks.conversion
    python -m benchmarks.conversion --parts tokenizer
    python -m benchmarks.conversion --quick

`corruptions` damages valid sources of every format and counts how they are
refused, or converted to what an independent reader finds in them. `tokenizer`
compares ids with those of HuggingFace's fast tokenizer, in Python and in
TensorFlow's graphs. `cost` converts a checkpoint of the base size in a process
of its own. Prints a table and writes `benchmarks/measured/conversion.json`, a
quick run `runs/conversion.json`; parts that are not asked for are kept there.
Needs `requirements-dev.txt`, for pickles PyTorch too. Exit code 1 says that
something went wrong, 2 that an argument was wrong.
"""

import argparse
import gzip
import importlib.util
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter

import keras

from benchmarks.machine import describe_machine
from benchmarks.machine import describe_moment
from benchmarks.results import make_folder_of
from benchmarks.results import write_report
from keras_mixattn.conversion import convert
from keras_mixattn.conversion import export_to_hugging_face
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertTokenizer
from tests.conversion.corruptions import FORMATS
from tests.conversion.corruptions import OUTCOMES
from tests.conversion.corruptions import corrupt
from tests.conversion.corruptions import outcome
from tests.models.test_tokenizer import SETTINGS
from tests.models.test_tokenizer import expected_ids
from tests.models.test_tokenizer import in_graph
from tests.models.test_tokenizer import random_texts
from tests.models.test_tokenizer import reference

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
VOCABULARY = SHARED / "vocab" / "bert_base_uncased.txt"
SEED = 20240511
PARTS = ("corruptions", "tokenizer", "cost")
# Of the corruptions of all formats, and of the texts of all settings.
COUNTS = {"full": 2000, "quick": 25}
TEXTS = {"full": 100_000, "quick": 500}
SIZES = {"full": "base", "quick": "small"}
# Most times the weights that a conversion may take of memory.
MOST_MEMORY = 2.5
MEBIBYTE = 2**20


def measure_corruptions(count: int) -> dict:
    """Damages sources and counts what comes of it.

    Args:
        count: Corruptions, of all formats together.

    Returns:
        By format the number of each of `OUTCOMES`, and the `faults`: seed,
        damage and message of what should not have happened.
    """
    is_torch_there = importlib.util.find_spec("torch") is not None
    names = [n for n in FORMATS if n != "pickle" or is_torch_there]
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: _corruptions(
                FORMATS[name], pathlib.Path(folder) / name, count // len(names)
            )
            for name in names
        }


def _corruptions(form, folder, count):
    print(f"corruptions of {folder.name}", file=sys.stderr, flush=True)
    form.write(folder / "valid")
    found, faults = Counter(), []
    for seed in range(SEED, SEED + count):
        work = folder / "work"
        shutil.copytree(folder / "valid", work / "source")
        how = corrupt(work / "source", form.files, random.Random(seed))
        said, message = outcome(form, work / "source", work / "preset")
        found[said] += 1
        if said not in ("refused", "right"):
            faults.append(f"{seed}, {how}: {said}: {message[:300]}")
        shutil.rmtree(work)
        keras.backend.clear_session()
    return {**{name: found[name] for name in OUTCOMES}, "faults": faults}


def measure_tokenizer(count: int, vocabulary: pathlib.Path) -> dict:
    """Compares ids with HuggingFace's in both paths.

    Args:
        count: Texts, of all settings together.
        vocabulary: A `vocab.txt`.

    Returns:
        The number of `texts`, and those that differ in `python` and `graph`.

    Raises:
        InputError: If the vocabulary is missing.
    """
    if not vocabulary.exists():
        raise InputError(
            f"--vocabulary '{vocabulary}' does not exist: give a vocab.txt, "
            "or leave the part tokenizer out."
        )
    lines = vocabulary.read_text(encoding="utf-8").removesuffix("\n")
    words, differ = lines.split("\n"), Counter()
    share = count // len(SETTINGS)
    for seed, settings in enumerate(SETTINGS, SEED):
        texts = [
            *_written_texts(share // 3, seed),
            *random_texts(words, share - share // 3, seed),
        ]
        tokenizer = ConvBertTokenizer(words, **settings)
        ids = expected_ids(reference(words, **settings), texts)
        differ["python"] += _differences(tokenizer(texts), ids)
        differ["graph"] += _differences(in_graph(tokenizer, texts), ids)
    return {"texts": share * len(SETTINGS), **differ}


def _written_texts(count, seed):
    """Lines that people wrote: this project's own, and those beside it."""
    paths = [*ROOT.glob("*.md"), *sorted(SHARED.glob("text/*/*.gz"))]
    lines = [line for path in paths for line in _lines(path) if line.strip()]
    return random.Random(seed).choices(lines, k=count)


def _lines(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        return file.read(MEBIBYTE).decode("utf-8", "ignore").splitlines()


def _differences(found, expected):
    return sum(a != b for a, b in zip(found, expected, strict=True))


def measure_cost(size: str) -> dict:
    """Converts a checkpoint with random weights, in a fresh process.

    Args:
        size: A published size of ConvBERT.

    Returns:
        `seconds`, `weights_mb`, `peak_mb` beyond what the process took when
        it had built a small model, and their ratio.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "source"
        backbone = ConvBertBackbone.from_architecture(size, padding="leak")
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words += [f"word{n}" for n in range(backbone.vocabulary_size - 5)]
        tokenizer = ConvBertTokenizer(words, lowercase=True)
        export_to_hugging_face(backbone, source, tokenizer=tokenizer)
        process = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.conversion",
                "--cost_of",
                source,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return {"size": size, **json.loads(process.stdout.splitlines()[-1])}


def cost_of(source: pathlib.Path) -> dict:
    """Converts a checkpoint and measures this process.

    Args:
        source: Directory of a checkpoint with a `model.safetensors`.

    Returns:
        See `measure_cost`.
    """
    ConvBertBackbone(11, 1, 2, 8, 16)  # what TensorFlow takes once
    before, start = _memory("VmRSS"), time.perf_counter()
    convert(source, source.parent / "preset")
    seconds = time.perf_counter() - start
    peak = _memory("VmHWM") - before
    weights = os.path.getsize(source / "model.safetensors") / MEBIBYTE
    return {
        "seconds": round(seconds, 1),
        "weights_mb": round(weights, 1),
        "peak_mb": round(peak, 1),
        "peak_of_weights": round(peak / weights, 2),
    }


def _memory(field):
    """Mebibytes; what `resource` tells includes the parent's."""
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


def is_fault(part: str, result: dict) -> bool:
    """Whether a result is not as it must be.

    Args:
        part: A key of `PARTS`.
        result: What its function returned.

    Returns:
        True if anything went wrong.

    Example:

    ```python
    assert is_fault("cost", {"peak_of_weights": 2.6})
    ```
    """
    if part == "corruptions":
        return any(counts["faults"] for counts in result.values())
    if part == "tokenizer":
        return bool(result["python"] or result["graph"])
    return result["peak_of_weights"] > MOST_MEMORY


def format_report(report: dict) -> str:
    """Formats what was measured, a line for each result.

    Args:
        report: The content of `conversion.json`.

    Returns:
        Lines of text.
    """
    lines = [report["machine"]["processor"]]
    for name, counts in report["parts"].get("corruptions", {}).items():
        found = ", ".join(f"{counts[said]} {said}" for said in OUTCOMES)
        lines += [f"corruptions of {name}: {found}", *counts["faults"]]
    if "tokenizer" in report["parts"]:
        lines.append(
            "tokenizer: of {texts} texts {python} differ in Python, {graph} "
            "in TensorFlow's graph".format(**report["parts"]["tokenizer"])
        )
    if "cost" in report["parts"]:
        lines.append(
            "conversion of the {size} size: {seconds} s, {weights_mb} MB of "
            "weights, {peak_mb} MB at the peak, {peak_of_weights} times the "
            "weights".format(**report["parts"]["cost"])
        )
    return "\n".join(lines)


def _measure(part, arguments):
    kind = "quick" if arguments.quick else "full"
    if part == "corruptions":
        return measure_corruptions(arguments.count or COUNTS[kind])
    if part == "tokenizer":
        return measure_tokenizer(TEXTS[kind], arguments.vocabulary)
    return measure_cost(SIZES[kind])


def _read_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conversion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--count", type=int, help="number of corruptions")
    parser.add_argument("--vocabulary", type=pathlib.Path, default=VOCABULARY)
    parser.add_argument("--quick", action="store_true", help="a few of each")
    parser.add_argument("--output", type=pathlib.Path, help="a .json file")
    parser.add_argument("--cost_of", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.output is None:
        folder = "runs" if arguments.quick else "benchmarks/measured"
        arguments.output = pathlib.Path(folder) / "conversion.json"
    return arguments


def _load(path):
    machine = describe_machine()
    report = {"machine": machine, "parts": {}}
    if path.exists():
        found = json.loads(path.read_text("utf-8"))
        if found.get("machine") == machine:
            report = found
    return report


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if something went wrong.
    """
    arguments = _read_arguments(argv)
    if arguments.cost_of is not None:
        print(json.dumps(cost_of(arguments.cost_of)))
        return 0
    report = _load(arguments.output)
    make_folder_of(arguments.output)
    for part in arguments.parts:
        print(f"measuring {part}", file=sys.stderr, flush=True)
        report["parts"][part] = _measure(part, arguments)
        report |= describe_moment()
        write_report(report, arguments.output)
    print(format_report(report) + f"\n\nWritten: {arguments.output}")
    return int(any(is_fault(p, report["parts"][p]) for p in arguments.parts))


if __name__ == "__main__":
    sys.exit(main())
