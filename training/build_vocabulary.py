r"""Learns a WordPiece vocabulary from text and writes `vocab.txt`.

    python -m training.build_vocabulary --input docstrings \
        --output vocab.txt --vocabulary_size 8000

The same text gives the same file on every run and any number of processors.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_mixattn.data import learn_vocabulary
from keras_mixattn.data import read_documents
from keras_mixattn.data import save_vocabulary
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.build_vocabulary",
        description="Learns a WordPiece vocabulary from text.",
    )
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="SOURCE",
        help="files (.txt .tsv .csv .jsonl, also with .gz), directories, or "
        "the word docstrings: the documentation of installed packages",
    )
    parser.add_argument(
        "--output", required=True, type=Path, help="the vocab.txt to write"
    )
    parser.add_argument("--vocabulary_size", type=int, default=8000)
    parser.add_argument(
        "--text_column", default="text", help="of tables (default: text)"
    )
    parser.add_argument(
        "--min_frequency",
        type=int,
        default=2,
        help="fewest occurrences of a piece (default: 2)",
    )
    parser.add_argument(
        "--cased",
        action="store_true",
        help="keep capitals and accents (default: lowercase, no accents)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an existing file"
    )
    return parser.parse_args(argv)


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input; nothing is written then.

    Example:

    ```python
    main(["--input", "docstrings", "--output", "vocab.txt"])
    ```
    """
    arguments = parse_arguments(argv)
    if arguments.output.exists() and not arguments.overwrite:
        raise InputError(
            f"'{arguments.output}' exists; choose another --output, or add "
            "--overwrite to replace it."
        )
    start = time.monotonic()
    texts, num_bytes = [], 0
    with tqdm(desc="Reading", unit="B", unit_scale=True) as progress:
        for text in read_documents(arguments.input, arguments.text_column):
            texts.append(text)
            num_bytes += len(text.encode())
            progress.update(num_bytes - progress.n)
    print(f"Learning {arguments.vocabulary_size} tokens ...", flush=True)
    tokens = learn_vocabulary(
        texts,
        arguments.vocabulary_size,
        lowercase=not arguments.cased,
        min_frequency=arguments.min_frequency,
    )
    save_vocabulary(tokens, arguments.output)
    print(
        f"Wrote {arguments.output}: {len(tokens)} "
        f"{'cased' if arguments.cased else 'uncased'} tokens from "
        f"{len(texts)} documents, {num_bytes} bytes, in "
        f"{time.monotonic() - start:.1f} seconds."
    )


if __name__ == "__main__":
    main()
