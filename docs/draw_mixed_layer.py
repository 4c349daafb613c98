"""Draws one layer whose heads are of several mixers, for the README.

python -m docs.draw_mixed_layer
"""

import io
from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.patches import Polygon
from PIL import Image

ALLOCATION = {"attention": 4, "span_conv": 4, "pooling": 4}

PICTURE = Path(__file__).with_name("mixed_layer.png")

# Lengths are pixels, y upwards.
WIDTH, HEIGHT = 1200, 948
LEFT, RIGHT = 36, 1108  # of everything but the residual connections
CENTRE = (LEFT + RIGHT) / 2
RESIDUAL = 1158
GAP = 24  # between panels
HEAD_GAP = 7
STEP = 29  # between the tokens in a panel

INK, GREY, PALE = "#2b3a4a", "#8a97a5", "#eef1f4"

TOKENS = "[CLS] the sea was calm [SEP] we set sail [SEP]".split()
QUERY = 3  # the token whose view is drawn: "was"
WINDOW = range(QUERY - 2, QUERY + 3)
SEGMENT = range(1, 5)  # between [CLS] and [SEP]
NEIGHBOURS = range(QUERY - 1, QUERY + 2)


class Look(NamedTuple):
    """How a mixer is drawn; the order of `LOOKS` is that of the heads."""

    name: str
    title: str
    sees: str
    colour: str
    tint: str
    takes_query: bool


ATTENTION = Look(
    "attention", "Attention", "all tokens", "#7f9fc8", "#edf2f9", True
)
SPAN_CONV = Look(
    "span_conv", "Span convolution", "a window", "#86b592", "#edf6ef", True
)
POOLING = Look(
    "pooling",
    "Pooling",
    "sequence, segment, neighbours",
    "#dfae70",
    "#fcf4e8",
    False,
)
LOOKS = (ATTENTION, SPAN_CONV, POOLING)


class Panel(NamedTuple):
    """One mixer's part of the picture, from one x to another."""

    look: Look
    heads: int
    left: float
    right: float
    head_step: float  # from one head to the next, the same in all panels

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2

    @property
    def heads_left(self) -> float:
        return self.centre - (self.heads * self.head_step - HEAD_GAP) / 2

    @property
    def heads_right(self) -> float:
        return 2 * self.centre - self.heads_left


def lay_out(allocation: dict) -> list[Panel]:
    """Returns one panel per mixer with heads, equally wide."""
    looks = [look for look in LOOKS if look.name in allocation]
    width = (RIGHT - LEFT - GAP * (len(looks) - 1)) / len(looks)
    lefts = [LEFT + index * (width + GAP) for index in range(len(looks))]
    step = (width + HEAD_GAP) / max(allocation.values())
    return [
        Panel(look, allocation[look.name], left, left + width, step)
        for look, left in zip(looks, lefts, strict=True)
    ]


