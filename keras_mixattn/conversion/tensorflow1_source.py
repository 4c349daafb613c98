"""Checkpoints of the official TensorFlow 1 code: two towers and their heads."""

import functools
from pathlib import Path

from keras_mixattn.conversion.plan import HEADLESS
from keras_mixattn.conversion.plan import Options
from keras_mixattn.conversion.plan import Plan
from keras_mixattn.conversion.plan import checked_tokenizer
from keras_mixattn.conversion.plan import wanted_head
from keras_mixattn.conversion.sizes import check_sizes
from keras_mixattn.conversion.sizes import count_layers
from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.conversion.stored_array import check_dtypes
from keras_mixattn.conversion.tensorflow1 import DETECTION
from keras_mixattn.conversion.tensorflow1 import MASKED_LM
from keras_mixattn.conversion.tensorflow1 import dense_head
from keras_mixattn.conversion.tensorflow1 import encoder_rules
from keras_mixattn.conversion.tensorflow1 import span_head
from keras_mixattn.conversion.tokenizer_files import TokenizerSettings
from keras_mixattn.conversion.vocabulary import read_vocabulary
from keras_mixattn.conversion.weight_map import load_weights
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertBackbone

_FAMILY = FAMILIES["conv_bert"]
_GENERATOR = "generator/"
_PREDICTIONS = "generator_predictions/"
_DETECTION = "discriminator_predictions/"
_TASKS = "task_specific/"
# What pre-training has heads for.
_PRETRAINED = (DETECTION.task, MASKED_LM.task)
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
    return (prefix.parent / f"{prefix.name}.index").exists()


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
    if options.head_rule is not None:
        raise InputError(
            "`head_rule` is for a ConvBERT in HuggingFace's format; leave it "
            f"out for checkpoint '{prefix}'."
        )
    arrays = read_checkpoint(prefix)
    if _WORDS not in arrays:
        raise InputError(
            f"Checkpoint '{prefix}' holds no '{_WORDS}'; it is none of the "
            "official ConvBERT or ELECTRA code."
        )
    check_dtypes(arrays.values())
    arguments = _arguments(prefix, options, arrays)
    settings = _tokenizer(options, arguments["vocabulary_size"])
    generator = _beginning_with((_GENERATOR, _PREDICTIONS), arrays)
    if not _beginning_with(_GENERATOR, generator):
        return [_main_plan(prefix, arguments, settings, arrays, options)]
    main = {n: array for n, array in arrays.items() if n not in generator}
    plan = _main_plan(prefix, arguments, settings, main, options)
    if options.task is not None:
        left_out = plan.left_out | _not_asked_for(generator, options)
        return [plan._replace(left_out=left_out)]
    shared = _beginning_with("electra/embeddings/", arrays)
    return [
        plan,
        _generator_plan(arguments, settings, {**shared, **generator}),
    ]


def _not_asked_for(names, options):
    return {name: f"task={options.task!r} was asked for" for name in names}


def _beginning_with(start, arrays):
    return {n: array for n, array in arrays.items() if n.startswith(start)}


def read_checkpoint(prefix: Path) -> dict[str, StoredArray]:
    """Returns the variables of a model, unread; the optimizer's are skipped.

    Args:
        prefix: The prefix of the checkpoint's files.

    Returns:
        Dict from name to `StoredArray`.

    Raises:
        InputError: If TensorFlow is not installed, or the checkpoint is
            damaged.
    """
    try:
        # A second to import, and for this format alone.
        import tensorflow as tf
    except ImportError as error:
        raise InputError(
            f"Checkpoint '{prefix}' can only be read with TensorFlow; install "
            "tensorflow, or give a model in HuggingFace's format."
        ) from error
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
    found = count_layers(encoder_rules(), arrays)
    check_sizes(
        _FAMILY.backbone,
        {**arguments, "num_layers": found},
        encoder_rules(),
        arrays,
        f"the architecture of checkpoint '{prefix}'",
    )
    if arguments.get("num_layers", found) != found:
        raise InputError(
            f"The architecture has {arguments['num_layers']} layers, "
            f"checkpoint '{prefix}' has {found}; give its own sizes."
        )
    return arguments


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


