"""What fine-tuning, evaluation and prediction ask of every kind of task."""

import abc
from pathlib import Path

from keras_mixattn.data import LengthBatches
from keras_mixattn.errors import InputError
from keras_mixattn.models import family_of
from training.kinds.predict_options import PredictOptions


class Kind(abc.ABC):
    """Reads examples, builds the model, and measures its answers.

    Examples are one of the dataclasses of `keras_mixattn.data`; answers are
    a sequence of one answer for each of them.

    Attributes:
        model: The attribute of a `Family` that holds the class of the model.
        hub_task: What model hubs call such a task.
        pictures: Names of the files that `draw` may write.
        options: Names of the `PredictOptions` that `predictions` heeds.
    """

    model: str
    hub_task: str
    pictures: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def is_of(self, model) -> bool:
        """Says whether a task answers with labels of this kind.

        Args:
            model: A task of a family.
        """
        return isinstance(model, getattr(family_of(model.backbone), self.model))

    @abc.abstractmethod
    def usage(self, names: list[str] | None) -> str:
        """Returns an expression that asks the model `model`, for its card.

        Args:
            names: Names of the classes.
        """

    @abc.abstractmethod
    def metrics(self, names: list[str] | None) -> tuple[str, ...]:
        """Returns the scores that may choose the best epoch.

        Args:
            names: Names of the classes.

        Returns:
            Names of scores, the usual one first; the higher, the better.
        """

    def metric(self, chosen: str | None, names: list[str] | None) -> str:
        """Returns the score that chooses the best epoch.

        Args:
            chosen: The key `metric`; `None` for the usual one.
            names: Names of the classes.

        Raises:
            InputError: There is no such score.
        """
        legal = self.metrics(names)
        if chosen is not None and chosen not in legal:
            raise InputError(
                f"The key 'metric' is {chosen!r}; for this task it must be "
                f"one of {', '.join(legal)}."
            )
        return chosen or legal[0]

    @abc.abstractmethod
    def read(self, source: str, config, names, split: str | None):
        """Reads examples.

        Args:
            source: A file, or `tfds:NAME`.
            config: The configuration.
            names: Names of the classes, in the order of their ids; `None` to
                find them in the source.
            split: Split of a TensorFlow data set.

        Returns:
            The examples.

        Raises:
            InputError: The source cannot be read.
        """

    def names(self, examples) -> list[str] | None:
        """Returns the names of the classes, if there are classes.

        Args:
            examples: Of train.
        """
        return None

    @abc.abstractmethod
    def build(self, model_class, backbone, tokenizer, config, names):
        """Builds the model.

        Args:
            model_class: The family's.
            backbone: The pre-trained encoder.
            tokenizer: Its tokenizer.
            config: The configuration.
            names: Names of the classes.

        Returns:
            A KerasHub task with its preprocessor.
        """

    @abc.abstractmethod
    def batches(self, examples, model, config) -> LengthBatches:
        """Tokenises examples to train on.

        Args:
            examples: The examples.
            model: What `build` returned.
            config: The configuration.
        """

    @abc.abstractmethod
    def answers(self, examples, model, batch_size: int):
        """Asks the model.

        Args:
            examples: The examples; their labels are not looked at.
            model: What `build` returned, trained.
            batch_size: Rows of a step.

        Returns:
            One answer for each example.
        """

    @abc.abstractmethod
    def scores(self, examples, answers, names) -> dict[str, float]:
        """Measures answers.

        Args:
            examples: The examples, with what is true.
            answers: What `answers` returned for them.
            names: Names of the classes.

        Returns:
            Scores by name, all of `metrics` among them.
        """

    @abc.abstractmethod
    def baselines(self, train, test, metric: str) -> dict[str, float]:
        """Measures what a model must beat.

        Args:
            train: Examples to learn from.
            test: Examples to measure on.
            metric: One of the scores.

        Returns:
            That score of each baseline by name.
        """

    def calibration(self, examples, answers) -> dict[str, float]:
        """Fits what turns answers into better probabilities.

        Args:
            examples: Held out examples, best not those it is measured on.
            answers: What `answers` returned for them.

        Returns:
            The numbers by name; none where there is nothing to fit.
        """
        return {}

    def details(self, examples, answers, names, model, calibration) -> dict:
        """Returns what else is kept of answers, the numbers of the pictures.

        Args:
            examples: The examples, with what is true.
            answers: What `answers` returned for them.
            names: Names of the classes.
            model: What gave the answers.
            calibration: What `calibration` returned, or `{}`.
        """
        return {}

    def draw(self, details: dict, names, directory: Path) -> None:  # noqa: B027
        """Draws the pictures; without any there is nothing to do.

        Args:
            details: What `details` returned.
            names: Names of the classes.
            directory: Where `pictures` are written.

        Raises:
            InputError: A file cannot be written.
        """

    @abc.abstractmethod
    def predictions(self, inputs, model, options: PredictOptions) -> list[dict]:
        """Answers texts for people and programs to read.

        Args:
            inputs: `Texts`, or `Questions` if the model answers these.
            model: A trained model.
            options: How.

        Returns:
            One dict for each text, with the same keys, of JSON values.
        """


def length_multiple(model) -> int:
    """Returns what the length of a batch is a multiple of.

    Args:
        model: A task.
    """
    if model.backbone.sees_padding:
        return model.preprocessor.sequence_length
    return 16
