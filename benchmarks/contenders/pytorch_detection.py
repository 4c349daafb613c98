"""Replaced-token detection of HuggingFace's PyTorch modules."""

import contextlib
import pathlib

import torch
from torch.nn import functional
from transformers import ConvBertConfig
from transformers import ConvBertModel
from transformers.models.electra import modeling_electra

from benchmarks import detection_problem
from benchmarks import problem
from benchmarks.cells import Cell
from benchmarks.contenders.pytorch import build_inputs
from benchmarks.contenders.pytorch import config_of


class Towers(torch.nn.Module):
    """Two `ConvBertModel`s on the same embeddings, with ELECTRA's heads.

    The vocabulary is predicted at the hidden tokens alone, which HuggingFace's
    own classes do at all tokens.

    Args:
        size: A key of `problem.SIZES`.

    Example:

    ```python
    assert Towers("tiny").generator.config.hidden_size == 8
    ```
    """

    def __init__(self, size: str):
        super().__init__()
        config = config_of(problem.SIZES[size])
        narrow = config_of(detection_problem.generator_dims(size))
        self.convbert = ConvBertModel(config)
        self.discriminator_predictions = (
            modeling_electra.ElectraDiscriminatorPredictions(config)
        )
        self.generator = _Generator(narrow)
        weights = detection_problem.make_weights(size)
        _load(self.convbert, weights["discriminator"])
        _load(
            self.discriminator_predictions,
            weights["discriminator"],
            "discriminator_predictions",
        )
        self.generator.load(weights["generator"])
        self.generator.convbert.embeddings = self.convbert.embeddings

    def forward(self, inputs, positions, original, sampled=None):
        """Returns the losses of the masked LM and of the detection."""
        words = self.convbert.embeddings.word_embeddings.weight
        logits = self.generator(inputs, positions, words)
        masked_lm = functional.cross_entropy(
            logits.flatten(0, 1), original.flatten()
        )
        if sampled is None:
            with torch.no_grad():
                noise = -torch.log(-torch.log(torch.rand_like(logits) + 1e-9))
                sampled = (logits.detach() + noise).argmax(-1)
        token_ids = inputs["input_ids"].scatter(1, positions, sampled)
        labels = torch.zeros_like(token_ids).scatter(
            1, positions, (sampled != original).long()
        )
        hidden = self.convbert(**{**inputs, "input_ids": token_ids})
        found = self.discriminator_predictions(hidden.last_hidden_state)
        real = inputs["attention_mask"].float()
        losses = functional.binary_cross_entropy_with_logits(
            found.float(), labels.float(), reduction="none"
        )
        return masked_lm, (losses * real).sum() / real.sum()


class _Generator(torch.nn.Module):
    def __init__(self, config: ConvBertConfig):
        super().__init__()
        self.config = config
        self.convbert = ConvBertModel(config)
        self.generator_predictions = (
            modeling_electra.ElectraGeneratorPredictions(config)
        )
        self.bias = torch.nn.Parameter(torch.zeros(config.vocab_size))

    def load(self, weights):
        _load(self.convbert, weights)
        _load(self.generator_predictions, weights, "generator_predictions")
        self.bias.data.copy_(
            torch.from_numpy(weights["generator_lm_head.bias"])
        )

    def forward(self, inputs, positions, words):
        hidden = self.convbert(**inputs).last_hidden_state
        index = positions[:, :, None].expand(-1, -1, hidden.shape[-1])
        x = self.generator_predictions(hidden.gather(1, index))
        return functional.linear(x, words).float() + self.bias


def _load(module, weights, scope=None):
    """Gives a module its arrays: of a scope, or those without a head."""
    arrays = {
        name.partition(".")[2] if scope else name: torch.from_numpy(array)
        for name, array in weights.items()
        if (
            name.startswith(scope)
            if scope
            else name.startswith(("embeddings", "encoder"))
        )
    }
    module.load_state_dict(arrays)


class Detection:
    """The towers in training, eager or compiled; AdamW, clipped as ours.

    Args:
        cell: The cell to measure; bfloat16 is autocast over float32 weights.
        size: A key of `problem.SIZES`.
        folder: Unused.
        compiled: Whether to use `torch.compile`.

    Example:

    ```python
    model = Detection(Cell("detect", "float32", 1, 8, 1), "tiny", None)
    assert len(model.losses(2)) == 2
    ```
    """

    def __init__(
        self,
        cell: Cell,
        size: str,
        folder: pathlib.Path | None,
        compiled: bool = False,
    ):
        torch.set_num_threads(cell.threads)
        torch.manual_seed(problem.SEED)
        batch = detection_problem.make_batch(size, cell.batch, cell.length)
        self.batch = (
            build_inputs(batch),
            torch.from_numpy(batch["mask_positions"]).long(),
            torch.from_numpy(batch["mask_ids"]).long(),
        )
        self.precision = (
            (lambda: torch.autocast("cpu", torch.bfloat16))
            if cell.dtype == "bfloat16"
            else contextlib.nullcontext
        )
        self.model = Towers(size).train()
        self.parameters = list(self.model.parameters())
        if compiled:
            self.model = torch.compile(self.model, dynamic=False)
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=problem.LEARNING_RATE,
            weight_decay=problem.WEIGHT_DECAY,
            eps=problem.ADAM_EPSILON,
            fused=True,
        )

    def step(self, sampled=None) -> tuple[torch.Tensor, torch.Tensor]:
        """Trains by the batch.

        Args:
            sampled: What is put in the place of the hidden tokens. Defaults
                to samples of the generator.

        Returns:
            The losses of the masked LM and of the detection before the step.
        """
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            masked_lm, detection = self.model(*self.batch, sampled)
        loss = masked_lm + detection_problem.DETECTION_WEIGHT * detection
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            self.parameters, detection_problem.CLIP_NORM
        )
        self.optimizer.step()
        return masked_lm.detach(), detection.detach()

    def losses(self, count: int) -> list[float]:
        """Trains a few steps and returns the masked LM's loss before each."""
        return [float(self.step()[0]) for _ in range(count)]
