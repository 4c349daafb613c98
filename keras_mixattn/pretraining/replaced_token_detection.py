"""Replaced-token detection: a small model fools, the encoder finds out."""

import os

import keras
from keras import ops

from keras_mixattn.models import MaskedLM
from keras_mixattn.models import MixedEncoderBackbone
from keras_mixattn.models import family_of
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.unpooled import Unpooled
from keras_mixattn.pretraining.generator import generator_of
from keras_mixattn.pretraining.generator import tied_generator
from keras_mixattn.pretraining.generator_head import GeneratorHead
from keras_mixattn.pretraining.gumbel import gumbel_sample
from keras_mixattn.pretraining.gumbel import row_keys
from keras_mixattn.pretraining.objective import PretrainingObjective
from keras_mixattn.pretraining.objective import prediction_sums
from keras_mixattn.pretraining.objective import weighted_sums
from keras_mixattn.pretraining.summed_metrics import AreaUnderCurve
from keras_mixattn.pretraining.summed_metrics import Ratio
from keras_mixattn.pretraining.summed_metrics import threshold_counts

# Named as in the official code.
_RATIOS = (
    "masked_lm_accuracy",
    "masked_lm_loss",
    "sampled_masked_lm_accuracy",
    "disc_loss",
    "disc_accuracy",
    "disc_precision",
    "disc_recall",
)
# Where conversion puts the generator of a published checkpoint, too.
_GENERATOR = "generator"


