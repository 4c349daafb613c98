"""Pictures: what is in them, and what is said without matplotlib."""

import sys

import numpy as np
import pytest
from matplotlib.image import imread

from keras_mixattn.errors import InputError
from keras_mixattn.interpret import Attribution
from keras_mixattn.interpret import Attributions
from keras_mixattn.interpret import HeadMaps
from keras_mixattn.interpret import draw_attributions
from keras_mixattn.interpret import draw_head_maps
from keras_mixattn.interpret.pictures import _attributions_figure
from keras_mixattn.interpret.pictures import _heads_figure

TOKENS = ["[CLS]", "$a_", "b", "[SEP]"]


def attributions(texts=("cafés $x_1", "bad"), scores=(0.5, -1.0, 0.0, 0.25)):
    places = [(0, 4, 0), (4, 5, 0), (6, 10, 0), (0, 3, 1)]
    pieces = [
        Attribution("?", *place, score)
        for place, score in zip(places, scores, strict=False)
    ]
    return Attributions(list(texts), "good", 1.5, 1.75, pieces, [], 32)


def attention(heads=(2, 3)):
    random = np.random.default_rng(2)
    layers = {
        3 * number: random.dirichlet([1.0] * 4, (count, 4)).astype("float32")
        for number, count in enumerate(heads)
    }
    return HeadMaps("attention", TOKENS, layers)


def boxes_of(figure):
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts[1:]]
    return ax, list(zip(texts, ax.patches, strict=True))


def test_pieces_are_coloured_by_their_scores(tmp_path):
    draw_attributions(attributions(), tmp_path / "words.png")
    assert imread(tmp_path / "words.png").ndim == 3
    ax, boxes = boxes_of(_attributions_figure(attributions()))
    assert [text for text, _ in boxes] == ["café", "s", "$x_1", "bad"]
    (red, _, blue), *_ = [box.get_facecolor()[:3] for _, box in boxes]
    assert blue > red  # speaks for it
    red, _, blue = boxes[1][1].get_facecolor()[:3]
    assert red > blue  # against it
    assert min(boxes[2][1].get_facecolor()) > 0.95  # neither
    assert "good: 1.500" in ax.texts[0].get_text()
    assert "1.750" in ax.texts[0].get_text()


def test_pieces_of_a_word_touch_and_a_second_text_begins_a_line():
    _, boxes = boxes_of(_attributions_figure(attributions()))
    first, second, third, other = [box for _, box in boxes]
    assert second.get_x() == pytest.approx(first.get_x() + first.get_width())
    assert third.get_x() > second.get_x() + second.get_width()
    assert other.get_x() == first.get_x() == 0
    assert other.get_y() < third.get_y()


def test_long_texts_are_wrapped_inside_the_picture():
    text = "word " * 200
    pieces = [
        Attribution("word", 5 * place, 5 * place + 4, 0, 0.1)
        for place in range(200)
    ]
    found = Attributions([text], "good", 1.0, 0.0, pieces, [], 32)
    ax, boxes = boxes_of(_attributions_figure(found))
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert len({round(box.get_y(), 3) for _, box in boxes}) > 3
    for _, box in boxes:
        assert left < box.get_x() < box.get_x() + box.get_width() < right
        assert bottom < box.get_y() < box.get_y() + box.get_height() < top


def test_a_text_without_words_has_a_picture(tmp_path):
    found = attributions(scores=())
    draw_attributions(found, tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 0


def test_a_panel_for_each_head(tmp_path):
    maps = attention()
    draw_head_maps(maps, tmp_path / "heads.png")
    assert imread(tmp_path / "heads.png").ndim == 3
    figure = _heads_figure(maps, None)
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == [
        "layer 0, head 0",
        "layer 0, head 1",
        "layer 3, head 0",
        "layer 3, head 1",
        "layer 3, head 2",
    ]
    np.testing.assert_array_equal(
        shown[3].images[0].get_array(), maps.layers[3][1]
    )
    labels = [label.get_text() for label in shown[0].get_yticklabels()]
    assert labels == ["[CLS]", r"\$a_", "b", "[SEP]"]
    figure = _heads_figure(maps, [3])
    assert len([ax for ax in figure.axes if ax.images]) == 3


def test_kernels_are_strips_and_pooling_heads_share_a_panel(tmp_path):
    kernels = np.full((2, 4, 5), 0.2, "float32")
    maps = HeadMaps("span_conv", TOKENS, {1: kernels})
    draw_head_maps(maps, tmp_path / "kernels.png")
    ax = _heads_figure(maps, None).axes[1]
    taps = [label.get_text() for label in ax.get_xticklabels()]
    assert taps == ["-2", "-1", "0", "+1", "+2"]
    pooled = np.full((6, 4), 0.25, "float32")
    maps = HeadMaps("pooling", TOKENS, {0: pooled, 1: pooled})
    draw_head_maps(maps, tmp_path / "pooling.png")
    shown = _heads_figure(maps, None).axes
    assert [ax.get_title() for ax in shown] == ["layer 0", "layer 1"]
    assert len(shown[0].get_yticklabels()) == 6


@pytest.mark.parametrize("layers", [[1], []])
def test_layers_without_such_heads(layers, tmp_path):
    with pytest.raises(InputError, match="Only layers 0, 3.*'attention'"):
        draw_head_maps(attention(), tmp_path / "no.png", layers)


def test_without_matplotlib_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw, what in (
        (draw_attributions, attributions()),
        (draw_head_maps, attention()),
    ):
        with pytest.raises(InputError, match="pip install matplotlib"):
            draw(what, tmp_path / "no.png")
