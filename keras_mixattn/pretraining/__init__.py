"""What pre-training and fine-tuning share: objectives, optimizer, rates."""

from keras_mixattn.pretraining.flops import training_flops
from keras_mixattn.pretraining.fused_adamw import FusedAdamW
from keras_mixattn.pretraining.generator import generator_of
from keras_mixattn.pretraining.generator import generator_sizes
from keras_mixattn.pretraining.layer_wise_rates import layer_wise_rates
from keras_mixattn.pretraining.masked_language_modeling import (
    MaskedLanguageModeling,
)
from keras_mixattn.pretraining.objective import PretrainingObjective
from keras_mixattn.pretraining.optimizer import adamw
from keras_mixattn.pretraining.replaced_token_detection import (
    ReplacedTokenDetection,
)
from keras_mixattn.pretraining.schedule import WarmupLinearDecay
from keras_mixattn.pretraining.sentence_structure import with_sentence_structure
from keras_mixattn.pretraining.strategies import strategy_of

__all__ = [
    "FusedAdamW",
    "MaskedLanguageModeling",
    "PretrainingObjective",
    "ReplacedTokenDetection",
    "WarmupLinearDecay",
    "adamw",
    "generator_of",
    "generator_sizes",
    "layer_wise_rates",
    "strategy_of",
    "training_flops",
    "with_sentence_structure",
]
