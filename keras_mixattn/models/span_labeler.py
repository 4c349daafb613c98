"""Answers as spans of a context, once for every family."""

import keras
from keras import ops

from keras_mixattn.layers.answerability_head import AnswerabilityHead
from keras_mixattn.layers.conditional_span_head import ConditionalSpanHead
from keras_mixattn.layers.span_head import SpanHead
from keras_mixattn.models.end_loss import EndLoss
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.span_answers import QuestionAnswer
from keras_mixattn.models.span_answers import read_answers
from keras_mixattn.models.window_task import WindowTask


class SpanLabeler(WindowTask):
    """Marks the answer to a question in a context of any length.

    The plain head scores each token as the first and as the last one of the
    answer; the conditional one scores the last token for each of the best
    first ones. The answerability classifier says whether there is none. The
    shared base of the families' span labelers; it is not registered.

    Masking: an answer lies in the context, or is [CLS], which stands for no
    answer.

    Args:
        backbone: The family's backbone.
        preprocessor: The family's span labeler preprocessor, or `None` when
            inputs are preprocessed beforehand.
        conditional: Whether the head is the conditional one, as in the
            official code. Defaults to `False`.
        answerability: Whether a classifier says that there is no answer, as
            in the official code for SQuAD 2.0. Defaults to `False`: [CLS]
            says it.
        beam_size: First tokens that the conditional head follows. Defaults
            to 20.
        head_units: Features inside the conditional head and the
            answerability classifier. Defaults to 512.
        name: Name of the model.
        trainable: Whether its weights are trained.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertSpanLabeler
    from keras_mixattn.models import ConvBertSpanLabelerPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "by", "ann"]
    backbone = ConvBertBackbone(
        vocabulary_size=len(words),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )
    labeler = ConvBertSpanLabeler(
        backbone,
        ConvBertSpanLabelerPreprocessor(
            ConvBertTokenizer(words, lowercase=True), sequence_length=9
        ),
    )
    questions, contexts = ["Who?", "Who?"], ["By Ann", "by by"]
    labeler.fit((questions, contexts), [(3, 6), None], verbose=0)
    answer, other = labeler.answer(questions, contexts)
    best = answer.candidates[0]
    assert answer.text() == best.text == "By Ann"[best.start : best.stop]
    assert other.text(threshold=-np.inf) == ""  # taken for no answer
    ```

    Reference: [Devlin et al., 2019](https://arxiv.org/abs/1810.04805),
    section 4.2, and [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    appendix, for the conditional head and the answerability classifier.
    """

    def __init__(
        self,
        backbone,
        preprocessor=None,
        conditional: bool = False,
        answerability: bool = False,
        beam_size: int = 20,
        head_units: int = 512,
        name: str | None = None,
        trainable: bool = True,
    ):
        # Read by `compile`, which the constructor of the base calls.
        self.conditional = conditional
        self.answerability = answerability

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        if conditional:
            self.span_head = ConditionalSpanHead(
                beam_size,
                head_units,
                activation=backbone.activation,
                dtype=backbone.dtype_policy,
                name="span_head",
            )
        else:
            self.span_head = SpanHead(
                dtype=backbone.dtype_policy, name="span_head"
            )
        self.answerability_head = None
        if answerability:
            self.answerability_head = AnswerabilityHead(
                head_units,
                activation=backbone.activation,
                dtype=backbone.dtype_policy,
                name="answerability_head",
            )

        # === Functional Model ===
        inputs = {
            **backbone.input,
            "start_positions": keras.Input(
                shape=(), dtype="int32", name="start_positions"
            ),
        }
        x = backbone(backbone.input)["sequence_output"]
        context = inputs["padding_mask"] * inputs["segment_ids"]
        first = ops.ones_like(context[:, :1])
        mask = ops.concatenate([first, context[:, 1:]], axis=1)
        outputs = {}
        if conditional:
            start, beams, end = self.span_head(
                x, mask, inputs["start_positions"]
            )
            outputs["start_beams"] = beams
        else:
            start, end = self.span_head(x, mask)
        outputs |= {"start_logits": start, "end_logits": end}
        if answerability:
            outputs["impossible_logit"] = self.answerability_head(x, start)
        super().__init__(
            inputs=inputs, outputs=outputs, name=name, trainable=trainable
        )

        # === Config ===
        self.beam_size = beam_size
        self.head_units = head_units

    def compile(self, optimizer="auto", loss="auto", **kwargs):
        """Configures training.

        Args:
            optimizer: Defaults to Adam with a rate of 5e-5.
            loss: Defaults to the mean of the cross-entropies of start and
                end, and half that of the answerability.
            **kwargs: See `keras.Model.compile`.
        """
        if optimizer == "auto":
            optimizer = keras.optimizers.Adam(5e-5)
        if loss == "auto":
            loss = {
                "start_logits": keras.losses.SparseCategoricalCrossentropy(
                    from_logits=True
                ),
                "end_logits": EndLoss(),
            }
            weights = {"start_logits": 0.5, "end_logits": 0.5}
            if self.answerability:
                loss["impossible_logit"] = keras.losses.BinaryCrossentropy(
                    from_logits=True
                )
                weights["impossible_logit"] = 0.5
            kwargs.setdefault("loss_weights", weights)
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def rows(self, x, y=None, sample_weight=None):
        x, y, sample_weight = super().rows(x, y, sample_weight)
        if isinstance(y, dict) and not self.answerability:
            y = {
                name: labels
                for name, labels in y.items()
                if name != "impossible_logit"
            }
        return x, y, sample_weight

    def answer(
        self,
        questions: list[str],
        contexts: list[str],
        n_best: int = 1,
        max_answer_length: int = 30,
        batch_size: int = 16,
    ) -> list[QuestionAnswer]:
        """Answers questions.

        Args:
            questions: The questions.
            contexts: The context of each, of any length.
            n_best: Most spans of an answer, the best of all windows.
            max_answer_length: Most tokens of a span.
            batch_size: Rows of a step.

        Returns:
            A `QuestionAnswer` for each question.
        """
        windows = self.windows((questions, contexts))
        outputs = self.predict_rows(windows.inputs, batch_size)
        return read_answers(
            windows, outputs, contexts, n_best, max_answer_length
        )

    def get_config(self):
        return {
            **super().get_config(),
            "conditional": self.conditional,
            "answerability": self.answerability,
            "beam_size": self.beam_size,
            "head_units": self.head_units,
        }
