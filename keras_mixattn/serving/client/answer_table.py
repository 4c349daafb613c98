"""Answers of a model as a table for a person."""

import dataclasses

import numpy as np

from keras_mixattn.serving.client import task_answers

_WIDEST = 48


def answer_table(
    inputs: dict[str, list[str]], outputs: dict[str, np.ndarray]
) -> str:
    """Returns a table of answers for a person.

    Args:
        inputs: A dict from name to texts.
        outputs: What the model answered.

    Example:

    ```python
    outputs = {"score": np.array([0.25], "float32")}
    table = answer_table({"text": ["a calm sea"]}, outputs)
    assert table.split() == ["text", "score", "a", "calm", "sea", "0.2500"]
    ```
    """
    rows = []
    made = task_answers.typed_answers(outputs)
    if made is None:
        columns = [array.tolist() for array in outputs.values()]
        made = [
            dict(zip(outputs, row, strict=True))
            for row in zip(*columns, strict=True)
        ]
    texts = zip(*inputs.values(), strict=True)
    for one, answer in zip(texts, made, strict=True):
        given = {
            name: _shortened(text)
            for name, text in zip(inputs, one, strict=True)
        }
        rows += [{**given, **cells} for cells in _cells(answer, one[0])]
    return _aligned(rows)


def _cells(answer, text) -> list[dict[str, str]]:
    """Returns the rows of a table that an answer is shown in."""
    if isinstance(answer, task_answers.Label):
        probability = f"{answer.probability:.4f}"
        return [{"label": answer.label, "probability": probability}]
    if isinstance(answer, task_answers.Labels):
        likely = max(answer.probabilities, default=0.0)
        labels = ", ".join(answer.labels) or "none"
        return [{"labels": labels, "highest probability": f"{likely:.4f}"}]
    if isinstance(answer, task_answers.Words):
        encoded = text.encode()
        return [
            {
                "word": encoded[word.start : word.stop].decode(
                    "utf-8", "replace"
                ),
                "tag": word.tag,
                "probability": f"{word.probability:.4f}",
            }
            for word in answer.words
        ]
    if isinstance(answer, task_answers.Fillings):
        return [
            {"mask": str(place), "token": token, "probability": f"{p:.4f}"}
            for place, best in enumerate(answer.masks, 1)
            for token, p in best
        ]
    if isinstance(answer, task_answers.Embedding):
        vector = answer.vector
        start = ", ".join(f"{one:.4f}" for one in vector[:4])
        return [{"numbers": str(len(vector)), "embedding": f"{start}, ..."}]
    if not isinstance(answer, dict):
        answer = dataclasses.asdict(answer)
    return [
        {
            name: f"{value:.4f}" if isinstance(value, float) else str(value)
            for name, value in answer.items()
        }
    ]


def _shortened(text):
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _aligned(rows):
    if not rows:
        return "(no answer)"
    names = list(rows[0])
    table = [names, *([row[name] for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in table
    )