def mixed_layer(allocation: dict = ALLOCATION) -> Figure:
    """Draws a layer with a head allocation.

    Args:
        allocation: Dict from mixer name to number of heads.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    ax.axis("off")
    panels = lay_out(allocation)
    _tokens(ax)
    _queries(ax, panels)
    for panel in panels:
        _panel(ax, panel)
        _heads(ax, panel)
    _concatenation(ax, panels)
    _rest(ax)
    _title(ax, panels)
    return figure


def draw(path: str | Path = PICTURE, allocation: dict = ALLOCATION) -> None:
    """Draws a layer into a file, with the same bytes every time.

    Args:
        path: The PNG to write.
        allocation: Dict from mixer name to number of heads.
    """
    drawn = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        mixed_layer(allocation).savefig(drawn, format="png")
    # A third of the bytes, and no version of matplotlib among them.
    image = Image.open(drawn).convert("RGB").quantize(256)
    image.save(path, format="PNG", optimize=True)


def _title(ax, panels):
    lines = [f'"{panel.look.name}": {panel.heads}' for panel in panels]
    _text(ax, LEFT, 910, "One layer", size=24, align="left", weight="bold")
    _text(
        ax,
        LEFT,
        884,
        "{" + ",\n ".join(lines) + "}",
        align="left",
        vertical="top",
        family="monospace",
        linespacing=1.5,
    )


def _tokens(ax):
    gap = 8
    _box(ax, LEFT, RIGHT, 14, 66, "", PALE)
    width = (RIGHT - LEFT - gap * (len(TOKENS) + 1)) / len(TOKENS)
    for index, token in enumerate(TOKENS):
        x = LEFT + gap + index * (width + gap)
        _box(ax, x, x + width, 21, 59, token, "white")


def _queries(ax, panels):
    """The shared query, and what each panel makes of the tokens itself."""
    sharing = [panel for panel in panels if panel.look.takes_query]
    for panel in panels:
        if panel in sharing:
            continue
        _arrow(ax, panel.centre, 70, panel.centre, 176)
        _text(ax, panel.centre + 14, 119, "own projections", align="left")
    if not sharing:
        return
    left, right = sharing[0].left + 108, sharing[-1].right - 108
    if len(sharing) == 1:
        right = sharing[0].right
    label = "shared query" if len(sharing) > 1 else "query"
    _box(ax, left, right, 98, 140, label, PALE)
    _arrow(ax, (left + right) / 2, 70, (left + right) / 2, 94)
    for index, panel in enumerate(sharing):
        x = (max(panel.left, left) + min(panel.right, right)) / 2
        _arrow(ax, x, 144, x, 176)
        own = panel.left + 18 if index == 0 else panel.right - 18
        _arrow(ax, own, 70, own, 176)
        _text(
            ax,
            own + (12 if index == 0 else -12),
            119,
            "keys,\nvalues",
            align="left" if index == 0 else "right",
        )


def _panel(ax, panel):
    _box(ax, panel.left, panel.right, 180, 424, "", panel.look.tint)
    _text(ax, panel.centre, 399, panel.look.title, size=20, weight="bold")
    _text(ax, panel.centre, 371, f"sees {panel.look.sees}", size=17)
    left = panel.centre - STEP * (len(TOKENS) - 1) / 2
    xs = [left + STEP * index for index in range(len(TOKENS))]
    _dot(ax, xs[QUERY], 334, panel.look.colour, radius=9)
    _text(ax, xs[QUERY] - 18, 334, TOKENS[QUERY], size=16, align="right")
    if panel.look is POOLING:
        _pooled(ax, xs, panel.look.colour)
        return
    seen = range(len(TOKENS))
    if panel.look is SPAN_CONV:
        seen = WINDOW
        _band(ax, xs, seen, 202, panel.look.colour, height=28, alpha=0.35)
    for index in seen:
        ax.plot(
            [xs[index], xs[QUERY]],
            [202, 334],
            color=panel.look.colour,
            linewidth=2,
            zorder=2,
        )
    for index, x in enumerate(xs):
        _dot(ax, x, 202, panel.look.colour if index in seen else "#d5dbe1")


def _pooled(ax, xs, colour):
    for index in range(len(TOKENS)):
        _dot(ax, xs[index], 202, colour)
    ax.plot([xs[QUERY]] * 2, [202, 334], color=colour, linewidth=2, zorder=1.5)
    for indices, y, label in (
        (NEIGHBOURS, 232, "neighbours"),
        (SEGMENT, 262, "segment"),
        (range(len(TOKENS)), 292, "sequence"),
    ):
        _band(ax, xs, indices, y, colour, height=22)
        if len(indices) == len(xs):
            _text(ax, xs[QUERY] + 3 * STEP, y, label, size=16)
        else:
            _text(ax, xs[indices[-1]] + 20, y, label, size=16, align="left")


def _heads(ax, panel):
    width = panel.head_step - HEAD_GAP
    for index in range(panel.heads):
        left = panel.heads_left + index * panel.head_step
        label = "head" if width > 50 else ""
        colour = panel.look.colour
        _box(ax, left, left + width, 452, 494, label, colour, gid="head")
    _arrow(ax, panel.centre, 428, panel.centre, 449)


def _concatenation(ax, panels):
    total = sum(panel.heads for panel in panels)
    left = LEFT
    for panel in panels:
        right = left + (RIGHT - LEFT) * panel.heads / total
        corners = [
            (panel.heads_left, 498),
            (panel.heads_right, 498),
            (right, 530),
            (left, 530),
        ]
        ax.add_patch(Polygon(corners, color=panel.look.tint, linewidth=0))
        ax.add_patch(
            Polygon(
                [(left, 530), (right, 530), (right, 566), (left, 566)],
                facecolor=panel.look.colour,
                linewidth=0,
            )
        )
        left = right
    _text(ax, CENTRE, 548, "concatenated heads")


def _rest(ax):
    rows = (
        ("output projection", 594),
        ("add, normalise", 664),
        ("feed-forward", 748),
        ("add, normalise", 818),
    )
    bottom = 566
    for label, y in rows:
        _arrow(ax, CENTRE, bottom + 4, CENTRE, y - 4)
        _box(ax, CENTRE - 190, CENTRE + 190, y, y + 44, label, PALE)
        bottom = y + 44
    _arrow(ax, CENTRE, bottom + 4, CENTRE, 900)
    _text(ax, CENTRE, 918, "to the next layer")
    _residual(ax, RIGHT + 4, 40, 686)
    _residual(ax, CENTRE, 721, 840)


def _residual(ax, x, y, end):
    ax.plot(
        [x, RESIDUAL, RESIDUAL, CENTRE + 204],
        [y, y, end, end],
        color=GREY,
        linewidth=1.6,
        zorder=0.5,
    )
    _arrow(ax, CENTRE + 210, end, CENTRE + 194, end)


def _box(ax, left, right, bottom, top, text, colour, gid=None):
    ax.add_patch(
        FancyBboxPatch(
            (left, bottom),
            right - left,
            top - bottom,
            boxstyle="round,pad=0,rounding_size=8",
            facecolor=colour,
            linewidth=0,
            gid=gid,
        )
    )
    _text(ax, (left + right) / 2, (bottom + top) / 2, text)


def _band(ax, xs, indices, y, colour, height, alpha=1.0):
    ax.add_patch(
        FancyBboxPatch(
            (xs[indices[0]] - 13, y - height / 2),
            xs[indices[-1]] - xs[indices[0]] + 26,
            height,
            boxstyle=f"round,pad=0,rounding_size={height / 2}",
            facecolor=colour,
            linewidth=0,
            alpha=alpha,
        )
    )


def _dot(ax, x, y, colour, radius=7):
    # A marker's size is its diameter in points.
    ax.plot(x, y, "o", color=colour, markersize=1.44 * radius, zorder=3)


def _arrow(ax, x, y, to_x, to_y):
    ax.annotate(
        "",
        (to_x, to_y),
        (x, y),
        arrowprops={
            "arrowstyle": "-|>",
            "color": GREY,
            "linewidth": 1.6,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 13,
        },
    )


def _text(ax, x, y, text, size=18, align="center", vertical="center", **kwargs):
    ax.text(
        x,
        y,
        text,
        fontsize=0.72 * size,
        color=INK,
        horizontalalignment=align,
        verticalalignment=vertical,
        zorder=4,
        **kwargs,
    )


if __name__ == "__main__":
    draw()
