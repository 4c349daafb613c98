"""What clients ask for, whatever the protocol."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.loaded_model import check_inputs
from keras_mixattn.serving.local_server.model_versions import ModelVersions
from keras_mixattn.serving.local_server.model_versions import VersionState
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.signature_info import Signature


class Target(NamedTuple):
    """What a request is for.

    Attributes:
        model: Name of the model.
        version: The version, or `None` for the newest.
        signature: Name of the signature; empty for the default.
    """

    model: str
    version: int | None = None
    signature: str = ""


class Answer(NamedTuple):
    """What a model answered.

    Attributes:
        version: Which version it was.
        signature: Name of the signature.
        outputs: A dict from name to array; for classify a list of pairs of
            names and scores of classes, for regress a list of numbers.
    """

    version: int
    signature: str
    outputs: dict | list


class Service:
    """Answers requests on arrays.

    Args:
        model: Name of the one model.
        versions: Its versions.
    """

    def __init__(self, model: str, versions: ModelVersions):
        self.model = model
        self.versions = versions

    def predict(
        self,
        target: Target,
        inputs: dict[str, np.ndarray],
        timeout: float | None,
        only: tuple[str, ...] = (),
    ) -> Answer:
        """Returns the outputs of a signature.

        Args:
            target: What the request is for.
            inputs: A dict from name to array.
            timeout: Seconds until the answer is of no use.
            only: Names of the outputs that are wanted. Defaults to all.

        Raises:
            ServingError: What is wrong.
        """
        with self._use(target) as servable:
            name, _ = _signature(servable, target, "predict")
            return _predicted(servable, name, inputs, timeout, only)

    def predict_json(
        self,
        target: Target,
        read: Callable[[Signature], dict[str, np.ndarray]],
        timeout: float | None,
    ) -> Answer:
        """Returns the outputs of a signature by which the inputs are read.

        The version that reads them is the one that answers, whatever is
        released meanwhile.

        Args:
            target: What the request is for.
            read: Function from the signature to a dict from name to array.
            timeout: Seconds until the answer is of no use.

        Raises:
            ServingError: What is wrong.
        """
        with self._use(target) as servable:
            name, signature = _signature(servable, target, "json")
            return _predicted(servable, name, read(signature), timeout)

    def classify(
        self, target: Target, examples: np.ndarray, timeout: float | None
    ) -> Answer:
        """Returns the classes of serialized examples.

        Args:
            target: What the request is for.
            examples: An array of bytes.
            timeout: Seconds until the answer is of no use.

        Raises:
            ServingError: What is wrong.
        """
        return self._on_examples(
            target, examples, timeout, _check_classify, _classes
        )

    def regress(
        self, target: Target, examples: np.ndarray, timeout: float | None
    ) -> Answer:
        """Returns the numbers of serialized examples.

        Args:
            target: What the request is for.
            examples: An array of bytes.
            timeout: Seconds until the answer is of no use.

        Raises:
            ServingError: What is wrong.
        """
        return self._on_examples(
            target, examples, timeout, _check_regress, _numbers
        )

    def definitions(self, target: Target) -> Answer:
        """Returns the `SignatureDef` messages of a version, by name.

        Args:
            target: What the request is for.

        Raises:
            ServingError: It is not served.
        """
        with self._use(target) as servable:
            return Answer(servable.version, "", servable.model.definitions)

    def states(self, target: Target) -> dict[int, VersionState]:
        """Returns the states of one version or of all.

        Args:
            target: What the request is for.

        Raises:
            ServingError: There is none.
        """
        states = {}
        if target.model == self.model:
            states = self.versions.states()
        if target.version is not None:
            states = {
                version: state
                for version, state in states.items()
                if version == target.version
            }
        if not states:
            raise errors.status_not_found(target.model, target.version)
        return states

    def _use(self, target):
        if target.model != self.model:
            raise errors.servable_not_found(target.model, target.version)
        return self.versions.use(target.model, target.version)

    def _on_examples(self, target, examples, timeout, check, read):
        with self._use(target) as servable:
            name, signature = _signature(servable, target, "examples")
            check(signature)
            inputs = {"inputs": examples}
            check_inputs(inputs, signature)
            outputs = servable.batcher.submit(name, inputs, timeout)
        return Answer(servable.version, name, read(outputs, len(examples)))


def _signature(servable, target, kind):
    name = target.signature or DEFAULT_SIGNATURE
    if name not in servable.model.signatures:
        raise errors.signature_not_found(name, kind)
    return name, servable.model.signatures[name]


def _predicted(servable, name, inputs, timeout, only=()):
    signature = servable.model.signatures[name]
    for place, one in enumerate(only):
        if one not in signature.outputs:
            raise errors.wrong_output(one, list(signature.outputs))
        if one in only[:place]:
            raise errors.invalid(f"duplicate output tensor alias: {one}")
    check_inputs(inputs, signature)
    outputs = servable.batcher.submit(name, inputs, timeout)
    if only:
        outputs = {one: outputs[one] for one in only}
    return Answer(servable.version, name, outputs)


def _check_classify(signature):
    outputs = set(signature.outputs)
    if len(outputs) not in (1, 2):
        problem = f"Expected one or two output Tensors, found {len(outputs)}"
        raise errors.invalid(problem)
    _check_example_input(signature, "classification")
    if not {"classes", "scores"} & outputs:
        raise errors.precondition(
            "Expected classification signature outputs to contain at least "
            'one of "classes" or "scores".'
        )


def _check_regress(signature):
    if len(signature.outputs) != 1:
        raise errors.invalid("Expected one output Tensor.")
    _check_example_input(signature, "regression")
    if "outputs" not in signature.outputs:
        raise errors.precondition("No regression outputs found in SignatureDef")


def _check_example_input(signature, kind):
    if len(signature.inputs) != 1:
        raise errors.invalid("Expected one input Tensor.")
    if "inputs" not in signature.inputs:
        raise errors.precondition(f"No {kind} inputs found in SignatureDef")


def _classes(outputs, count):
    for name, array in outputs.items():
        if array.ndim != 2:
            raise errors.invalid(
                "Expected Tensor shape: [batch_size num_classes] but got "
                f"{list(array.shape)}"
            )
        _check_rows(name, array, count)
    shape = next(iter(outputs.values())).shape
    names = outputs.get("classes", np.full(shape, b"", object))
    scores = outputs.get("scores", np.zeros(shape, "float32"))
    return [
        list(zip(*row, strict=True)) for row in zip(names, scores, strict=True)
    ]


def _numbers(outputs, count):
    values = outputs["outputs"]
    if values.ndim > 2 or values.size != len(values):
        raise errors.invalid(
            "Expected output Tensor shape to be either [batch_size] or "
            f"[batch_size, 1] but got {list(values.shape)}"
        )
    _check_rows("outputs", values, count)
    return list(values.reshape(-1))


def _check_rows(name, array, count):
    if len(array) != count:
        raise errors.invalid(
            f"Expected {name} output batch size of {count}. Got: {len(array)}"
        )