@keras.saving.register_keras_serializable(package="keras_mixattn")
class ReplacedTokenDetection(Unpooled, PretrainingObjective):
    """Trains an encoder to tell which tokens a generator has replaced.

    The generator, a narrow masked LM, predicts the hidden tokens of a row.
    One sample of each prediction is put in its place, and the discriminator
    says of every token whether it is the original. A sample that happens to
    be the original counts as such. Both read the same embeddings; no gradient
    flows through the samples. `loss = 1 * masked LM + 50 * detection`, the
    first a mean over the hidden tokens, the second over all real ones.

    It is trained on the batches of `masked_lm_dataset`; position 0 is never
    replaced. The samples hang on `seed` and on the row as it is masked alone,
    see `gumbel_sample`, so that nothing but weights is needed to resume.

    Metrics, under the names of the official code: `masked_lm_loss`,
    `masked_lm_accuracy` of the likeliest token, `sampled_masked_lm_accuracy`,
    `disc_loss`, `disc_accuracy`, `disc_precision` and `disc_recall` of the
    tokens that are called replaced, and `disc_auc`. The latter counts real
    tokens alone; the official one takes padding for originals that were
    recognised, the same where rows are full.

    Masking: padded tokens are neither predicted nor judged.

    Args:
        discriminator_backbone: The encoder that is pre-trained, of any
            family.
        generator_backbone: The encoder of the generator; its layers are used,
            with the embeddings of the discriminator. Defaults to
            `generator_of(discriminator_backbone)`.
        generator_loss_weight: What the masked LM's loss is multiplied by.
            Defaults to 1.0.
        discriminator_loss_weight: What the detection's loss is multiplied by.
            Defaults to 50.0.
        temperature: What the generator's logits are divided by before a token
            is drawn. Defaults to 1.0.
        seed: Of the samples. Defaults to 0.
        micro_batches: See `PretrainingObjective`.
        name: Name of the model.

    Raises:
        ValueError: If the embeddings of the two encoders differ in shape.

    Example:

    ```python
    from keras_mixattn.data import TokenMasker
    from keras_mixattn.data import masked_lm_dataset
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.pretraining import adamw

    discriminator = ConvBertBackbone(
        vocabulary_size=30,
        num_layers=1,
        num_heads=4,
        hidden_dim=16,
        intermediate_dim=32,
    )
    objective = ReplacedTokenDetection(discriminator)
    objective.compile(adamw(5e-4, total_steps=3, recipe="electra"))
    masker = TokenMasker.for_replaced_tokens(30, 4, 0, range(5))
    windows = np.arange(5, 29).reshape(4, 6)
    batches = masked_lm_dataset(windows, masker, batch_size=2, seed=7)
    objective.fit(batches, steps_per_epoch=3, verbose=0)
    objective.save_to_preset("my_encoder")
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555);
    [Jiang et al., 2020](https://arxiv.org/abs/2008.02496).
    """

    def __init__(
        self,
        discriminator_backbone: MixedEncoderBackbone,
        generator_backbone: MixedEncoderBackbone | None = None,
        generator_loss_weight: float = 1.0,
        discriminator_loss_weight: float = 50.0,
        temperature: float = 1.0,
        seed: int = 0,
        micro_batches: int = 1,
        name: str | None = None,
    ):
        super().__init__(
            [*(Ratio(name) for name in _RATIOS), AreaUnderCurve("disc_auc")],
            {
                "masked_lm_loss": generator_loss_weight,
                "disc_loss": discriminator_loss_weight,
            },
            micro_batches,
            name=name,
        )
        discriminator = discriminator_backbone
        if generator_backbone is None:
            generator_backbone = generator_of(discriminator)
        self.detector = family_of(discriminator).replaced_token_detector(
            discriminator
        )
        self.generator = tied_generator(generator_backbone, discriminator)
        self.temperature = temperature
        self.seed = seed
        # The tables of the backbone are not trained, so it is not kept.
        self._generator_class = type(generator_backbone)
        self._generator_config = generator_backbone.get_config()
        self.generator_head = GeneratorHead(
            discriminator.token_embedding,
            generator_backbone.activation,
            generator_backbone.layer_norm_epsilon,
            dtype=generator_backbone.dtype_policy,
            name="generator_head",
        )
        self.generator_head.build(self.generator.output.shape, (None, None))
        self.built = True

    @property
    def backbone(self):
        """The encoder that is pre-trained."""
        return self.detector.backbone

    def call(self, inputs, training=None):
        # Keras takes no mix of arrays and tensors, such as the sampled ids.
        inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs)
        token_ids = inputs["token_ids"]
        positions = inputs["mask_positions"]
        hidden = self.generator(
            {name: inputs[name] for name in self.generator.input},
            training=training,
        )
        logits = self.generator_head(hidden, positions)  # (B, P, V)
        sampled_ids = gumbel_sample(
            ops.stop_gradient(logits),
            row_keys(token_ids, positions, self.seed),
            self.temperature,
        )
        replaced = _put(token_ids, positions, sampled_ids)
        inputs = {**inputs, "token_ids": replaced}
        detected = self.detector(
            {name: inputs[name] for name in self.detector.input},
            training=training,
        )
        return {
            "masked_lm": logits,
            "sampled_ids": sampled_ids,
            "discriminator": detected,  # (B, T)
        }

    def loss_totals(self, x, y, sample_weight) -> dict:
        """Returns the number of hidden and of real tokens.

        Args:
            x: The inputs.
            y: The original tokens at the mask positions.
            sample_weight: Their weights, 0 in unused slots.

        Returns:
            Dict from the name of each loss to the sum of its weights.
        """
        return {
            "masked_lm_loss": ops.sum(ops.cast(sample_weight, "float32")),
            "disc_loss": ops.sum(ops.cast(x["padding_mask"], "float32")),
        }

    def sums(self, x, y, outputs, sample_weight) -> dict:
        """Returns what the losses and metrics of a batch are made of.

        Args:
            x: The inputs.
            y: The original tokens at the mask positions.
            outputs: What the model makes of the inputs.
            sample_weight: The weights of `y`, 0 in unused slots.

        Returns:
            Dict from the name of each metric to what it adds up.
        """
        mlm_loss, mlm_accuracy = prediction_sums(
            outputs["masked_lm"], y, sample_weight
        )
        sampled_ids = outputs["sampled_ids"]
        is_same = ops.equal(sampled_ids, ops.cast(y, "int32"))
        labels = self.labels(x, y, sampled_ids, sample_weight)  # (B, T)
        logits = outputs["discriminator"]
        guesses = ops.cast(logits > 0, "float32")
        is_right = ops.equal(guesses, labels)
        real = ops.cast(x["padding_mask"], "float32")
        losses = ops.binary_crossentropy(labels, logits, from_logits=True)
        return {
            "masked_lm_loss": mlm_loss,
            "masked_lm_accuracy": mlm_accuracy,
            "sampled_masked_lm_accuracy": weighted_sums(is_same, sample_weight),
            "disc_loss": weighted_sums(losses, real),
            "disc_accuracy": weighted_sums(is_right, real),
            "disc_precision": weighted_sums(is_right, guesses * real),
            "disc_recall": weighted_sums(is_right, labels * real),
            "disc_auc": threshold_counts(
                ops.stop_gradient(logits), labels, real
            ),
        }

    def labels(self, x, y, sampled_ids, sample_weight):
        """Says which tokens are not the original ones.

        Args:
            x: The inputs.
            y: The original tokens at the mask positions.
            sampled_ids: The tokens that were put there.
            sample_weight: The weights of `y`, 0 in unused slots.

        Returns:
            Float32 tensor of shape `(batch, tokens)`, 1 on replaced tokens.
        """
        differs = ops.not_equal(sampled_ids, ops.cast(y, "int32"))
        differs = ops.logical_and(differs, ops.not_equal(sample_weight, 0))
        nothing = ops.zeros_like(x["token_ids"])
        labels = _put(nothing, x["mask_positions"], ops.cast(differs, "int32"))
        return ops.cast(labels, "float32")

    def generator_masked_lm(self, tokenizer=None) -> MaskedLM:
        """Copies the generator into a masked LM of its own.

        Args:
            tokenizer: Its tokenizer; without one the masked LM takes rows of
                ids alone.

        Returns:
            A `MaskedLM` of the generator's family with its weights.
        """
        backbone = self._generator_class.from_config(self._generator_config)
        _copy_encoder(self.generator, backbone)
        task = family_of(backbone).masked_lm
        preprocessor = None
        if tokenizer is not None:
            preprocessor = task.preprocessor_cls(tokenizer)
        masked_lm = task(backbone, preprocessor=preprocessor)
        _copy_head(self.generator_head, masked_lm.masked_lm_head)
        return masked_lm

    def save_to_preset(self, preset_dir: str, tokenizer=None) -> None:
        """Writes the detector as a preset, the generator in a folder.

        The layout is that of a converted checkpoint of the official code: a
        `ReplacedTokenDetector`, and in `generator` its masked LM. Other tasks
        load the encoder from it.

        Args:
            preset_dir: The directory.
            tokenizer: The tokenizer of both, needed to fine-tune on texts.
        """
        preprocessor = None
        if tokenizer is not None:
            preprocessor = self.detector.preprocessor_cls(tokenizer)
        self.detector.preprocessor = preprocessor_for(
            self.backbone, preprocessor
        )
        self.detector.save_to_preset(preset_dir)
        masked_lm = self.generator_masked_lm(tokenizer)
        masked_lm.save_to_preset(os.path.join(preset_dir, _GENERATOR))

    def get_config(self):
        return {
            "discriminator_backbone": keras.saving.serialize_keras_object(
                self.backbone
            ),
            "generator_backbone": {
                "class": keras.saving.get_registered_name(
                    self._generator_class
                ),
                "config": self._generator_config,
            },
            "generator_loss_weight": self.loss_weights["masked_lm_loss"],
            "discriminator_loss_weight": self.loss_weights["disc_loss"],
            "temperature": self.temperature,
            "seed": self.seed,
            "micro_batches": self.micro_batches,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        generator = config["generator_backbone"]
        generator_class = keras.saving.get_registered_object(generator["class"])
        return cls(
            **{
                **config,
                "discriminator_backbone": (
                    keras.saving.deserialize_keras_object(
                        config["discriminator_backbone"]
                    )
                ),
                "generator_backbone": generator_class.from_config(
                    generator["config"]
                ),
            }
        )


def _put(ids, positions, values):
    """Writes values at positions of each row, but never at position 0.

    Unused slots point there: they write what is there already.
    """
    batch, slots = ops.shape(positions)
    values = ops.where(positions > 0, values, ids[:, :1])
    rows = ops.broadcast_to(ops.arange(batch)[:, None], (batch, slots))
    indices = ops.stack([ops.cast(rows, "int32"), positions], axis=-1)
    return ops.scatter_update(
        ids, ops.reshape(indices, (-1, 2)), ops.reshape(values, (-1,))
    )


def _copy_encoder(generator, backbone):
    tied, embeddings = generator.get_layer("embeddings"), backbone.embeddings
    for name in ("token_embedding", "segment_embedding", "norm", "projection"):
        layer = getattr(embeddings, name)
        if layer is not None:
            layer.set_weights(getattr(tied, name).get_weights())
    embeddings.position_embedding.assign(tied.position_embedding)
    for layer in backbone.transformer_layers:
        layer.set_weights(generator.get_layer(layer.name).get_weights())


def _copy_head(head, masked_lm_head):
    values = {
        "intermediate_dense/kernel": head.dense.kernel,
        "intermediate_dense/bias": head.dense.bias,
        "intermediate_layer_norm/gamma": head.norm.gamma,
        "intermediate_layer_norm/beta": head.norm.beta,
        "masked_lm_head/output_bias": head.output_bias,
    }
    for weight in masked_lm_head.weights:
        name = "/".join(weight.path.split("/")[-2:])
        if name in values:
            weight.assign(values.pop(name))
    if values:
        raise RuntimeError(f"The head of the masked LM lacks {list(values)}.")