def _main_plan(prefix, arguments, settings, arrays, options):
    heads = _heads(arrays, options)
    task, head = wanted_head([head for head, _ in heads], options, prefix)
    left_out = {}
    if options.task is not None:
        left_out = _not_asked_for(_others(arrays, heads, head), options)
    taken = {n: array for n, array in arrays.items() if n not in left_out}
    return Plan(
        _FAMILY,
        arguments,
        task,
        next((theirs for one, theirs in heads if one is head), {}),
        settings,
        functools.partial(
            load_weights,
            rules=[*encoder_rules(), *(head.rules if head else [])],
            source=taken,
        ),
        left_out,
    )


def _others(arrays, heads, chosen):
    """Names of the arrays of the heads that are not chosen."""
    if chosen is None:
        return [name for name in arrays if not name.startswith("electra/")]
    others = [head.names for head, _ in heads if head is not chosen]
    is_of_pretraining = chosen.task in _PRETRAINED
    return [
        name
        for name in arrays
        if any(name in names for names in others)
        or (is_of_pretraining and name.startswith(_TASKS))
    ]


def _heads(arrays, options):
    """Returns the heads of the encoder, with the arguments of their tasks."""
    if options.task in HEADLESS:
        return []
    heads = [
        (head, {})
        for start, head in ((_DETECTION, DETECTION), (_PREDICTIONS, MASKED_LM))
        if _beginning_with(start, arrays)
    ]
    if options.task in _PRETRAINED:
        return heads
    scopes = sorted(
        {"/".join(n.split("/")[:2]) for n in _beginning_with(_TASKS, arrays)}
    )
    if len(scopes) > 1:
        raise InputError(
            f"The checkpoint holds heads of several tasks, {', '.join(scopes)}"
            "; only one can be converted, pass task='backbone' for none."
        )
    of_task = _task_heads(scopes[0], arrays, options) if scopes else []
    return heads + of_task


def _task_heads(scope, arrays, options):
    if f"{scope}/qa_hidden/kernel" in arrays:
        answerability = f"{scope}/dense_2/kernel" in arrays
        arguments = {
            "conditional": True,
            "answerability": answerability,
            "head_units": _width(arrays, f"{scope}/qa_hidden/bias"),
        }
        return [(span_head(scope, answerability), arguments)]
    name, count = (
        scope.removeprefix(_TASKS),
        _width(arrays, f"{scope}/dense/bias"),
    )
    names = options.class_names or [str(number) for number in range(count)]
    kinds = {
        "text_classifier": {"num_classes": count, "class_names": names},
        "token_classifier": {"class_names": names},
    }
    kind = "token_classifier" if name in _TAGGING else "text_classifier"
    if count == 1:
        score_range = _SCORES.get(name, (0.0, 1.0))
        kinds["text_regressor"] = {"score_range": score_range}
        kind = "text_regressor" if name not in _TAGGING else kind
    kind = options.task or kind
    return [(dense_head(scope, kind), kinds[kind])] if kind in kinds else []


def _generator_plan(arguments, settings, arrays):
    """The sizes of the generator are those of its variables."""
    layer = "generator/encoder/layer_0"
    hidden = _width(arrays, f"{layer}/attention/output/dense/bias")
    attended = _width(arrays, f"{layer}/attention/self/query/bias")
    wide = f"{layer}/intermediate/{_dense(arguments)}/bias"
    rules = encoder_rules("generator")
    layers = count_layers(rules, arrays)
    heads = _generator_heads(arguments, arrays, layer, hidden)
    if not attended or attended % heads or hidden % (attended // heads):
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
            rules=[*rules, *MASKED_LM.rules],
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
