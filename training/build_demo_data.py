"""Writes the text and the labelled task of the demo as plain files.

    python -m training.build_demo_data runs/demo/data

The text is the documentation of installed packages; the task is to say which
package a sentence documents. Modules of dev and test give no training text.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import docstring_documents
from keras_mixattn.data import module_split
from keras_mixattn.data import package_sentences
from keras_mixattn.errors import exit_on_input_error
from training.files import written_whole


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Example:

    ```python
    main(["runs/demo/data"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.build_demo_data",
        description="Writes the text and the labelled task of the demo.",
    )
    parser.add_argument("directory", type=Path, help="where to write")
    directory = parser.parse_args(argv).directory
    documents = list(
        tqdm(docstring_documents(), desc="Reading docstrings", unit=" texts")
    )
    splits = package_sentences(documents)
    with written_whole(directory) as partial:
        partial.mkdir()
        for split in ("train", "dev"):
            _write_text(documents, split, partial / f"text_{split}.jsonl")
        names = ("train", "dev", "test")
        for name, labelled in zip(names, splits, strict=True):
            write_task(labelled, partial / f"task_{name}.tsv")
    megabytes = sum(len(document.text) for document in documents) / 1e6
    train, dev, test = splits
    print(
        f"Wrote {directory}: {len(documents)} docstrings, {megabytes:.1f} "
        f"million characters; {len(train)} train, {len(dev)} dev and "
        f"{len(test)} test sentences of {', '.join(train.label_names)}."
    )


def _write_text(documents, split: str, path: Path) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for document in documents:
            if module_split(document.module) == split:
                file.write(json.dumps(document._asdict()) + "\n")


def write_task(labelled: LabelledTexts, path: Path) -> None:
    """Writes labelled texts as a table that `training.finetune` reads.

    Args:
        labelled: Single texts without tabs or line breaks.
        path: The file, replaced if it exists.
    """
    with open(path, "w", encoding="utf-8") as file:
        file.write("sentence\tlabel\n")
        for text, label in zip(labelled.texts, labelled.labels, strict=True):
            file.write(f"{text}\t{labelled.label_names[label]}\n")


if __name__ == "__main__":
    main()
