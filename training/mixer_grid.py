"""The encoders that are compared, and the runs that compare them."""

import dataclasses
import itertools

from keras_mixattn.models import hybrid_mixers

NUM_LAYERS = 4
NUM_HEADS = 4


def _every_layer(**allocation: int) -> list[dict]:
    return [allocation] * NUM_LAYERS


def _half_pools(placement: str) -> list[dict]:
    return hybrid_mixers(NUM_LAYERS, NUM_HEADS, NUM_LAYERS // 2, placement)


# Name -> one head allocation per layer.
MIXERS = {
    "attention": _every_layer(attention=4),
    "ConvBERT": _every_layer(attention=2, span_conv=2),
    "PoNet": _every_layer(pooling=4),
    "hybrid, bottom": _half_pools("bottom"),
    "hybrid, top": _half_pools("top"),
    "hybrid, alternate": _half_pools("alternate"),
    "hybrid, within": _every_layer(attention=2, pooling=2),
    "three-way": _every_layer(attention=2, span_conv=1, pooling=1),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One encoder that is pre-trained, then fine-tuned with several seeds.

    Args:
        mixer: A key of `MIXERS`.
        drop_mask: `"none"` or `"keys"`.
        mask_rate: Share of tokens to predict.
        seed: Of the pre-training: its weights, order and masks.
    """

    mixer: str
    drop_mask: str
    mask_rate: float
    seed: int

    @property
    def setting(self) -> tuple[str, str, float]:
        """What the runs of several seeds have in common."""
        return self.mixer, self.drop_mask, self.mask_rate

    @property
    def folder(self) -> str:
        """Name of the run's directory."""
        mixer = self.mixer.replace(", ", "_").replace("-", "_").lower()
        rate = round(100 * self.mask_rate)
        return f"{mixer}-{self.drop_mask}-{rate}-seed{self.seed}"


@dataclasses.dataclass(frozen=True)
class Grid:
    """A set of runs and how long each of them is.

    Args:
        steps: Optimizer steps of a pre-training.
        epochs: Epochs of a fine-tuning.
        seeds: Seeds of pre-training, of every setting.
        finetunings: Number of fine-tunings of a run, each with its own seed.
        mask_rates: Shares of tokens to predict.
    """

    steps: int
    epochs: int
    seeds: tuple[int, ...]
    finetunings: int
    mask_rates: tuple[float, ...]

    def runs(self) -> list[Run]:
        """Returns the runs, all settings of a seed before the next seed."""
        return [
            Run(mixer, drop_mask, mask_rate, seed)
            for seed, mask_rate, drop_mask, mixer in itertools.product(
                self.seeds, self.mask_rates, ("none", "keys"), MIXERS
            )
        ]


FULL = Grid(
    steps=4000, epochs=4, seeds=(1,), finetunings=3, mask_rates=(0.15, 0.4)
)
QUICK = Grid(steps=500, epochs=2, seeds=(1,), finetunings=1, mask_rates=(0.15,))
