r"""Answers the texts of a file of any size with a fine-tuned preset.

    python -m training.predict --preset runs/finetune/preset IN.tsv OUT.jsonl

`IN` is a table (`.tsv`, `.csv`, `.jsonl`, also packed), a `.txt` with one
text a line, or, for questions, also a `.json` in the format of SQuAD. `OUT`,
a `.jsonl` or `.tsv`, has one row for each text, in the same order. `IN` is
read twice: first to count and check its rows, then some at a time, so that
memory is bounded. `OUT` appears when it is complete; what was interrupted
starts over.
"""

import argparse
import itertools
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_mixattn.data import Questions
from keras_mixattn.data import Texts
from keras_mixattn.data import iterate_texts
from keras_mixattn.data import read_questions
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.answering import EXAMPLES_AT_ONCE
from training.arguments import column
from training.example_splits import rows_of
from training.files import written_whole
from training.kinds import KINDS
from training.kinds import PredictOptions
from training.prediction_rows import check_ending
from training.prediction_rows import row_writer
from training.task_models import load_task


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.predict",
        description="Answers the texts of a file with a fine-tuned preset.",
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="IN", type=Path)
    parser.add_argument("output", metavar="OUT", type=Path)
    parser.add_argument(
        "--preset", required=True, help="directory of a fine-tuned preset"
    )
    for name in ("text_column", "text_pair_column"):
        parser.add_argument(f"--{name}", type=column, help="name or number")
    parser.add_argument(
        "--batch_size", type=int, default=32, help="rows of a step"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        help="kind classes: least probability of a label (default: 0.5); "
        "kind answers: the no-answer score above which there is none "
        "(default: there always is one)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="kind class: what logits are divided by, such as the "
        "temperature in metrics.json (default: 1)",
    )
    parser.add_argument(
        "--all_probabilities",
        action="store_true",
        help="of all classes; kind answers: the 20 best answers",
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
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["--preset", "runs/finetune/preset", "texts.txt", "answers.jsonl"])
    ```
    """
    arguments = parse_arguments(argv)
    output = arguments.output
    check_ending(output)
    if output.exists() and not arguments.overwrite:
        raise InputError(
            f"'{output}' exists; add --overwrite to replace it, or choose "
            "another file."
        )
    kind_name, model = load_task(arguments.preset)
    kind = KINDS[kind_name]
    options = _options(arguments, kind)
    count, chunks = _inputs(arguments, kind_name)
    with (
        written_whole(output) as partial,
        open(partial, "w", encoding="utf-8", newline="\n") as file,
        tqdm(total=count, desc="Answering", unit=" texts") as progress,
    ):
        write_row = row_writer(output, file)
        for chunk in chunks:
            for row in kind.predictions(chunk, model, options):
                write_row(row)
            progress.update(len(chunk))
    print(f"Answered {count} texts; wrote {output}.")


def _inputs(
    arguments: argparse.Namespace, kind: str
) -> tuple[int, Iterator[Texts | Questions]]:
    """Returns the number of texts, and chunks of them."""
    source = arguments.input
    asks = kind == "answers"
    if asks and source.name.lower().endswith((".json", ".json.gz")):
        questions = read_questions(source)
        return len(questions), _parts(questions)
    if asks and arguments.text_pair_column is None:
        raise InputError(
            "The preset answers questions, which need a context each; give "
            "`--text_pair_column` with a table, or a SQuAD .json."
        )
    columns = arguments.text_column, arguments.text_pair_column
    return _count(source, columns), _chunks(source, columns, asks)


def _count(source: Path, columns: tuple) -> int:
    """Counts the rows, and so finds a fault before the first is answered."""
    count = sum(
        1
        for _ in tqdm(
            iterate_texts(source, *columns),
            desc="Reading",
            unit=" texts",
            leave=False,
        )
    )
    if not count:
        raise InputError(f"'{source}' holds no texts; it needs some.")
    return count


def _options(arguments: argparse.Namespace, kind) -> PredictOptions:
    options = PredictOptions(
        arguments.batch_size,
        arguments.threshold,
        arguments.temperature,
        arguments.all_probabilities,
    )
    if options.batch_size < 1 or not options.temperature > 0:
        raise InputError(
            "`--batch_size` must be at least 1 and `--temperature` above 0; "
            f"they are {options.batch_size} and {options.temperature}."
        )
    for name, default in PredictOptions._field_defaults.items():
        if name == "batch_size" or name in kind.options:
            continue
        if getattr(options, name) != default:
            raise InputError(
                f"`--{name}` is not for a preset of this kind, which heeds "
                f"{', '.join(kind.options) or 'no options'}; leave it out."
            )
    return options


def _chunks(
    source: Path, columns: tuple, asks: bool
) -> Iterator[Texts | Questions]:
    rows = iterate_texts(source, *columns)
    first = 1
    while some := list(itertools.islice(rows, EXAMPLES_AT_ONCE)):
        texts, pairs = map(list, zip(*some, strict=True))
        if asks:
            rows_of_chunk = range(first, first + len(some))
            yield Questions(
                [str(row) for row in rows_of_chunk],
                texts,
                pairs,
                [[] for _ in some],
                ["" for _ in some],
            )
        else:
            yield Texts(texts, None if columns[1] is None else pairs)
        first += len(some)


def _parts(questions: Questions) -> Iterator[Questions]:
    for start in range(0, len(questions), EXAMPLES_AT_ONCE):
        stop = min(start + EXAMPLES_AT_ONCE, len(questions))
        yield rows_of(questions, range(start, stop))


if __name__ == "__main__":
    main()
