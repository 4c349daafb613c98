"""Texts of mixed lengths, to load a server with."""

import math
import random

_WORDS = (
    "the a of and in to it was is that as for with on by at from this but his "
    "her they film story sea night city people old new little great quiet "
    "strange slowly never always remembers wanders believes understands music "
    "acting camera director ending beginning unexpectedly wonderful boring "
    "unforgettable extraordinary"
).split()
# Words of a text: a sentence is the most frequent, a page the longest.
_MEDIAN, _SPREAD, _LONGEST = 18, 1.1, 600


def mixed_texts(count: int, seed: int = 0) -> list[str]:
    """Returns texts of which most are sentences and few are pages.

    Args:
        count: How many.
        seed: Equal seeds give equal texts.

    Example:

    ```python
    texts = mixed_texts(100)
    assert texts == mixed_texts(100) and len(set(texts)) > 90
    ```
    """
    source = random.Random(seed)
    return [
        " ".join(source.choices(_WORDS, k=_length(source)))
        for _ in range(count)
    ]


def _length(source):
    length = source.lognormvariate(math.log(_MEDIAN), _SPREAD)
    return min(max(round(length), 1), _LONGEST)
