"""What pre-training and fine-tuning share: optimizer and learning rate."""

from keras_mixattn.pretraining.fused_adamw import FusedAdamW
from keras_mixattn.pretraining.optimizer import adamw
from keras_mixattn.pretraining.schedule import WarmupLinearDecay

__all__ = ["FusedAdamW", "WarmupLinearDecay", "adamw"]
