"""HuggingFace's PyTorch classifier, as our local server runs a model."""

import contextlib
import pathlib
import types
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import torch
from transformers import AutoTokenizer
from transformers import ConvBertForSequenceClassification

from benchmarks.serving_cells import MAX_LENGTH
from keras_mixattn.serving.client import Signature
from keras_mixattn.serving.client import TensorInfo
from keras_mixattn.serving.local_server.batching import Batcher
from keras_mixattn.serving.local_server.batching import BatchingOptions
from keras_mixattn.serving.local_server.model_versions import VersionState

_SIGNATURE = Signature(
    {"text": TensorInfo("text", "string", (-1,))},
    {
        "label": TensorInfo("label", "string", (-1,)),
        "label_id": TensorInfo("label_id", "int32", (-1,)),
        "probabilities": TensorInfo("probabilities", "float32", (-1, -1)),
    },
)


class HuggingFaceModel:
    """A classifier with its fast tokenizer, in inference mode.

    Texts are padded to the longest of their batch. In bfloat16 the weights
    are, unless `autocast` keeps them in float32.

    Args:
        folder: What `save_pretrained` wrote, and a `vocab.txt`.
        dtype: `"float32"` or `"bfloat16"`.
        autocast: Whether bfloat16 is PyTorch's autocast.
    """

    def __init__(
        self, folder: pathlib.Path, dtype: str, autocast: bool = False
    ):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = ConvBertForSequenceClassification.from_pretrained(folder)
        self.model = model.eval()
        self.class_names = [
            name.encode() for _, name in sorted(model.config.id2label.items())
        ]
        if dtype == "bfloat16" and not autocast:
            self.model.to(torch.bfloat16)
        self.precision = (
            (lambda: torch.autocast("cpu", torch.bfloat16))
            if autocast
            else contextlib.nullcontext
        )
        self.signatures = {"serving_default": _SIGNATURE}
        self.definitions = {"serving_default": _definition(_SIGNATURE)}

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Returns the probabilities of the classes.

        Args:
            texts: The texts.

        Returns:
            A float32 array of shape `(texts, classes)`.
        """
        rows = self.tokenizer(
            texts,
            padding="longest",
            truncation=True,
            max_length=MAX_LENGTH,
            return_tensors="pt",
        )
        with torch.inference_mode(), self.precision():
            logits = self.model(**rows).logits
        return logits.float().softmax(dim=-1).numpy()

    def run(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Returns the outputs that our export has.

        Args:
            signature: Always `"serving_default"`.
            inputs: `text`, an array of bytes.
        """
        texts = [text.decode() for text in inputs["text"]]
        probabilities = self.probabilities(texts)
        label_id = probabilities.argmax(axis=-1).astype("int32")
        label = np.array([self.class_names[i] for i in label_id], object)
        return {
            "label": label,
            "label_id": label_id,
            "probabilities": probabilities,
        }


class OneVersion:
    """A model in the place of a directory's versions.

    Args:
        model: What runs, with `run`, `signatures` and `definitions`.
        options: How requests are run together.
    """

    def __init__(self, model: HuggingFaceModel, options: BatchingOptions):
        self._servable = types.SimpleNamespace(
            version=1,
            model=model,
            batcher=Batcher(model.run, model.signatures, options),
        )

    @contextlib.contextmanager
    def use(self, name: str, version: int | None) -> Iterator:
        """Lends the one version.

        Args:
            name: Name of the model in the request.
            version: The version in the request.
        """
        yield self._servable

    def states(self) -> dict[int, VersionState]:
        """Returns that it is there."""
        return {1: VersionState("AVAILABLE")}


def _definition(signature):
    definition = tf.compat.v1.MetaGraphDef().signature_def["serving_default"]
    for infos, known in (
        (definition.inputs, signature.inputs),
        (definition.outputs, signature.outputs),
    ):
        for name, info in known.items():
            infos[name].name = info.name
            infos[name].dtype = tf.dtypes.as_dtype(info.dtype).as_datatype_enum
            for size in info.shape:
                infos[name].tensor_shape.dim.add().size = size
    return definition
