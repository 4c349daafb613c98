"""What `mixer_costs` and `long_documents` measure, and their contenders."""

import dataclasses

LAYER = "layer"
LAYER_GROWTH = "layer_growth"
MIXER_GROWTH = "mixer_growth"
MODEL = "model"
MEMORY = "memory"
DOCUMENTS = "documents"
DOCUMENT_MEMORY = "document_memory"
GROWTHS = (LAYER_GROWTH, MIXER_GROWTH)
MEMORIES = (MEMORY, DOCUMENT_MEMORY)
PARTS = (LAYER, *GROWTHS, MODEL, MEMORY)
DOCUMENT_PARTS = (DOCUMENTS, DOCUMENT_MEMORY)

DTYPES = ("float32", "mixed_bfloat16")
SHAPES = ((16, 128), (4, 512), (1, 2048))
LONGEST = 8192
MODEL_LENGTH = 512
DOCUMENT_LENGTH = 4096
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
# How many of each twelve layers pool, from the bottom; the others attend.
POOLING_OF_12 = {
    ATTENTION: 0,
    HYBRID: 6,
    "hybrid_8": 8,
    "hybrid_10": 10,
    POOLING: 12,
}


@dataclasses.dataclass(frozen=True)
class MixerCell:
    """One thing to measure, with all its contenders, on one thread.

    Args:
        part: One of `PARTS` or `DOCUMENT_PARTS`.
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
        if self.part in DOCUMENT_PARTS:
            return list(POOLING_OF_12)
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


def document_cells() -> list[MixerCell]:
    """Lists the cells of long documents: time, then memory.

    Example:

    ```python
    assert {cell.length for cell in document_cells()} == {4096}
    ```
    """
    return [
        MixerCell(part, "train", "float32", 1, DOCUMENT_LENGTH, dropout)
        for part in DOCUMENT_PARTS
        for dropout in (DROPOUT, 0.0)
    ]


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
