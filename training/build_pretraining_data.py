r"""Builds records of pre-training examples from text, with Apache Beam.

    pip install -r requirements-pretraining.txt
    python -m training.build_pretraining_data --input docstrings:train \
        --vocabulary vocab.txt --output records/train

Sources are files (`.txt .tsv .csv .jsonl`, also packed as `.gz .xz .zst`),
directories, `tfds:NAME`, or the word `docstrings`. An example holds one or
two segments of consecutive sentences of one document. `OUTPUT` gets files of
records and, last, `manifest.json`: counts, arguments, the digest of each
file. The same input gives the same bytes, however many workers there are.
Run the same command again after an interruption, and it goes on; other
arguments or inputs are refused, unless `--fresh` starts over.

It runs on all cores of this machine, or wherever else Beam does: what
follows `--` goes to the runner. Workers need this checkout and what it
requires, so give them a container image that holds both, in whose directory
Python starts, and paths that all of them can read. To train on records in a
store, copy them to a disk.

    python -m training.build_pretraining_data --input 'gs://B/text/*.gz' \
        --vocabulary vocab.txt --output gs://B/records --workers 64 \
        --runner DataflowRunner -- --project P --region europe-west4 \
        --temp_location gs://B/tmp --sdk_container_image IMAGE \
        --experiments use_runner_v2 --max_num_workers 64
    ... --runner FlinkRunner -- --flink_master HOST:8081 \
        --parallelism 64 --environment_type DOCKER --environment_config IMAGE
    ... --runner SparkRunner -- --spark_master_url spark://HOST:7077 \
        --environment_type DOCKER --environment_config IMAGE
"""

import argparse
import importlib.util
import logging
import os
from collections.abc import Sequence

from keras_mixattn.data import TFDS_PREFIX
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error

LOCAL = "local"


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.build_pretraining_data",
        description="Builds records of pre-training examples from text.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--input",
        nargs="+",
        required=True,
        metavar="SOURCE",
        help="files (.txt .tsv .csv .jsonl, also .gz .xz .zst), directories, "
        "tfds:NAME, or the word docstrings",
    )
    add("--vocabulary", required=True, help="a WordPiece vocab.txt")
    add("--output", required=True, help="the directory to write")
    add("--text_column", default="text", help="of tables (default: text)")
    add("--split", help="of tfds:NAME (default: train)")
    add("--data_dir", help="of prepared TensorFlow data sets")
    add("--cased", action="store_true", help="the vocabulary has capitals")
    add("--sequence_length", type=int, default=128, help="default: 128")
    add("--min_tokens", type=int, default=8, help="of an example (8)")
    add(
        "--single_rate",
        type=float,
        default=0.1,
        help="examples with one segment on purpose (0.1)",
    )
    add(
        "--short_rate",
        type=float,
        default=0.05,
        help="examples of a random length (0.05)",
    )
    add("--seed", type=int, default=1, help="of all choices (1)")
    add(
        "--shard_megabytes",
        type=float,
        default=16.0,
        help="text of a file of records, in million characters (16)",
    )
    add(
        "--workers",
        type=int,
        default=os.cpu_count(),
        help="processes; elsewhere, workers that share a large file (the "
        "cores of this machine)",
    )
    add("--runner", default=LOCAL, help="local, or one of Beam's")
    add("--fresh", action="store_true", help="replace earlier records")
    add("beam", nargs="*", metavar="-- OPTION", help="options of the runner")
    return parser.parse_args(argv)


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["--input", "a.txt", "--vocabulary", "v.txt", "--output", "records"])
    ```
    """
    arguments = parse_arguments(argv)
    _check(arguments)
    if importlib.util.find_spec("apache_beam") is None:
        raise InputError(
            "Building records needs the package 'apache-beam', which is not "
            "installed; run `pip install -r requirements-pretraining.txt`."
        )
    build_records = _build_records()
    options = None
    if arguments.runner != LOCAL:
        options = ["--runner", arguments.runner, *arguments.beam]
    build_records(arguments, options)


def _build_records():
    """Returns the function that does it, and keeps Beam's advice quiet."""
    logging.disable(logging.WARNING)
    try:
        from training.record_run import build_records
    finally:
        logging.disable(logging.NOTSET)
    return build_records


def _check(arguments: argparse.Namespace) -> None:
    for name, least in (("workers", 1), ("shard_megabytes", 0.001)):
        value = getattr(arguments, name)
        if value < least:
            raise InputError(
                f"`--{name}` is {value}; it must be {least} or greater."
            )
    if arguments.runner == LOCAL and arguments.beam:
        raise InputError(
            f"The local runner takes no options such as {arguments.beam[0]!r}; "
            "leave them out, or name a `--runner`."
        )
    is_tfds = any(name.startswith(TFDS_PREFIX) for name in arguments.input)
    for name in ("split", "data_dir"):
        if getattr(arguments, name) and not is_tfds:
            raise InputError(
                f"`--{name}` belongs to tfds:NAME, which is no `--input`; "
                "leave it out."
            )


if __name__ == "__main__":
    main()
