"""Times batches of pre-training beside the step that they are made for.

    python -m benchmarks.input_pipeline
    python -m benchmarks.input_pipeline --quick

The step is one of replaced-token detection, of the size of
`training/configs/conv_bert_small_cpu.json`, 16 rows of 128 tokens. In each of
the rounds every input makes some batches, of a stream that begins anew, and
the step takes two; the seconds are those of the processor, of all threads.
Prints a table and writes `benchmarks/measured/input_pipeline.json`, a quick
run `runs/input_pipeline.json`. Exit code 1 says that an input takes more than
a fifth of the step, 2 that an argument was wrong.
"""

import argparse
import functools
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks import problem
from benchmarks.alternate import alternate
from benchmarks.cells import Cell
from benchmarks.contenders.keras_detection import Detection
from benchmarks.machine import describe_machine
from benchmarks.machine import describe_moment
from benchmarks.results import make_folder_of
from benchmarks.results import write_report
from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import RecordBuilder
from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.data import masked_records_dataset
from keras_mixattn.data import save_records
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import ConvBertTokenizer

SIZE = "small_cpu"
BATCH, LENGTH = 16, 128
STEPS_OF_A_TURN = 2
SEED = 20240711
# At most so much of a step may a batch take.
MOST = 0.2
# Size, documents, batches of a turn, rounds.
FULL, QUICK = (SIZE, 2000, 50, 20), (SIZE, 100, 8, 3)


def measure(size: str, documents: int, batches: int, rounds: int) -> dict:
    """Times the inputs and the step in turns.

    Args:
        size: A key of `problem.SIZES`.
        documents: Texts of 400 words to make records of.
        batches: Batches that an input makes in a turn.
        rounds: Turns of each.

    Returns:
        By name the seconds of a batch, and of a `"step"`, in each round.
    """
    model = Detection(Cell("detect", "float32", BATCH, LENGTH, 1), size, None)
    with tempfile.TemporaryDirectory() as folder:
        records = _records(size, documents, pathlib.Path(folder))
        turns = {
            name: functools.partial(_draw, make, batches)
            for name, make in inputs(records, size).items()
        }
        turns["step"] = lambda: [model.step() for _ in range(STEPS_OF_A_TURN)]
        seconds = alternate(turns, rounds)
    counts = dict.fromkeys(turns, batches) | {"step": STEPS_OF_A_TURN}
    return {k: [x / counts[k] for x in v] for k, v in seconds.items()}


def inputs(records: PretrainingRecords, size: str) -> dict[str, Callable]:
    """Lists what batches can come from.

    Args:
        records: Those on disk; the windows in memory hold the same.
        size: A key of `problem.SIZES`.

    Returns:
        By name a function that makes an endless dataset.
    """
    vocabulary = problem.SIZES[size]["vocabulary_size"]
    special = (vocabulary, 4, 0, range(len(SPECIAL_TOKENS)))
    detection = TokenMasker.for_replaced_tokens(*special)
    whole = TokenMasker.for_replaced_tokens(
        *special, whole_word=True, continuation_ids=range(9, vocabulary, 3)
    )
    windows = records.take(np.arange(len(records)))["token_ids"]
    of_records = functools.partial(masked_records_dataset, records)
    return {
        "windows in memory": lambda: masked_lm_dataset(
            windows, detection, BATCH, SEED
        ),
        "records": lambda: of_records(detection, BATCH, SEED),
        "records, whole words": lambda: of_records(whole, BATCH, SEED),
        "records, order of texts": lambda: of_records(
            TokenMasker(*special), BATCH, SEED, sentence_structure=True
        ),
    }


def _draw(make, batches):
    """Ends its stream, so that nothing of it is left to others."""
    for _ in make().take(batches):
        pass


def _records(size, documents, folder):
    count = problem.SIZES[size]["vocabulary_size"] - len(SPECIAL_TOKENS)
    words = [f"w{number}" for number in range(count - 1)]
    random = np.random.default_rng(SEED)
    tokenizer = ConvBertTokenizer([*SPECIAL_TOKENS, ".", *words])
    builder = RecordBuilder(tokenizer, LENGTH, SEED)
    texts = (" ".join(random.choice(words, 20)) for _ in range(20 * documents))
    sentences = [f"{text.capitalize()}." for text in texts]
    rows = builder(
        [" ".join(sentences[i::documents]) for i in range(documents)]
    )
    save_records([rows], builder, folder / "records")
    return PretrainingRecords(folder / "records")


def shares(seconds: dict) -> dict[str, float]:
    """Returns the median part of a step that a batch takes.

    Args:
        seconds: What `measure` returned.

    Example:

    ```python
    assert shares({"step": [2, 4], "records": [1, 1]}) == {"records": 0.375}
    ```
    """
    return {
        name: statistics.median(
            one / step for one, step in zip(each, seconds["step"], strict=True)
        )
        for name, each in seconds.items()
        if name != "step"
    }


def format_report(report: dict) -> str:
    """Formats what was measured as a Markdown table.

    Args:
        report: The content of `input_pipeline.json`.
    """
    seconds = report["seconds"]
    step = statistics.median(seconds["step"])
    lines = [
        f"{report['machine']['processor']}, {BATCH}x{LENGTH}, CPU time of all "
        f"threads, median of {len(seconds['step'])} rounds; the step takes "
        f"{1e3 * step:.0f} ms.",
        "",
        "| a batch from | time | the step is |",
        "|---|---|---|",
    ]
    for name, share in shares(seconds).items():
        each = 1e3 * statistics.median(seconds[name])
        lines.append(f"| {name} | {each:.1f} ms | {1 / share:.0f} times it |")
    return "\n".join(lines)


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if an input is too slow.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.input_pipeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a small one")
    parser.add_argument("--output", type=pathlib.Path, help="a .json file")
    arguments = parser.parse_args(argv)
    folder = "runs" if arguments.quick else "benchmarks/measured"
    path = arguments.output or pathlib.Path(folder) / "input_pipeline.json"
    make_folder_of(path)
    tf.random.set_seed(SEED)
    seconds = measure(*(QUICK if arguments.quick else FULL))
    report = {"machine": describe_machine(), **describe_moment()}
    report["seconds"] = seconds
    write_report(report, path)
    print(format_report(report) + f"\n\nWritten: {path}")
    return int(max(shares(seconds).values()) > MOST)


if __name__ == "__main__":
    sys.exit(main())
