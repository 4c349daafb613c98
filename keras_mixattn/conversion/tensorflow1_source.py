"""Checkpoints of the official TensorFlow 1 code: two towers and their heads."""

import functools
from pathlib import Path

from keras_mixattn.conversion.heads import TF1_MASKED_LM
from keras_mixattn.conversion.heads import WITHOUT_TASK
from keras_mixattn.conversion.heads import tf1_task_heads
from keras_mixattn.conversion.plan import Options
from keras_mixattn.conversion.plan import Plan
from keras_mixattn.conversion.plan import checked_tokenizer
from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.conversion.stored_array import check_dtypes
from keras_mixattn.conversion.tensorflow1 import encoder_rules
from keras_mixattn.conversion.tokenizer_files import TokenizerSettings
from keras_mixattn.conversion.vocabulary import read_vocabulary
from keras_mixattn.conversion.weight_map import load_weights
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertBackbone

_FAMILY = FAMILIES["conv_bert"]
_GENERATOR = "generator/"
_TASKS = "task_specific/"
_WORDS = "electra/embeddings/word_embeddings"

# What TensorFlow's reader raises beside its own errors.
_READ_ERRORS = (ValueError, RuntimeError, IndexError, KeyError)

# The official tasks that classify each token.
_TAGGING = ("chunk", "ner", "pos", "ccg")
# The range of the scores of the official tasks that predict one.
_SCORES = {"sts": (0.0, 5.0)}


def is_checkpoint(prefix: Path) -> bool:
    """Whether a path is the prefix of a checkpoint.

    Args:
        prefix: A path such as `model/model.ckpt-1000000`.

    Returns:
        Whether there is an index with this prefix.
    """
    return prefix.with_name(f"{prefix.name}.index").exists()


def plan_tensorflow1(prefix: Path, options: Options) -> list[Plan]:
    """Says what a checkpoint holds.

    Args:
        prefix: The prefix of its files.
        options: What the user says.

    Returns:
        The plan of the encoder that is fine-tuned, and that of the generator
        of its pre-training if it is there.

    Raises:
        InputError: If the checkpoint is damaged, or is not of the
            architecture.
    """
    arrays = read_checkpoint(prefix)
    if _WORDS not in arrays:
        raise InputError(
            f"Checkpoint '{prefix}' holds no '{_WORDS}'; it is none of the "
            "official ConvBERT or ELECTRA code."
        )
    check_dtypes(arrays.values())
    arguments = _arguments(prefix, options, arrays)
    settings = _tokenizer(options, arguments["vocabulary_size"])
    generator = {
        name: array
        for name, array in arrays.items()
        if name.startswith(_GENERATOR)
    }
    head = {
        name: array
        for name, array in arrays.items()
        if name.startswith("generator_predictions/")
    }
    if not generator:
        return [_main_plan(arguments, settings, arrays, options)]
    main = {
        name: array
        for name, array in arrays.items()
        if name not in generator and name not in head
    }
    embeddings = {
        name: array
        for name, array in arrays.items()
        if name.startswith("electra/embeddings/")
    }
    return [
        _main_plan(arguments, settings, main, options),
        _generator_plan(
            arguments, settings, {**embeddings, **generator, **head}
        ),
    ]


def read_checkpoint(prefix: Path) -> dict[str, StoredArray]:
    """Returns the variables of a model, unread; the optimizer's are skipped.

    Args:
        prefix: The prefix of the checkpoint's files.

    Returns:
        Dict from name to `StoredArray`.

    Raises:
        InputError: If the checkpoint is damaged.
    """
    # A second to import, and for this format alone.
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = reader.get_variable_to_shape_map()
        dtypes = reader.get_variable_to_dtype_map()
    except (tf.errors.OpError, *_READ_ERRORS) as error:
        raise _damaged(prefix, error) from error

    def read(name):
        try:
            return reader.get_tensor(name)
        except (tf.errors.OpError, *_READ_ERRORS) as error:
            raise _damaged(prefix, error) from error

    return {
        name: StoredArray(
            name,
            prefix.name,
            tuple(shape),
            dtypes[name].name,
            functools.partial(read, name),
        )
        for name, shape in sorted(shapes.items())
        if name != "global_step" and not name.endswith(("/adam_m", "/adam_v"))
    }


