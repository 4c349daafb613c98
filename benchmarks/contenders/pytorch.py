"""HuggingFace's PyTorch ConvBERT, eager and compiled."""

import contextlib
import pathlib

import numpy as np
import torch
from torch._inductor import config as inductor_config
from transformers import ConvBertConfig
from transformers import ConvBertModel

from benchmarks import problem
from benchmarks.cells import Cell


def config_of(dims: dict) -> ConvBertConfig:
    """Returns HuggingFace's configuration of a model, without dropout.

    Args:
        dims: A value of `problem.SIZES`, or a dict with its keys.

    Example:

    ```python
    assert config_of(problem.SIZES["tiny"]).hidden_size == 32
    ```
    """
    return ConvBertConfig(
        vocab_size=dims["vocabulary_size"],
        hidden_size=dims["hidden_dim"],
        embedding_size=dims["embedding_dim"],
        num_hidden_layers=dims["num_layers"],
        num_attention_heads=dims["num_heads"],
        intermediate_size=dims["intermediate_dim"],
        conv_kernel_size=dims["kernel_size"],
        num_groups=dims["num_groups"],
        head_ratio=problem.HEAD_RATIO,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-12,
    )


def build_model(size: str) -> ConvBertModel:
    """Builds the model of a size with the benchmark's random weights.

    Args:
        size: A key of `problem.SIZES`.

    Returns:
        The float32 model in evaluation mode, without dropout.

    Example:

    ```python
    assert not build_model("tiny").training
    ```
    """
    model = ConvBertModel(config_of(problem.SIZES[size]))
    weights = problem.make_weights(size)
    model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    return model.eval()


def build_inputs(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Gives a batch of `problem.make_batch` HuggingFace's names and types.

    Args:
        batch: The batch.

    Returns:
        The model's keyword arguments.

    Example:

    ```python
    inputs = build_inputs(problem.make_batch("tiny", 1, 4))
    assert tuple(inputs["input_ids"].shape) == (1, 4)
    ```
    """
    names = {
        "input_ids": "token_ids",
        "attention_mask": "padding_mask",
        "token_type_ids": "segment_ids",
    }
    return {
        ours: torch.from_numpy(batch[theirs]).long()
        for ours, theirs in names.items()
    }


class HuggingFace:
    """`ConvBertModel`: one forward pass or one AdamW step at a time.

    Forward runs in inference mode. In bfloat16, forward converts the weights
    (`model.to(torch.bfloat16)`, faster than autocast) and training uses
    autocast over float32 weights.

    Args:
        cell: The cell to measure.
        size: A key of `problem.SIZES`.
        folder: Unused.
        compiled: Whether to use `torch.compile`.
        autocast: Use autocast in a bfloat16 forward pass too.

    Example:

    ```python
    model = HuggingFace(Cell("forward", "float32", 1, 4, 1), "tiny", None)
    assert tuple(model.step().shape) == (1, 4, 32)
    ```
    """

    def __init__(
        self,
        cell: Cell,
        size: str,
        folder: pathlib.Path | None,
        compiled: bool = False,
        autocast: bool = False,
    ):
        torch.set_num_threads(cell.threads)
        batch = problem.make_batch(size, cell.batch, cell.length)
        self.inputs = build_inputs(batch)
        self.target = torch.from_numpy(batch["target"])
        self.model = build_model(size)
        train = cell.task == "train"
        low = cell.dtype == "bfloat16"
        autocast = low and (train or autocast)
        self.precision = (
            (lambda: torch.autocast("cpu", torch.bfloat16))
            if autocast
            else contextlib.nullcontext
        )
        if low and not autocast:
            self.model.to(torch.bfloat16)
        if compiled:
            self._compile(train)
        self.step = self._train if train else self._forward
        if train:
            self.model.train()
            self.optimizer = torch.optim.AdamW(
                self.model.parameters(),
                lr=problem.LEARNING_RATE,
                weight_decay=problem.WEIGHT_DECAY,
                eps=problem.ADAM_EPSILON,
                fused=True,
            )

    def output(self) -> np.ndarray:
        """Returns the last hidden state as float32."""
        return self.step().float().numpy()

    def losses(self, count: int) -> list[float]:
        """Trains a few steps and returns the loss before each."""
        return [float(self.step()) for _ in range(count)]

    def _compile(self, train):
        if not train:
            # Weights become constants, packed once for the products.
            inductor_config.freezing = True
        self.model = torch.compile(self.model, dynamic=False)

    def _forward(self):
        with torch.inference_mode(), self.precision():
            return self.model(**self.inputs).last_hidden_state

    def _train(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            output = self.model(**self.inputs).last_hidden_state
            loss = torch.nn.functional.mse_loss(output.float(), self.target)
        loss.backward()
        self.optimizer.step()
        return loss.detach()
