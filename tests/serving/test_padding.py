"""The width that each row of a request is padded to."""

import types

import pytest

from keras_mixattn.serving.padding import Padding


def widths(lengths, sees_padding=False, least_width=1, buckets=(), limit=512):
    backbone = types.SimpleNamespace(
        max_sequence_length=limit, sees_padding=sees_padding
    )
    padding = Padding(backbone, least_width, 128, buckets)
    return padding.widths(lengths).numpy().tolist()


def test_rows_are_hardly_padded_without_buckets():
    assert widths([1, 8, 65, 300]) == [8, 8, 72, 304]
    assert widths([1, 65, 300], least_width=20) == [24, 72, 304]
    assert widths([1, 499, 503], limit=503) == [8, 503, 503]


@pytest.mark.parametrize("buckets", [(16, 32, 64), (16, 32, 64, 128)])
def test_buckets_end_with_the_longest_texts(buckets):
    # What is packed from texts has at most 128 tokens.
    lengths = [1, 16, 17, 64, 65, 128]
    assert widths(lengths, buckets=buckets) == [16, 16, 32, 64, 128, 128]
    assert widths([129, 512], buckets=buckets) == [512, 512]
    assert widths([3], least_width=20, buckets=buckets) == [32]


@pytest.mark.parametrize(
    "options", [{"sees_padding": True}, {"least_width": 513}]
)
def test_one_width_for_all(options):
    width = 128 if "sees_padding" in options else 512
    assert widths([1, 100], buckets=(16,), **options) == [width, width]
