"""Pictures of scores and weights; they need matplotlib."""

from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.interpret.head_maps import HeadMaps
from keras_mixattn.interpret.integrated_gradients import Attributions

# Inches.
_LETTER, _LINE, _WORD_GAP, _MARGIN = 0.092, 0.34, 0.09, 0.3
_TEXT_WIDTH = 9.0
_CELL, _LEAST_PANEL, _MOST_PANEL, _LABELS = 0.17, 1.0, 5.0, 0.9

_AXES = {
    "attention": ("takes from", "token"),
    "span_conv": ("tap", "token"),
    "pooling": ("token", "head"),
}


def draw_attributions(attributions: Attributions, path: str | Path) -> None:
    """Draws a text whose word pieces are coloured by their scores.

    Blue pieces speak for the target, red ones against it; the deepest colour
    is that of the highest score, whatever its sign.

    Args:
        attributions: What `integrated_gradients` returned.
        path: The PNG to write.

    Raises:
        InputError: If matplotlib is not installed.

    Example:

    ```python
    from keras_mixattn.interpret import integrated_gradients

    answer = integrated_gradients(classifier, "a good film")
    draw_attributions(answer, "film.png")
    assert Path("film.png").stat().st_size > 0
    ```
    """
    _attributions_figure(attributions).savefig(path, format="png")


def draw_head_maps(
    maps: HeadMaps, path: str | Path, layers: list[int] | None = None
) -> None:
    """Draws the weights of heads: a row for each layer, a panel for each head.

    Attention is a square, tokens by the tokens they take from; a convolution
    is a strip, tokens by taps; all pooling heads of a layer share a panel,
    heads by tokens. Dark is much; each panel has its own scale from zero to
    its highest weight.

    Args:
        maps: What `attention_maps`, `convolution_kernels` or
            `pooling_weights` returned.
        path: The PNG to write.
        layers: Numbers of the layers. Defaults to all there are.

    Raises:
        InputError: If matplotlib is not installed, or a layer has no such
            heads.

    Example:

    ```python
    from keras_mixattn.interpret import attention_maps

    maps = attention_maps(classifier, "a good film")
    draw_head_maps(maps, "attention.png", layers=[0])
    assert Path("attention.png").stat().st_size > 0
    ```
    """
    _heads_figure(maps, layers).savefig(path, format="png")


def _matplotlib():
    try:
        import matplotlib.figure
    except ImportError as error:
        raise InputError(
            "Pictures need matplotlib, which is not installed: run "
            "`pip install matplotlib`."
        ) from error
    return matplotlib


def _attributions_figure(attributions):
    matplotlib = _matplotlib()
    boxes, bottom = _lay_out(attributions)
    width, height = _TEXT_WIDTH + 2 * _MARGIN, 2.5 * _LINE - bottom
    figure = matplotlib.figure.Figure(figsize=(width, height), dpi=150)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(
        xlim=(-_MARGIN, _TEXT_WIDTH + _MARGIN), ylim=(bottom, bottom + height)
    )
    ax.axis("off")
    ax.text(0, 1.75 * _LINE, _title(attributions), fontsize=9, va="center")
    most = max([abs(score) for *_, score in boxes] + [1e-12])
    colours = matplotlib.colormaps["RdBu"]
    for x, y, text, score in boxes:
        share = score / most
        ax.add_patch(
            matplotlib.patches.Rectangle(
                (x, y - 0.4 * _LINE),
                _width(text),
                0.8 * _LINE,
                facecolor=colours(0.5 + 0.5 * share),
                linewidth=0,
            )
        )
        ax.text(
            x + _width(text) / 2,
            y,
            text,
            color="white" if abs(share) > 0.7 else "black",
            family="monospace",
            fontsize=9,
            ha="center",
            va="center",
            parse_math=False,
        )
    return figure


def _lay_out(attributions):
    """Returns (x, y, text, score) of each piece, and where the last line ends.

    Pieces of a word stand side by side; the second text of a pair begins a
    new line.
    """
    boxes, x, y, before = [], 0.0, 0.5 * _LINE, None
    for piece in attributions.pieces:
        text = attributions.texts[piece.part][piece.start : piece.stop]
        text = " ".join(text.split())
        if before is not None:
            is_new_word = piece.start != before.stop
            x += _WORD_GAP if is_new_word else 0.0
            if piece.part != before.part or x + _width(text) > _TEXT_WIDTH:
                x, y = 0.0, y - _LINE
        boxes.append((x, y, text, piece.score))
        x += _width(text)
        before = piece
    return boxes, y - _LINE


def _width(text):
    return _LETTER * (len(text) + 0.6)


def _title(attributions):
    return (
        f"{attributions.target}: {attributions.output:.3f}, without the words "
        f"{attributions.baseline_output:.3f}; blue speaks for it, red against "
        f"it (gap {attributions.gap:.1g})"
    )


def _heads_figure(maps, layers):
    matplotlib = _matplotlib()
    layers = sorted(maps.layers) if layers is None else layers
    missing = [layer for layer in layers if layer not in maps.layers]
    if missing or not layers:
        raise InputError(
            f"Only layers {', '.join(map(str, maps.layers))} have heads of "
            f"{maps.mixer!r}: name one or more of them, not {missing}."
        )
    panels = {layer: _panels(maps, layer) for layer in layers}
    rows, columns = len(layers), max(len(x) for x in panels.values())
    tall, wide = (
        min(max(_CELL * size, _LEAST_PANEL), _MOST_PANEL)
        for size in panels[layers[0]][0].shape
    )
    figure = matplotlib.figure.Figure(
        figsize=(columns * wide + 2 * _LABELS, rows * tall + 2 * _LABELS),
        dpi=100,
        layout="constrained",
    )
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for line, layer in zip(axes, layers, strict=True):
        for head, weights in enumerate(panels[layer]):
            ax = line[head]
            ax.axis("on")
            ax.imshow(weights, cmap="Blues", vmin=0.0, aspect="auto")
            is_pooling = maps.mixer == "pooling"
            title = f"layer {layer}" + ("" if is_pooling else f", head {head}")
            ax.set_title(title, fontsize=7)
            _label(ax, maps, weights.shape, head == 0, layer == layers[-1])
    return figure


def _panels(maps, layer):
    weights = maps.layers[layer]
    return [weights] if maps.mixer == "pooling" else list(weights)


def _label(ax, maps, shape, is_first, is_last):
    """Names tokens, taps or heads, at the outer panels alone."""
    across, down = _AXES[maps.mixer]
    tokens = [name.replace("$", r"\$") for name in maps.tokens]
    reach = shape[1] // 2
    names = {
        "token": tokens,
        "takes from": tokens,
        "tap": [
            f"{tap:+d}" if tap else "0" for tap in range(-reach, reach + 1)
        ],
        "head": [str(head) for head in range(shape[0])],
    }
    ax.set_xticks([])
    ax.set_yticks([])
    if is_first:
        ax.set_yticks(range(shape[0]), names[down], fontsize=6)
        ax.set_ylabel(down, fontsize=7)
    if is_last:
        ax.set_xticks(range(shape[1]), names[across], fontsize=6, rotation=90)
        ax.set_xlabel(across, fontsize=7)
