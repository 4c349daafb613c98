"""What pre-training and fine-tuning share: objectives, optimizer, rates."""

from keras_mixattn.pretraining.fused_adamw import FusedAdamW
from keras_mixattn.pretraining.layer_wise_rates import layer_wise_rates
from keras_mixattn.pretraining.optimizer import adamw
from keras_mixattn.pretraining.schedule import WarmupLinearDecay
from keras_mixattn.pretraining.sentence_structure import with_sentence_structure

__all__ = [
    "FusedAdamW",
    "WarmupLinearDecay",
    "adamw",
    "layer_wise_rates",
    "with_sentence_structure",
]
