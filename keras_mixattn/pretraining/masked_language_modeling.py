"""Masked language modelling on any number of devices."""

import keras
from keras import ops

from keras_mixattn.pretraining.objective import PretrainingObjective
from keras_mixattn.pretraining.objective import prediction_sums
from keras_mixattn.pretraining.summed_metrics import Ratio

_ONLY = "masked_lm"


@keras.saving.register_keras_serializable(package="keras_mixattn")
class MaskedLanguageModeling(PretrainingObjective):
    """Trains a masked LM, or one with the order of two texts beside it.

    It is trained on the batches of `masked_lm_dataset`, or on those of
    `masked_records_dataset`. The loss is the mean
    cross entropy of the predicted tokens of the whole batch, to which that of
    the order of texts is added; metrics are `masked_lm_loss`,
    `masked_lm_accuracy` and, with the order, `sentence_structure_loss` and
    `sentence_structure_accuracy`.

    Args:
        model: A `MaskedLM`, or what `with_sentence_structure` makes of one;
            save the masked LM afterwards.
        micro_batches: See `PretrainingObjective`.
        name: Name of the model.

    Example:

    ```python
    from keras_mixattn.data import TokenMasker
    from keras_mixattn.data import masked_lm_dataset
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertMaskedLM
    from keras_mixattn.pretraining import adamw

    masked_lm = ConvBertMaskedLM(
        ConvBertBackbone(
            vocabulary_size=30,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
        )
    )
    objective = MaskedLanguageModeling(masked_lm)
    objective.compile(adamw(1e-3, total_steps=3))
    masker = TokenMasker(30, 4, 0, special_token_ids=range(5))
    windows = np.arange(5, 29).reshape(4, 6)
    batches = masked_lm_dataset(windows, masker, batch_size=2, seed=7)
    objective.fit(batches, steps_per_epoch=3, verbose=0)
    ```
    """

    def __init__(self, model, micro_batches: int = 1, name: str | None = None):
        outputs = model.output if isinstance(model.output, dict) else [_ONLY]
        kinds = ("loss", "accuracy")
        super().__init__(
            [Ratio(f"{output}_{kind}") for output in outputs for kind in kinds],
            {f"{output}_loss": 1.0 for output in outputs},
            micro_batches,
            name=name,
        )
        self.model = model
        self.built = True

    def call(self, inputs, training=None):
        inputs = {name: inputs[name] for name in self.model.input}
        return _by_name(self.model(inputs, training=training))

    def loss_totals(self, x, y, sample_weight) -> dict:
        """Returns the weights of a batch.

        Args:
            x: The inputs.
            y: The labels.
            sample_weight: Their weights.

        Returns:
            Dict from the name of each loss to the sum of its weights.
        """
        return {
            f"{name}_loss": ops.sum(ops.cast(weights, "float32"))
            for name, weights in _by_name(sample_weight).items()
        }

    def sums(self, x, y, outputs, sample_weight) -> dict:
        """Returns what the losses and metrics of a batch are made of.

        Args:
            x: The inputs.
            y: The labels.
            outputs: The logits by name.
            sample_weight: The weights of the labels.

        Returns:
            Dict from the name of each metric to its two sums.
        """
        labels, weights = _by_name(y), _by_name(sample_weight)
        sums = {}
        for name, logits in outputs.items():
            sums[f"{name}_loss"], sums[f"{name}_accuracy"] = prediction_sums(
                logits, labels[name], weights[name]
            )
        return sums

    @property
    def trainable_variables(self):
        """Those of the model, which may leave out a pooler."""
        return self.model.trainable_variables

    @property
    def trainable_weights(self):
        """As `trainable_variables`."""
        return self.model.trainable_weights

    @property
    def non_trainable_variables(self):
        """Those of the model."""
        return self.model.non_trainable_variables

    @property
    def non_trainable_weights(self):
        """Those of the model but the states of its random generators."""
        return self.model.non_trainable_weights

    def get_config(self):
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "micro_batches": self.micro_batches,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        model = keras.saving.deserialize_keras_object(config["model"])
        return cls(**{**config, "model": model})


def _by_name(values):
    return values if isinstance(values, dict) else {_ONLY: values}