def _damaged(prefix, error):
    return InputError(
        f"Checkpoint '{prefix}' cannot be read: {first_line(error)}; copy its "
        ".index and .data files anew."
    )


def _arguments(prefix, options, arrays):
    legal = ConvBertBackbone.architectures
    architecture = options.architecture
    if isinstance(architecture, dict):
        arguments = dict(architecture)
    elif architecture in legal:
        rows = arrays[_WORDS].shape[0]
        arguments = {**legal[architecture], "vocabulary_size": rows}
    else:
        raise InputError(
            f"Checkpoint '{prefix}' does not say its sizes: `architecture` "
            f"must be one of {', '.join(legal)} or a dict of the backbone's "
            f"constructor arguments. Received: {architecture!r}."
        )
    arguments = {"padding": "leak", **arguments, **options.overrides}
    _check_sizes(prefix, arguments, arrays)
    return arguments


def _check_sizes(prefix, arguments, arrays):
    """Refuses sizes that no variable has, before anything is allocated."""
    try:
        hidden = arguments["hidden_dim"]
        embedding = arguments.get("embedding_dim") or hidden
        layer = "electra/encoder/layer_0"
        expected = {
            _WORDS: (arguments["vocabulary_size"], embedding),
            "electra/embeddings/position_embeddings": (
                arguments.get("max_sequence_length", 512),
                embedding,
            ),
            f"{layer}/attention/output/dense/bias": (hidden,),
            f"{layer}/intermediate/{_dense(arguments)}/bias": (
                arguments["intermediate_dim"],
            ),
        }
        depthwise = f"{layer}/attention/self/conv_attn_key/depthwise_kernel"
        if depthwise in arrays:
            taps = arguments.get("kernel_size", 9)
            expected[depthwise] = (taps, hidden, 1)
        layers = arguments["num_layers"]
    except KeyError as error:
        raise InputError(
            f"`architecture` lacks {error}; give all sizes of the backbone."
        ) from error
    for name, shape in expected.items():
        found = arrays[name].shape if name in arrays else "nothing"
        if found != shape:
            raise InputError(
                f"By the architecture '{name}' of checkpoint '{prefix}' "
                f"should have the shape {shape}. Received: {found}."
            )
    found = _count_layers(arrays, "electra/encoder/layer_")
    if found != layers:
        raise InputError(
            f"The architecture has {layers} layers, checkpoint '{prefix}' has "
            f"{found}; give its own sizes."
        )


def _count_layers(arrays, start):
    return len(
        {
            name.removeprefix(start).partition("/")[0]
            for name in arrays
            if name.startswith(start)
        }
    )


def _tokenizer(options, rows):
    if options.vocabulary is None:
        raise InputError(
            "A checkpoint of TensorFlow 1 has no vocabulary; give the file by "
            "`vocabulary`."
        )
    path = Path(options.vocabulary)
    # The official code lower-cases.
    settings = TokenizerSettings(read_vocabulary(path), True, None, True, path)
    return checked_tokenizer(settings, rows, options)


def _main_plan(arguments, settings, arrays, options):
    left_out = {
        name: f"no task here {what}"
        for name in arrays
        for start, what in WITHOUT_TASK.items()
        if name.startswith(start)
    }
    head, task_arguments = _head(arrays, options)
    if options.task == "backbone":
        head = None
        left_out |= {
            name: "task='backbone' was asked for"
            for name in arrays
            if not name.startswith("electra/")
        }
    taken = {
        name: array for name, array in arrays.items() if name not in left_out
    }
    return Plan(
        _FAMILY,
        arguments,
        head.task if head else None,
        task_arguments if head else {},
        settings,
        functools.partial(
            load_weights,
            rules=[*encoder_rules(), *(head.rules if head else [])],
            source=taken,
        ),
        left_out,
    )


