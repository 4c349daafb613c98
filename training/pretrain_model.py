"""What a pre-training configuration trains: an encoder and its objective."""

import dataclasses
from pathlib import Path

import keras

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import TokenMasker
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import MaskedLM
from keras_mixattn.models import MixedEncoderBackbone
from keras_mixattn.pretraining import MaskedLanguageModeling
from keras_mixattn.pretraining import PretrainingObjective
from keras_mixattn.pretraining import ReplacedTokenDetection
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import generator_of
from keras_mixattn.pretraining import with_sentence_structure
from training.pretrain_config import PretrainConfig


@dataclasses.dataclass(frozen=True)
class Pretraining:
    """Everything that is built for a run.

    Args:
        tokenizer: Cuts text into tokens.
        masker: Hides tokens.
        backbone: The encoder that is pre-trained.
        masked_lm: The masked LM on it; `None` if it detects replaced tokens.
        generator: The encoder that replaces them, or `None`.
        objective: What is trained, compiled.
    """

    tokenizer: object
    masker: TokenMasker
    backbone: MixedEncoderBackbone
    masked_lm: MaskedLM | None
    generator: MixedEncoderBackbone | None
    objective: PretrainingObjective

    def save_preset(self, directory: str | Path) -> None:
        """Writes what fine-tuning starts from.

        Args:
            directory: Of the preset.
        """
        if self.masked_lm is None:
            self.objective.save_to_preset(str(directory), self.tokenizer)
        else:
            self.masked_lm.save_to_preset(str(directory))


def build_pretraining(
    config: PretrainConfig, vocabulary: list[str]
) -> Pretraining:
    """Builds encoder and objective; call it in the scope of the strategy.

    Args:
        config: The configuration.
        vocabulary: The word pieces.

    Returns:
        Them, with random weights.

    Raises:
        InputError: The sizes do not fit together.
    """
    keras.utils.set_random_seed(config.seed)
    family = FAMILIES[config.model]
    try:
        tokenizer = family.tokenizer(vocabulary, lowercase=config.lowercase)
        backbone = build_backbone(config, tokenizer)
        masker = _masker(config, tokenizer, vocabulary)
        masked_lm = generator = None
        if config.objective == "masked_lm":
            masked_lm = _masked_lm(config, backbone, tokenizer, masker)
            objective = _masked_language_modeling(config, masked_lm)
        else:
            generator = generator_of(backbone, config.generator_width)
            objective = ReplacedTokenDetection(
                backbone,
                generator,
                seed=config.seed,
                micro_batches=config.micro_batches,
            )
        objective.compile(_optimizer(config))
    except ValueError as error:
        raise InputError(f"The model cannot be built: {error}") from error
    return Pretraining(
        tokenizer, masker, backbone, masked_lm, generator, objective
    )


def build_backbone(config: PretrainConfig, tokenizer) -> MixedEncoderBackbone:
    """Builds the encoder.

    Args:
        config: The configuration.
        tokenizer: Of its family.

    Returns:
        It, with random weights.

    Raises:
        ValueError: The sizes do not fit together.
    """
    names = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
    names += ("embedding_dim", "num_groups", "mixers", "max_sequence_length")
    names += ("dropout", "attention_dropout", "dtype", "pooling_segments")
    names += ("drop_mask", "drop_mask_rate")
    chosen = {name: getattr(config, name) for name in names}
    return FAMILIES[config.model].backbone.from_architecture(
        config.architecture,
        vocabulary_size=tokenizer.vocabulary_size(),
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        mask_token_id=tokenizer.mask_token_id,
        **{name: v for name, v in chosen.items() if v is not None},
    )


def _masker(config, tokenizer, vocabulary) -> TokenMasker:
    make = TokenMasker
    if config.objective == "replaced_token_detection":
        make = TokenMasker.for_replaced_tokens
    options = {}
    if config.whole_word:
        options["whole_word"] = True
        options["continuation_ids"] = [
            number
            for number, piece in enumerate(vocabulary)
            if piece.startswith("##")
        ]
    return make(
        vocabulary_size=len(vocabulary),
        mask_token_id=tokenizer.mask_token_id,
        pad_token_id=tokenizer.pad_token_id,
        special_token_ids=[
            tokenizer.token_to_id(token) for token in SPECIAL_TOKENS
        ],
        mask_rate=config.mask_rate,
        **options,
    )


def _masked_lm(config, backbone, tokenizer, masker) -> MaskedLM:
    masked_lm = FAMILIES[config.model].masked_lm
    length = config.sequence_length
    preprocessor = masked_lm.preprocessor_cls(
        tokenizer,
        sequence_length=length,
        mask_selection_rate=config.mask_rate,
        mask_selection_length=masker.max_predictions(length),
    )
    return masked_lm(backbone, preprocessor=preprocessor)


def _masked_language_modeling(config, masked_lm) -> MaskedLanguageModeling:
    model = masked_lm
    if config.sentence_structure:
        model = with_sentence_structure(masked_lm)
    return MaskedLanguageModeling(model, micro_batches=config.micro_batches)


def _optimizer(config):
    warmup_steps = config.warmup_steps
    if warmup_steps is None:
        warmup_steps = config.steps // 10
    return adamw(
        config.learning_rate,
        config.steps,
        warmup_steps,
        config.weight_decay,
        recipe=config.optimizer,
    )
