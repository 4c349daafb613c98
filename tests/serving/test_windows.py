"""Windows in a graph against those in Python."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.models.windows import owners
from keras_mixattn.models.windows import window_spans
from keras_mixattn.serving.windows import cut_windows


@pytest.mark.parametrize("seed", range(5))
def test_as_in_python(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 40, 7)
    room = rng.integers(1, 13, 7)
    stride = rng.integers(1, room + 1)
    windows = cut_windows(*map(tf.constant, (lengths, room, stride)))
    found = windows.pieces.to_list()
    owned = windows.pieces.with_flat_values(windows.owned).to_list()
    texts = windows.texts.numpy().tolist()
    before = 0
    for text in range(7):
        spans = window_spans(lengths[text], room[text], stride[text])
        owner = owners(spans, lengths[text])
        rows = [row for row, one in enumerate(texts) if one == text]
        assert len(rows) == len(spans)
        for window, (row, (start, stop)) in enumerate(
            zip(rows, spans, strict=True)
        ):
            assert found[row] == list(range(before + start, before + stop))
            expected = owner[start:stop] == window
            assert owned[row] == expected.tolist()
        before += lengths[text]