def _head(arrays, options):
    """Returns the head of the encoder, and the arguments of its task."""
    if "generator_predictions/output_bias" in arrays:
        return TF1_MASKED_LM, {}
    scopes = sorted(
        {
            "/".join(name.split("/")[:2])
            for name in arrays
            if name.startswith(_TASKS)
        }
    )
    if not scopes:
        return None, {}
    if len(scopes) > 1:
        raise InputError(
            f"The checkpoint holds heads of several tasks, {', '.join(scopes)}"
            "; only one can be converted, pass task='backbone' for none."
        )
    return _task_head(scopes[0], arrays, options)


def _task_head(scope, arrays, options):
    bias = arrays.get(f"{scope}/dense/bias")
    if bias is None or len(bias.shape) != 1:
        raise InputError(
            f"The checkpoint lacks '{scope}/dense/bias', or it is no vector; "
            "copy its files anew."
        )
    name, (count,) = scope.removeprefix(_TASKS), bias.shape
    text, tags, score, span, answerable = tf1_task_heads(scope)
    if f"{scope}/qa_hidden/kernel" in arrays:
        units = arrays[f"{scope}/qa_hidden/kernel"].shape[-1]
        has_answerability = f"{scope}/dense_2/kernel" in arrays
        return answerable if has_answerability else span, {
            "conditional": True,
            "answerability": has_answerability,
            "head_units": units,
        }
    names = options.class_names or [str(number) for number in range(count)]
    if options.task == "token_classifier" or (
        options.task is None and name in _TAGGING
    ):
        return tags, {"class_names": names}
    if options.task == "text_regressor" or (
        options.task is None and count == 1
    ):
        return score, {"score_range": _SCORES.get(name, (0.0, 1.0))}
    return text, {"num_classes": count, "class_names": names}


def _generator_plan(arguments, settings, arrays):
    """The sizes of the generator are those of its variables."""
    layer = "generator/encoder/layer_0"
    hidden = _width(arrays, f"{layer}/attention/output/dense/bias")
    attended = _width(arrays, f"{layer}/attention/self/query/bias")
    wide = f"{layer}/intermediate/{_dense(arguments)}/bias"
    layers = _count_layers(arrays, "generator/encoder/layer_")
    heads = _generator_heads(arguments, arrays, layer, hidden)
    if attended % heads or hidden % (attended // heads):
        raise InputError(
            f"The generator's {heads} heads of {attended} features do not fit "
            f"its {hidden} hidden ones; its variables are of another model."
        )
    mixers = {mixer: heads for mixer in _mixers(arguments)}
    sizes = {
        "num_layers": layers,
        "num_heads": hidden // (attended // heads),
        "hidden_dim": hidden,
        "intermediate_dim": _width(arrays, wide),
        "embedding_dim": arrays[_WORDS].shape[1],
        "mixers": [mixers] * layers,
    }
    return Plan(
        _FAMILY,
        {**arguments, **sizes},
        "masked_lm",
        {},
        settings,
        functools.partial(
            load_weights,
            rules=[*encoder_rules("generator"), *TF1_MASKED_LM.rules],
            source=arrays,
        ),
        {},
        folder="generator",
    )


def _generator_heads(arguments, arrays, layer, hidden):
    """The convolution's kernels tell how many heads there are."""
    kernels = f"{layer}/attention/self/conv_attn_kernel/bias"
    if kernels in arrays:
        return max(
            _width(arrays, kernels) // arguments.get("kernel_size", 9), 1
        )
    share = hidden / arguments["hidden_dim"]
    return max(int(arguments["num_heads"] * share), 1)


def _dense(arguments):
    return "g_dense" if arguments.get("num_groups", 1) > 1 else "dense"


def _mixers(arguments):
    mixers = arguments.get("mixers")
    return list(mixers[0]) if mixers else ["attention", "span_conv"]


def _width(arrays, name):
    if name not in arrays or len(arrays[name].shape) != 1:
        raise InputError(
            f"The checkpoint lacks '{name}', or it is no vector; copy its "
            "files anew."
        )
    return arrays[name].shape[0]
