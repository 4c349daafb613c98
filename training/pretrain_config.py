"""The keys of a pre-training configuration and their legal values."""

import dataclasses

from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from training.checks import check_range
from training.checks import check_training_keys
from training.checks import check_word
from training.config import key

OBJECTIVES = ("masked_lm", "replaced_token_detection")

DEBUG = {
    "steps": 20,
    "steps_per_round": 10,
    "steps_per_checkpoint": None,
    "warmup_steps": None,
    "batch_size": 8,
    "num_layers": 2,
    "mixers": None,
    "max_documents": 400,
}


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """The keys of a pre-training configuration."""

    run_directory: str = key("runs/pretrain", "where everything is written")
    train: list[str] = key(
        ["docstrings:train"], "sources of training text, or records"
    )
    validation: list[str] = key(["docstrings:dev"], "sources of held-out text")
    text_column: str = key("text", "column of the text in tables")
    max_documents: int | None = key(None, "most documents to read, or null")
    vocabulary: str = key("vocab.txt", "WordPiece vocabulary, a token a line")
    lowercase: bool = key(True, "whether the vocabulary is uncased")
    sequence_length: int = key(128, "tokens of a window")
    min_tokens: int = key(8, "shorter documents and rests are left out")
    validation_windows: int = key(1000, "most held-out windows to measure on")
    model: str = key("conv_bert", f"the family: {' or '.join(FAMILIES)}")
    architecture: str = key("small", "a published size of the family")
    num_layers: int | None = key(None, "layers, or null: as architecture")
    num_heads: int | None = key(None, "heads, or null")
    hidden_dim: int | None = key(None, "features of a token, or null")
    intermediate_dim: int | None = key(None, "feed-forward features, or null")
    embedding_dim: int | None = key(None, "features of embeddings, or null")
    num_groups: int | None = key(None, "feed-forward groups, or null")
    mixers: list[dict] | None = key(None, "head allocation, null: family's")
    max_sequence_length: int = key(512, "positions of the model")
    dropout: float = key(0.1, "share of features dropped")
    attention_dropout: float = key(0.1, "share of attention weights dropped")
    objective: str = key("masked_lm", " or ".join(OBJECTIVES))
    generator_width: float | None = key(
        None, "share of the encoder's width, or null: as published"
    )
    mask_rate: float = key(0.15, "share of tokens to predict")
    whole_word: bool = key(False, "whether whole words are predicted")
    drop_mask: str = key("none", "who sees [MASK]: none, keys: nobody, or ...")
    drop_mask_rate: float = key(1.0, "share of [MASK] that drop_mask drops")
    sentence_structure: bool = key(False, "predict the order of two texts too")
    sentence_passes: int = key(
        1, "pairs made of each text for that; of records, new ones in each pass"
    )
    pooling_segments: str | int = key(
        "special", "special; given: sentences, of pairs or records; a number"
    )
    batch_size: int = key(128, "windows of a step")
    steps: int = key(10000, "optimizer steps")
    steps_per_round: int = key(500, "steps between two measurements")
    steps_per_checkpoint: int | None = key(
        None, "steps between two saved states, or null: a round", True
    )
    keep: int = key(2, "saved states that are kept", True)
    warmup_steps: int | None = key(None, "or null: a tenth of the steps")
    optimizer: str = key("adamw", "the recipe: adamw or electra")
    learning_rate: float = key(5e-4, "the highest one")
    weight_decay: float = key(0.01, "decoupled; spares biases and norms")
    dtype: str = key("float32", "float32 or mixed_bfloat16")
    seed: int = key(1, "of weights, order, masks and dropout")
    strategy: str = key("one", "one, mirrored, multi_worker or tpu", True)
    devices: list[str] | None = key(
        None, "names for the strategy mirrored, or null: all", True
    )
    cluster: str | None = key(
        None, "who names the workers: tf_config, slurm, kubernetes", True
    )
    tpu: str = key("", "name or address of the TPU", True)
    micro_batches: int = key(1, "parts of a replica's share of a batch", True)
    peak_flops: float | None = key(
        None, "operations per second of a device, or null: measured", True
    )


def check_config(config: PretrainConfig) -> None:
    """Checks what types cannot say, before anything is read or written.

    Args:
        config: The configuration.

    Raises:
        InputError: A value is not legal.
    """
    check_training_keys(config)
    check_word(config, "model", FAMILIES)
    check_word(config, "objective", OBJECTIVES)
    if config.sentence_structure:
        if not FAMILIES[config.model].backbone.has_pooler:
            raise InputError(
                "`sentence_structure` needs a model with a pooler; "
                f"'{config.model}' has none: take hybrid_bert."
            )
        if config.objective != "masked_lm":
            raise InputError(
                "`sentence_structure` goes with the objective masked_lm "
                f"alone; it is '{config.objective}'."
            )
        check_range(config, "sequence_length", least=5)
    if config.devices is not None and config.strategy != "mirrored":
        raise InputError(
            "`devices` are for the strategy mirrored; it is "
            f"'{config.strategy}'."
        )
    check_range(config, "sentence_passes", "micro_batches", "keep", least=1)
    check_range(config, "steps_per_checkpoint", "peak_flops", least=1)
    check_range(config, "steps", "steps_per_round", least=1)
    check_range(config, "max_documents", "validation_windows", least=1)
    check_range(config, "num_layers", "num_heads", "num_groups", least=1)
    check_range(
        config, "hidden_dim", "intermediate_dim", "embedding_dim", least=1
    )
    check_range(config, "min_tokens", least=0)
    check_range(config, "warmup_steps", least=0, below=config.steps)
    if config.steps % config.steps_per_round:
        raise InputError(
            f"`steps`, {config.steps}, must be a multiple of "
            f"`steps_per_round`, {config.steps_per_round}."
        )
    if not 3 <= config.sequence_length <= config.max_sequence_length:
        raise InputError(
            f"`sequence_length` is {config.sequence_length}; it must lie "
            f"between 3 and `max_sequence_length`, "
            f"{config.max_sequence_length}."
        )
