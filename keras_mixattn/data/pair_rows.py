"""Two spans of text as a row: `[CLS] A [SEP] B [SEP] [PAD] ...`."""

import numpy as np

FOLLOWS, SWAPPED, FOREIGN = range(3)  # how B stands to A
SPECIAL_TOKENS = 3  # [CLS], [SEP] and [SEP]


def empty_rows(
    count: int, sequence_length: int, pad_token_id: int
) -> dict[str, np.ndarray]:
    """Makes rows for `write_pair`.

    Args:
        count: Number of rows.
        sequence_length: Tokens of a row.
        pad_token_id: Id of [PAD].

    Returns:
        Int32 arrays of shape `(count, sequence_length)`: `token_ids`, all
        padding; `segment_ids` and `pooling_segment_ids`, all 0.
    """
    shape = (count, sequence_length)
    return {
        "token_ids": np.full(shape, pad_token_id, "int32"),
        "segment_ids": np.zeros(shape, "int32"),
        "pooling_segment_ids": np.zeros(shape, "int32"),
    }


def truncated(
    first: list[np.ndarray],
    second: list[np.ndarray],
    room: int,
    random: np.random.Generator,
    front_rate: float = 0.5,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cuts two spans to a length: the longer one loses tokens.

    Args:
        first: Token ids of the sentences of A.
        second: Those of B.
        room: Most tokens of both.
        random: Draws at which end a token is lost.
        front_rate: How often it is lost at the front.

    Returns:
        Token ids, and the number of the sentence of each from 0 on, of A and
        of B.
    """
    sizes = [sum(map(len, span)) for span in (first, second)]
    # Token by token the longer span, of equal ones B, would come to the same.
    kept = min(sizes[0], max(room - sizes[1], room - room // 2))
    kept = [kept, min(sizes[1], room - kept)]
    return [
        _cut(span, size, random, front_rate)
        for span, size in zip((first, second), kept, strict=True)
    ]


def _cut(
    span: list[np.ndarray],
    size: int,
    random: np.random.Generator,
    front_rate: float,
) -> tuple[np.ndarray, np.ndarray]:
    tokens = np.concatenate(span)
    numbers = np.repeat(np.arange(len(span)), [len(some) for some in span])
    # Each token too many goes from the front or the back.
    front = random.binomial(len(tokens) - size, front_rate)
    kept = slice(front, front + size)
    return tokens[kept], numbers[kept] - numbers[front]


def write_pair(
    rows: dict[str, np.ndarray],
    number: int,
    spans: list[tuple[np.ndarray, np.ndarray]],
    cls_token_id: int,
    sep_token_id: int,
) -> None:
    """Lays out a pair in a row.

    Args:
        rows: What `empty_rows` returned, one of which is filled.
        number: Its number.
        spans: What `truncated` returned.
        cls_token_id: Id of [CLS].
        sep_token_id: Id of [SEP].
    """
    row = {name: column[number] for name, column in rows.items()}
    row["token_ids"][0] = cls_token_id
    end = sentence = 0  # of what is written
    for segment, (tokens, numbers) in enumerate(spans):
        start, end = end + 1, end + 1 + len(tokens)
        row["token_ids"][start:end] = tokens
        row["token_ids"][end] = sep_token_id
        row["segment_ids"][start : end + 1] = segment
        row["pooling_segment_ids"][start:end] = sentence + 1 + numbers
        sentence += numbers[-1] + 2
        row["pooling_segment_ids"][end:] = sentence
