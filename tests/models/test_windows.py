"""Windows that overlap, against a search over all of them."""

import numpy as np
import pytest

from keras_mixattn.models.windows import owners
from keras_mixattn.models.windows import window_spans

SIZES = [
    (length, width, stride)
    for length in range(0, 24)
    for width in (1, 2, 3, 5, 7, 11)
    for stride in range(1, width + 1)
]


@pytest.mark.parametrize("length", sorted({size[0] for size in SIZES}))
def test_windows_cover_and_overlap(length):
    for _, width, stride in [size for size in SIZES if size[0] == length]:
        spans = window_spans(length, width, stride)
        starts, stops = zip(*spans, strict=True)
        assert (starts[0], stops[-1]) == (0, length)
        assert set(np.diff(starts)) <= {stride}
        assert all(0 < stop - start <= width for start, stop in spans) or (
            spans == [(0, 0)]
        )
        # All but the last are full, and none ends where another did.
        assert all(stop - start == width for start, stop in spans[:-1])
        assert list(stops) == sorted(set(stops))


def best_window(spans, element):
    best, most = None, None
    for number, (start, stop) in enumerate(spans):
        if start <= element < stop:
            sides = min(element - start, stop - 1 - element)
            score = sides + 0.01 * (stop - start)
            if most is None or score > most:
                best, most = number, score
    return best


def test_owners():
    for length, width, stride in [*SIZES, (1009, 211, 83), (700, 400, 53)]:
        spans = window_spans(length, width, stride)
        found = owners(spans, length)
        assert found.tolist() == [best_window(spans, e) for e in range(length)]
        assert list(found) == sorted(found)


@pytest.mark.parametrize("stride", [0, -1, 6])
def test_windows_must_leave_nothing_out(stride):
    with pytest.raises(ValueError, match=f"stride={stride}, width=5"):
        window_spans(7, width=5, stride=stride)
