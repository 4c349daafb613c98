"""Writes the text and the labelled task on which mixers are compared.

    python -m training.build_comparison_data runs/compare_mixers/data

The text is that of `--text`, packed files or directories of directories of
them, by default novels and news, and the task, `--task`, is to tell banking
questions apart; where either is missing, text and task are those of the demo.
Files have the same names as the demo's.
"""

import argparse
import json
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import read_documents
from keras_mixattn.data import read_labelled_texts
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training import build_demo_data
from training.files import written_whole

TEXT = "../shared/data/text"
TASK = "../shared/data/cls/banking77"

WORDS_OF_PASSAGE = 1000
# Of this many passages in a row one is held out, and some are trained on.
TURN = 50
TRAINED_OF_TURN = 14


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["runs/compare_mixers/data"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.build_comparison_data",
        description="Writes the text and the task mixers are compared on.",
    )
    parser.add_argument("directory", type=Path, help="where to write")
    parser.add_argument("--text", type=Path, nargs="+")
    parser.add_argument("--task", type=Path)
    parser.add_argument(
        "--all", action="store_true", help="all that is not held out"
    )
    arguments = parser.parse_args(argv)
    sources = arguments.text or [Path(TEXT)]
    task = arguments.task or Path(TASK)
    tables = [task / f"{name}.csv" for name in ("train", "test")]
    missing = [path for path in [*sources, *tables] if not _files(path)]
    if missing and (arguments.text or arguments.task):
        raise InputError(
            f"'{missing[0]}' is no file and no directory with a '*/*.gz' in "
            "it; give --text such files or directories, and --task a "
            "directory with train.csv and test.csv."
        )
    if missing:
        print(
            f"'{missing[0]}' is not there: comparing on the text and the task "
            "of the demo."
        )
        build_demo_data.main([str(arguments.directory)])
        _write_source(["docstrings"], "packages", arguments.directory)
        return
    texts = [file for path in sources for file in _files(path)]
    with written_whole(arguments.directory) as partial:
        partial.mkdir()
        _write_passages(
            texts, partial, TURN if arguments.all else TRAINED_OF_TURN
        )
        for name, split in _task_splits(*tables).items():
            build_demo_data.write_task(split, partial / f"task_{name}.tsv")
        names = sorted({path.parent.name for path in texts})
        _write_source(names, task.name, partial)
    print(f"Wrote {arguments.directory}.")


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.glob("*/*.gz"))


def _write_source(texts: list[str], task: str, directory: Path) -> None:
    source = {"text": texts, "task": task}
    (directory / "source.json").write_text(json.dumps(source) + "\n")


def _passages(texts: Sequence[Path]) -> Iterator[str]:
    documents = read_documents(texts)
    for document in tqdm(documents, desc="Reading text", unit=" documents"):
        words = document.split()
        for start in range(0, len(words), WORDS_OF_PASSAGE):
            yield " ".join(words[start : start + WORDS_OF_PASSAGE])


def _write_passages(
    texts: Sequence[Path], directory: Path, trained: int
) -> None:
    with (
        open(directory / "text_train.jsonl", "w", encoding="utf-8") as train,
        open(directory / "text_dev.jsonl", "w", encoding="utf-8") as dev,
    ):
        for number, passage in enumerate(_passages(texts)):
            line = json.dumps({"text": passage}) + "\n"
            if number % TURN == 0:
                dev.write(line)
            elif number % TURN <= trained:
                train.write(line)


def _task_splits(train: Path, test: Path) -> dict[str, LabelledTexts]:
    """Returns the tables, a tenth of train taken for dev."""
    known = read_labelled_texts(train)
    splits = {
        "train": [n for n in range(len(known)) if n % 10],
        "dev": range(0, len(known), 10),
    }
    taken = {name: _rows(known, rows) for name, rows in splits.items()}
    new = read_labelled_texts(test, label_names=known.label_names)
    return {**taken, "test": _rows(new, range(len(new)))}


def _rows(labelled: LabelledTexts, rows) -> LabelledTexts:
    return LabelledTexts(
        [" ".join(labelled.texts[row].split()) for row in rows],
        [labelled.labels[row] for row in rows],
        labelled.label_names,
    )


if __name__ == "__main__":
    main()
