"""The README's picture is the one that its script draws."""

import importlib
import itertools
import struct

import pytest

from keras_mixattn.layers.mixed_attention import MIXERS

pytest.importorskip("matplotlib")
drawing = importlib.import_module("docs.draw_mixed_layer")

SIZE = (1200, 948)


def png_size(path):
    """Returns width and height of a PNG, from its first chunk."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", content[16:24])


def test_the_picture_is_there():
    assert png_size(drawing.PICTURE) == SIZE
    assert drawing.PICTURE.stat().st_size < 120_000


def test_it_is_drawn_with_the_same_bytes_again(tmp_path):
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    for path in (first, second):
        drawing.draw(path)
        assert png_size(path) == SIZE
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "allocation",
    [drawing.ALLOCATION, {"pooling": 5}, {"span_conv": 7, "attention": 1}],
)
def test_heads_follow_the_allocation(allocation):
    patches = drawing.mixed_layer(allocation).axes[0].patches
    colours = [p.get_facecolor() for p in patches if p.get_gid() == "head"]
    found = [len(list(group)) for _, group in itertools.groupby(colours)]
    assert found == [allocation[name] for name in MIXERS if name in allocation]


def test_mixers_are_those_of_the_library_in_their_order():
    assert [look.name for look in drawing.LOOKS] == list(MIXERS)
