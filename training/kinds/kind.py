"""What fine-tuning asks of every kind of task."""

import abc

import keras

from keras_mixattn.data import LengthBatches


class Kind(abc.ABC):
    """Reads examples, builds the model, and measures its answers.

    Examples are one of the dataclasses of `keras_mixattn.data`; answers are
    a sequence of one answer for each of them.

    Attributes:
        metric: The score by which the best epoch is chosen; the higher, the
            better.
        model: The attribute of a `Family` that holds the class of the model.
    """

    metric: str
    model: str

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
    def answers(self, examples, model, config):
        """Asks the model.

        Args:
            examples: The examples.
            model: What `build` returned, trained.
            config: The configuration.

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
            Scores by name, `metric` among them.
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

    def draw(self, examples, answers, names, run) -> list[str]:
        """Draws pictures of the answers.

        Args:
            examples: The examples, with what is true.
            answers: What `answers` returned for them.
            names: Names of the classes.
            run: Directory of the run.

        Returns:
            The names of their files.
        """
        return []

    def details(self, examples, answers, names) -> dict:
        """Returns what else `metrics.json` keeps of the answers.

        Args:
            examples: The examples, with what is true.
            answers: What `answers` returned for them.
            names: Names of the classes.
        """
        return {}


def length_multiple(model, config) -> int:
    """Returns what the length of a batch is a multiple of.

    Args:
        model: A task.
        config: The configuration.
    """
    # What the convolutions see of the padding is part of a `leak` model, so
    # all batches get the same.
    leaks = model.backbone.padding == "leak"
    return config.sequence_length if leaks else 16


def predicted(model: keras.Model, batches: LengthBatches):
    """Predicts the rows of batches, in their own order.

    Args:
        model: A model with one output of fixed shape.
        batches: The rows.

    Returns:
        The output of each row.
    """
    dataset, rows = batches.in_order_of_length()
    outputs = model.predict(dataset, verbose=0)
    answers = outputs.copy()
    answers[rows] = outputs
    return answers
