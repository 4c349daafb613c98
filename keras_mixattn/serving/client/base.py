"""What both clients have in common: everything but the wire."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import task_answers
from keras_mixattn.serving.client.arrays import batches
from keras_mixattn.serving.client.arrays import join_batches
from keras_mixattn.serving.client.arrays import to_arrays
from keras_mixattn.serving.client.json_outputs import OtherOutputsError
from keras_mixattn.serving.client.retries import Deadline
from keras_mixattn.serving.client.retries import Retries
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.signature_info import Signature

_Kind = TypeVar("_Kind")


class Client:
    """Asks a model of a server.

    A client may be used by many threads at once. What a signature takes is
    asked from the server once, and again when a request or an answer no longer
    fits it: a newer version may be served.

    Args:
        model: Name of the model.
        version: Its version. Defaults to the newest that is served.
        timeout: Seconds within which a call is answered, all its batches and
            attempts together.
        max_batch_size: Most rows of a request; more are sent one request
            after the other.
        retries: What happens while the server is not available.
        label: The label of a version, such as `"stable"`, in its place.
        headers: Sent with each request, a dict from name to value; such as
            the `authorization` that a proxy asks for.
    """

    def __init__(
        self,
        model: str,
        version: int | None = None,
        timeout: float = 30.0,
        max_batch_size: int = 32,
        retries: Retries | None = None,
        label: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        retries = retries or Retries()
        for name, value, least in (
            ("version", 1 if version is None else version, 0),
            ("timeout", timeout, 1e-3),
            ("max_batch_size", max_batch_size, 1),
            ("attempts", retries.attempts, 1),
        ):
            if value < least:
                raise InputError(
                    f"`{name}` must be at least {least}; received {value!r}."
                )
        if version is not None and label is not None:
            raise InputError(
                f"Version {version} and label '{label}' are both given; leave "
                "one of them out."
            )
        self.model = model
        self.version = version
        self.label = label
        self.timeout = timeout
        self.max_batch_size = max_batch_size
        self._headers = {
            # gRPC takes small letters only.
            name.lower(): value
            for name, value in (headers or {}).items()
        }
        self._retries = retries
        self._signatures = None

    def close(self) -> None:
        """Closes the connections."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def predict(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature.

        Args:
            signature: Its name, such as `"serving_default"`.
            inputs: A dict from name to array or nested list; strings are
                `str` or `bytes`.

        Returns:
            A dict from name to array; strings are objects of type `str`, in
            which bytes that are no UTF-8 are replaced. Rows of different
            batches are padded to the widest.

        Raises:
            InputError: The inputs are not those of the signature.
            ServingError: What the server answered instead.
        """
        deadline = Deadline(self.timeout)
        if self._signatures is not None:
            try:
                return self._predict_all(signature, inputs, deadline)
            except (InputError, OtherOutputsError):
                self._signatures = None  # perhaps those of an older version
        return self._predict_all(signature, inputs, deadline)

    def classify(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> list[task_answers.Label] | list[task_answers.Labels]:
        """Returns the class of each text, or of each pair of texts.

        Args:
            texts: The texts.
            text_pairs: The second text of each pair.

        Returns:
            `Label` objects, or `Labels` of a model with any number of them.

        Raises:
            InputError: The model's task is another.
            ServingError: What the server answered instead.
        """
        kinds = (task_answers.Label, task_answers.Labels)
        return self._ask(kinds, _texts(texts, text_pairs))

    def score(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> list[task_answers.Score]:
        """Returns the score of each text, or of each pair of texts.

        Args:
            texts: The texts.
            text_pairs: The second text of each pair.

        Raises:
            InputError: The model's task is another.
            ServingError: What the server answered instead.
        """
        return self._ask((task_answers.Score,), _texts(texts, text_pairs))

    def embed(self, texts: Sequence[str]) -> list[task_answers.Embedding]:
        """Returns the vector of each text.

        Args:
            texts: The texts.

        Raises:
            InputError: The model's task is another.
            ServingError: What the server answered instead.
        """
        return self._ask((task_answers.Embedding,), _texts(texts))

    def tag(self, texts: Sequence[str]) -> list[task_answers.Words]:
        """Returns the words of each text with their tags.

        Args:
            texts: The texts.

        Raises:
            InputError: The model's task is another.
            ServingError: What the server answered instead.
        """
        return self._ask((task_answers.Words,), _texts(texts))

    def fill_masks(self, texts: Sequence[str]) -> list[task_answers.Fillings]:
        """Returns what may stand at each [MASK] of each text.

        Args:
            texts: The texts.

        Raises:
            InputError: The model's task is another.
            ServingError: What the server answered instead.
        """
        return self._ask((task_answers.Fillings,), _texts(texts))

    def answer(
        self, questions: Sequence[str], contexts: Sequence[str]
    ) -> list[task_answers.Span]:
        """Returns where each context answers its question.

        Args:
            questions: The questions.
            contexts: As many texts.

        Raises:
            InputError: The model's task is another.
            ServingError: What the server answered instead.
        """
        inputs = {"question": questions, "context": contexts}
        return self._ask((task_answers.Span,), inputs)

    def signatures(self) -> dict[str, Signature]:
        """Returns the signatures of the model by name.

        Raises:
            ServingError: What the server answered instead.
        """
        return dict(self._known_signatures(Deadline(self.timeout)))

    def version_states(self) -> dict[int, str]:
        """Returns the state of each version the server knows.

        Returns:
            A dict from version to `"START"`, `"LOADING"`, `"AVAILABLE"`,
            `"UNLOADING"` or `"END"`.

        Raises:
            ServingError: What the server answered instead.
        """
        return self._retries.run(self._version_states, Deadline(self.timeout))

    def is_ready(self) -> bool:
        """Returns whether the server answers and a version is available."""
        try:
            states = self._version_states(Deadline(self.timeout).seconds_left())
        except ServingError:
            return False
        return "AVAILABLE" in states.values()

    def _ask(self, kinds: tuple[type[_Kind], ...], inputs) -> list[_Kind]:
        made = task_answers.typed_answers(
            self.predict(DEFAULT_SIGNATURE, inputs)
        )
        if made and not isinstance(made[0], kinds):
            raise InputError(
                f"Model '{self.model}' answers with {type(made[0]).__name__}, "
                f"not with {kinds[0].__name__}; use the method of its task."
            )
        if made is None:
            raise InputError(
                f"The outputs of model '{self.model}' are of no task of this "
                "library; use `predict`."
            )
        return made

    def _predict_all(self, name, inputs, deadline):
        known = self._known_signatures(deadline)
        check_signature_name(name, known, self.model)
        signature = known[name]
        arrays = to_arrays(inputs, signature, name)
        return join_batches(
            [
                self._retries.run(
                    lambda seconds, batch=batch: self._predict(
                        name, batch, signature, seconds
                    ),
                    deadline,
                )
                for batch in batches(arrays, self.max_batch_size)
            ]
        )

    def _known_signatures(self, deadline):
        known = self._signatures  # another thread may forget them
        if known is None:
            known = self._retries.run(self._read_signatures, deadline)
            self._signatures = known
        return known

    def _predict(self, name, arrays, signature, seconds):
        raise NotImplementedError("A client knows how to ask.")

    def _read_signatures(self, seconds):
        raise NotImplementedError("A client knows how to read signatures.")

    def _version_states(self, seconds):
        raise NotImplementedError("A client knows how to read states.")


def check_signature_name(name: str, known: dict, model: str) -> None:
    """Checks that a model has a signature.

    Args:
        name: Its name.
        known: The model's signatures, by name.
        model: Name of the model, for the error.

    Raises:
        InputError: It has none of that name.
    """
    if name not in known:
        raise InputError(
            f"Model '{model}' has no signature '{name}'; it has "
            f"{', '.join(sorted(known))}."
        )


def _texts(texts, text_pairs=None):
    if text_pairs is None:
        return {"text": texts}
    return {"text": texts, "text_pair": text_pairs}
