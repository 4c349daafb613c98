"""Measures what long documents cost to train on, by the layers that pool.

    python -m benchmarks.long_documents
    python -m benchmarks.long_documents --cells documents --rounds 3
    python -m benchmarks.long_documents --quick

One training step on a document of 4096 tokens: of the encoder whose layers all
attend, and of those of equal size whose lower 6, 8, 10 or all 12 layers pool.
Prints a table and writes `benchmarks/measured/long_documents.json`, a quick
run `runs/long_documents.json`. Finished cells are kept there and skipped when
the command is repeated, unless `--fresh` is given. `--size base` wants about
30 GB at dropout 0.1, half of that without. Exit code 1 says that a cell
failed, 2 that an argument was wrong.
"""

import sys

from benchmarks.alternate import WARM_UP_STEPS
from benchmarks.mixer_cells import ATTENTION
from benchmarks.mixer_cells import DOCUMENT_LENGTH
from benchmarks.mixer_cells import DOCUMENT_MEMORY
from benchmarks.mixer_cells import DOCUMENT_PARTS
from benchmarks.mixer_cells import DOCUMENTS
from benchmarks.mixer_cells import POOLING_OF_12
from benchmarks.mixer_cells import MixerCell
from benchmarks.mixer_cells import document_cells
from benchmarks.mixer_cells import parse_cell
from benchmarks.mixer_costs import Comparison
from benchmarks.mixer_costs import run
from benchmarks.mixer_table import label
from benchmarks.mixer_table import megabytes
from benchmarks.mixer_table import milliseconds
from benchmarks.mixer_table import spread
from benchmarks.mixer_table import table
from benchmarks.problem import SIZES
from benchmarks.report import ratios
from keras_mixattn.errors import exit_on_input_error

# What was aimed at, of time and memory alike.
MOST = 0.5


def layer_operations(
    hidden_dim: int,
    num_heads: int,
    intermediate_dim: int,
    length: int,
    pools: bool,
) -> int:
    """Counts what the matrix products of one layer do, forward.

    Attention multiplies each token by four matrices, and all pairs of tokens
    twice. Pooling multiplies by four matrices as well and, in each head, by
    one vector twice; three matrices are applied once per row.

    Args:
        hidden_dim: Features of a token.
        num_heads: Number of heads.
        intermediate_dim: Features inside the feed-forward network.
        length: Tokens of a row.
        pools: Whether the heads pool; they attend if not.

    Returns:
        Operations, two for a multiplication and an addition.

    Example:

    ```python
    pooling = layer_operations(768, 12, 3072, 4096, pools=True)
    attention = layer_operations(768, 12, 3072, 4096, pools=False)
    assert round(pooling / attention, 3) == 0.531
    ```
    """
    shared = length * hidden_dim * (8 * hidden_dim + 4 * intermediate_dim)
    if pools:
        mixing = 4 * length * hidden_dim * num_heads + 6 * hidden_dim**2
    else:
        mixing = 4 * length**2 * hidden_dim
    return shared + mixing


def on_paper(size: str, length: int) -> dict[str, float]:
    """Returns the operations of encoders as shares of attention's.

    Args:
        size: A key of `problem.SIZES`.
        length: Tokens of a row.

    Returns:
        The share by the names of `POOLING_OF_12`.

    Example:

    ```python
    assert round(on_paper("small", 4096)["hybrid"], 2) == 0.64
    ```
    """
    dims = [
        SIZES[size][name]
        for name in ("hidden_dim", "num_heads", "intermediate_dim")
    ]
    pooling, attention = (
        layer_operations(*dims, length, pools) for pools in (True, False)
    )
    return {
        name: 1 - layers / 12 * (1 - pooling / attention)
        for name, layers in POOLING_OF_12.items()
    }


def format_report(report: dict) -> str:
    """Formats what was measured as Markdown.

    Args:
        report: The content of `long_documents.json`.

    Returns:
        A sentence on machine and method, then a table.
    """
    rounds = {
        entry["rounds"]
        for name, entry in report["cells"].items()
        if parse_cell(name).part == DOCUMENTS
    }
    rounds = " or ".join(map(str, sorted(rounds)))
    head = (
        f"{report['machine']['processor']}, {report['size']} size, a training "
        f"step of one document of {DOCUMENT_LENGTH} tokens: CPU time on one "
        f"thread, the median of {rounds or 'no'} rounds with its extremes, "
        "and tensors at the peak, as multiples of the encoder whose layers "
        "all attend. Operations are those of the layers' matrix products."
    )
    return f"{head}\n\n{table(_rows(report))}"


def _rows(report):
    others = [name for name in POOLING_OF_12 if name != ATTENTION]
    yield [
        "what",
        "all layers attend",
        *(f"{POOLING_OF_12[name]} of 12 pool" for name in others),
        "aim",
    ]
    shares = on_paper(report["size"], DOCUMENT_LENGTH)
    yield ["operations", "1", *(f"{shares[name]:.2f}" for name in others), ""]
    for name, entry in report["cells"].items():
        yield _row(parse_cell(name), entry["results"], others)


def _row(cell: MixerCell, results, others):
    attention = results[ATTENTION]
    if cell.part == DOCUMENT_MEMORY:
        what, figure = "memory", megabytes(attention)
        shares = [
            f"{results[name]['mb'] / attention['mb']:.2f}" for name in others
        ]
    else:
        what, figure = "time", milliseconds(attention)
        shares = [
            spread(ratios(results[name], attention, "cpu")) for name in others
        ]
    return [
        f"{what}: {label(cell).removeprefix('train, ')}",
        figure,
        *shares,
        f"{MOST}",
    ]


DOCUMENT_COSTS = Comparison(
    name="long_documents",
    help=__doc__,
    parts=DOCUMENT_PARTS,
    cells=document_cells(),
    quick_cells=[
        MixerCell(part, "train", "float32", 1, DOCUMENT_LENGTH // 4, 0.1)
        for part in DOCUMENT_PARTS
    ],
    sizes=("small", "base", "tiny"),
    settings={
        "threads": 1,
        "untimed_steps": WARM_UP_STEPS,
        "pooling_layers_of_12": POOLING_OF_12,
        "padding": "the last quarter of the row",
        "loss": "mean squared error of the last hidden state",
        "optimizer": "FusedAdamW",
    },
    format_report=format_report,
)


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if a cell failed.
    """
    return run(argv, DOCUMENT_COSTS)


if __name__ == "__main__":
    sys.exit(main())
