"""From a published checkpoint to a preset of this library."""

import inspect
from pathlib import Path

from keras_mixattn.complete_directory import complete_directory
from keras_mixattn.conversion.head_rule import HEAD_RULES
from keras_mixattn.conversion.hub import HUB_SCHEME
from keras_mixattn.conversion.hub import fetch
from keras_mixattn.conversion.hugging_face_source import plan_hugging_face
from keras_mixattn.conversion.json_file import write_json
from keras_mixattn.conversion.plan import Options
from keras_mixattn.conversion.plan import write_preset
from keras_mixattn.conversion.tensorflow1_source import is_checkpoint
from keras_mixattn.conversion.tensorflow1_source import plan_tensorflow1
from keras_mixattn.errors import InputError
from keras_mixattn.models import Family
from keras_mixattn.models import MixedEncoderBackbone

REPORT = "conversion.json"


def convert(
    source: str | Path,
    preset_dir: str | Path,
    *,
    architecture: str | dict | None = None,
    vocabulary: str | Path | None = None,
    revision: str | None = None,
    task: str | None = None,
    class_names: list[str] | None = None,
    lowercase: bool | None = None,
    strip_accents: bool | None = None,
    head_rule: str | None = None,
    overwrite: bool = False,
    **overrides,
) -> dict:
    """Writes a published checkpoint as a preset of this library.

    The source is recognised by what lies there: a directory in HuggingFace's
    format of a ConvBERT, ELECTRA, BERT or PoNet (`model.safetensors`, whole
    or in parts, `tf_model.h5`, or `pytorch_model.bin` if PyTorch is
    installed), its name on the hub, or a checkpoint of the official
    TensorFlow 1 code. A head comes along if there is a task for it here.
    ConvBERT and ELECTRA become a ConvBERT of this library, BERT and PoNet a
    HybridBERT, with the mixers that they have. Every tensor of the source has
    a place or a reason why not, in `conversion.json`; the preset appears only
    when everything is right.

    A checkpoint of pre-training by the official code holds two encoders: the
    preset is that of the discriminator, a `ReplacedTokenDetector` from which
    other tasks load the encoder, and its folder `generator` that of the masked
    LM it was trained with.

    Args:
        source: A directory, `hf://user/name`, or the prefix of a TensorFlow 1
            checkpoint, such as `model.ckpt-1000000`.
        preset_dir: The directory to write.
        architecture: For TensorFlow 1 the name of a published size, or a dict
            of constructor arguments of `ConvBertBackbone`.
        vocabulary: A `vocab.txt`; needed for TensorFlow 1. One that is given
            may be shorter than the embedding.
        revision: Branch, tag or commit on the hub. Defaults to `main`.
        task: Name of the task to make, a field of `Family`, or `"backbone"`
            to leave heads out. Defaults to what the source holds.
        class_names: Names of the classes of a classifier. Defaults to the
            source's.
        lowercase: Whether text is lower-cased. Defaults to what the source
            says, which is true if it says nothing.
        strip_accents: Whether accents are stripped, likewise.
        head_rule: `"hugging_face"` or `"official"`: how `head_ratio` of a
            ConvBERT in HuggingFace's format is read. Defaults to
            HuggingFace's own rule.
        overwrite: Whether an existing directory is replaced. Defaults to
            `False`.
        **overrides: Constructor arguments of the backbone that replace those
            of the source, such as `dropout`.

    Returns:
        The content of `conversion.json`: `source`, `format`, and by folder
        the `presets`, each with its `class`, its `tensors` (name in the
        source to the paths of the weights), those `left_out` with the reason,
        and the `random` weights that the source does not hold.

    Raises:
        InputError: If the source is damaged, of an unknown kind or does not
            fit together, or the directory exists.

    Example:

    ```python
    convert("hf://YituTech/conv-bert-small", "presets/conv_bert_small")
    convert(
        "model.ckpt-1000000",
        "presets/mine",
        architecture="small",
        vocabulary="vocab.txt",
    )
    ```
    """
    _check_options(task, head_rule, overrides)
    options = Options(
        architecture,
        vocabulary,
        task,
        class_names,
        lowercase,
        strip_accents,
        head_rule,
        overrides,
    )
    read = [
        Path(path)
        for path in (source, vocabulary)
        if path is not None and not _is_on_hub(path)
    ]
    with complete_directory(Path(preset_dir), overwrite, read) as temporary:
        form, plans = _plans(source, revision, options)
        report = {
            "source": str(source),
            "format": form,
            "presets": {
                plan.folder or ".": write_preset(plan, temporary)
                for plan in plans
            },
        }
        write_json(temporary / REPORT, report)
    return report


def _is_on_hub(source):
    return str(source).startswith(HUB_SCHEME)


def _plans(source, revision, options):
    if _is_on_hub(source):
        return _plans(fetch(str(source), revision), None, options)
    if revision is not None:
        raise InputError(
            f"`revision` is for the hub; '{source}' is none of its names."
        )
    path = Path(source).resolve()  # `.` has no name
    if is_checkpoint(path):
        return "tensorflow1", plan_tensorflow1(path, options)
    if not path.exists():
        raise InputError(
            f"Source '{source}' does not exist; give a directory, "
            f"{HUB_SCHEME}user/name, or the prefix of a TensorFlow 1 "
            "checkpoint."
        )
    return "hugging_face", [plan_hugging_face(path, options)]


def _check_options(task, head_rule, overrides):
    tasks = ["backbone", *(f for f in Family._fields if f != "title")]
    if task is not None and task not in tasks:
        raise InputError(
            f"`task` must be one of {', '.join(tasks)}. Received: {task!r}."
        )
    if head_rule is not None and head_rule not in HEAD_RULES:
        raise InputError(
            f"`head_rule` must be one of {', '.join(HEAD_RULES)}. Received: "
            f"{head_rule!r}."
        )
    legal = inspect.signature(MixedEncoderBackbone).parameters
    unknown = [name for name in overrides if name not in legal]
    if unknown:
        raise InputError(
            f"{', '.join(unknown)} is no argument of a backbone; legal ones "
            f"are {', '.join(legal)}."
        )
