"""What `benchmarks.mixer_costs` measures: its cells and their contenders."""

import dataclasses

LAYER = "layer"
LAYER_GROWTH = "layer_growth"
MIXER_GROWTH = "mixer_growth"
MODEL = "model"
MEMORY = "memory"
GROWTHS = (LAYER_GROWTH, MIXER_GROWTH)
PARTS = (LAYER, *GROWTHS, MODEL, MEMORY)

DTYPES = ("float32", "mixed_bfloat16")
SHAPES = ((16, 128), (4, 512), (1, 2048))
LONGEST = 8192
MODEL_LENGTH = 512
DROPOUT = 0.1  # as published, of the attention weights too

ATTENTION = "attention"
POOLING = "pooling"
HYBRID = "hybrid"
ALLOCATIONS = (
    ATTENTION,
    "attention+span_conv",
    POOLING,
    "attention+span_conv+pooling",
)
MODELS = (ATTENTION, HYBRID)


@dataclasses.dataclass(frozen=True)
class MixerCell:
    """One thing to measure, with all its contenders, on one thread.

    Args:
        part: One of `PARTS`.
        task: `"forward"` or `"train"`.
        dtype: A dtype policy.
        batch: Rows of the batch.
        length: Tokens of a row, of the longest one where it varies.
        dropout: Share that is dropped in training.

    Example:

    ```python
    cell = MixerCell("layer", "train", "float32", 4, 512, 0.1)
    assert str(cell) == "layer/train/float32/4x512/0.1"
    assert parse_cell(str(cell)) == cell
    ```
    """

    part: str
    task: str
    dtype: str
    batch: int
    length: int
    dropout: float = 0.0

    def __str__(self):
        return (
            f"{self.part}/{self.task}/{self.dtype}/"
            f"{self.batch}x{self.length}/{self.dropout}"
        )

    @property
    def contenders(self) -> list[str]:
        """The names of those who are compared."""
        if self.part in GROWTHS:
            lengths = [self.length // share for share in (8, 4, 2, 1)]
            # All pairs of twice as many tokens: more than memory holds.
            return [f"{POOLING}/{length}" for length in lengths] + [
                f"{ATTENTION}/{length}" for length in lengths[:-1]
            ]
        return list(ALLOCATIONS if self.part == LAYER else MODELS)


def parse_cell(text: str) -> MixerCell:
    """Reads a cell from its name.

    Args:
        text: `PART/TASK/DTYPE/BATCHxLENGTH/DROPOUT`.

    Returns:
        The cell.
    """
    part, task, dtype, shape, dropout = text.split("/")
    batch, length = (int(number) for number in shape.split("x"))
    return MixerCell(part, task, dtype, batch, length, float(dropout))


def default_cells() -> list[MixerCell]:
    """Lists the cells of a whole run, layers first.

    Example:

    ```python
    assert len(set(default_cells())) == 28
    ```
    """
    tasks = (("forward", 0.0), ("train", 0.0), ("train", DROPOUT))
    layers = [
        MixerCell(LAYER, task, dtype, *shape, dropout)
        for dtype in DTYPES
        for shape in SHAPES
        for task, dropout in tasks
    ]
    growths = [
        MixerCell(part, task, "float32", 1, LONGEST)
        for part in GROWTHS
        for task in ("forward", "train")
    ]
    models = [
        MixerCell(part, "train", "float32", batch, MODEL_LENGTH, dropout)
        for part, batch in ((MODEL, 2), (MODEL, 8), (MEMORY, 8))
        for dropout in (DROPOUT, 0.0)
    ]
    return layers + growths + models


def quick_cells() -> list[MixerCell]:
    """Lists small cells: a layer, its growth, the whole model.

    Example:

    ```python
    assert {cell.part for cell in quick_cells()} < set(PARTS)
    ```
    """
    return [
        MixerCell(LAYER, "train", "float32", 16, 128),
        MixerCell(LAYER_GROWTH, "forward", "float32", 1, LONGEST // 2),
        MixerCell(MODEL, "train", "float32", 1, MODEL_LENGTH, DROPOUT),
    ]
