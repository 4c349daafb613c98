"""Which heads a published model has, and what they were built with."""

from keras_mixattn.conversion.heads import Head
from keras_mixattn.conversion.heads import without_task
from keras_mixattn.conversion.hugging_face import BUFFERS
from keras_mixattn.conversion.hugging_face import modern_name
from keras_mixattn.conversion.hugging_face_config import activation_of
from keras_mixattn.conversion.hugging_face_config import class_names
from keras_mixattn.conversion.plan import CLASSIFIERS
from keras_mixattn.conversion.plan import Options
from keras_mixattn.conversion.published_model import PublishedModel
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES

# BERT's heads of one layer, whose arrays have the same names.
_ALIKE = ("text_classifier", "token_classifier", "text_regressor")
_CONV_BERT = FAMILIES["conv_bert"]


def heads_found(model: PublishedModel, task: str | None = None) -> list[Head]:
    """Returns the heads of a model that are tasks of ours.

    Args:
        model: The model.
        task: The task it is among those whose arrays have the same names.
            Defaults to what the configuration says.

    Returns:
        List of heads.
    """
    names = set(model.arrays) - set(without_place(model))
    spelled = {modern_name(name) for name in names}
    found = [
        head
        for head in model.config.table.heads
        if any(rule.theirs in spelled for rule in head.rules)
    ]
    if model.config.family is _CONV_BERT:
        return found
    kind = _kind_of_classifier(model, task)
    return [h for h in found if h.task == kind or h.task not in _ALIKE]


def _kind_of_classifier(model, task):
    has_one_output = _outputs(model, "classifier.bias") == 1
    if task in CLASSIFIERS or (task == "text_regressor" and has_one_output):
        return task
    is_pooled = f"{model.prefix}pooler.dense.weight" in model.arrays
    if not is_pooled or "TokenClassification" in _class(model):
        return "token_classifier"
    scores = model.config.content.get("problem_type") == "regression"
    return "text_regressor" if scores and has_one_output else "text_classifier"


def _class(model):
    """HuggingFace's class, as far as the configuration names it."""
    return str(model.config.content.get("architectures"))


def _outputs(model, name):
    array = model.arrays.get(name)
    return array.shape[0] if array and len(array.shape) == 1 else None


def without_place(model: PublishedModel) -> dict[str, str]:
    """Returns the arrays that have no place in this library.

    Args:
        model: The model.

    Returns:
        Dict from name to the reason.
    """
    names = {f"{model.prefix}{name}": why for name, why in BUFFERS.items()}
    reasons = without_task(model.arrays)
    reasons |= {n: why for n, why in names.items() if n in model.arrays}
    chooses = "sequence_summary.summary.weight" in model.arrays
    if chooses or "MultipleChoice" in _class(model):
        reasons |= {
            name: "no task here compares the choices of a question"
            for name in model.arrays
            if name.startswith("classifier.")
        }
    return reasons


def task_arguments(
    model: PublishedModel, task: str | None, head: Head | None, options: Options
) -> dict:
    """Returns the constructor arguments of a task that a model means.

    Args:
        model: The model.
        task: Name of the task, or `None`.
        head: Its head, or `None`.
        options: What the user says.

    Returns:
        Arguments of the task's class.

    Raises:
        InputError: If the head is none of ours.
    """
    config = model.config
    if task == "masked_lm":
        _check_gelu(config, config.family is _CONV_BERT)
    dropout = config.content.get("classifier_dropout")
    if dropout is None:
        dropout = config.content["hidden_dropout_prob"]
    if task == "text_regressor":
        return {"dropout": dropout}
    if task not in CLASSIFIERS:
        return {}
    name = head.rules[-1].theirs
    count = _outputs(model, name)
    if count is None:
        raise InputError(
            f"The weights of '{model.directory}' lack the tensor '{name}', or "
            "it is no vector; fetch them anew."
        )
    names = options.class_names or class_names(config, count)
    if task == "token_classifier":
        names = names or [str(number) for number in range(count)]
        return {"class_names": names, "dropout": dropout}
    _check_classes(config, options)
    arguments = {
        "num_classes": count,
        "class_names": names,
        "dropout": dropout,
        "multi_label": config.content.get("problem_type")
        == "multi_label_classification",
    }
    if config.family is _CONV_BERT:
        _check_gelu(config, config.model_type == "electra")
        arguments["head_units"] = config.content["hidden_size"]
        arguments["head_activation"] = activation_of(config)
    return arguments


def _check_classes(config, options):
    scores = config.content.get("problem_type") == "regression"
    if scores and options.task is None:
        raise InputError(
            f"'{config.path}' has problem_type='regression', but this library "
            "has no such head for scores; pass task='text_classifier' to "
            "have them as logits, or task='backbone' to leave the head out."
        )


def _check_gelu(config, is_fixed):
    """The heads of ELECTRA have GELU whatever the encoder has."""
    if is_fixed and activation_of(config) != "gelu":
        raise InputError(
            f"'{config.path}' has hidden_act={config.content['hidden_act']!r}, "
            "but the head's activation is gelu; pass task='backbone' to leave "
            "the head out."
        )
