"""The families of encoders by name, and the classes that belong together."""

from typing import NamedTuple

from keras_mixattn.models import conv_bert_tasks
from keras_mixattn.models import hybrid_bert_tasks


class Family(NamedTuple):
    """The tasks of one backbone; each names its preprocessor and tokenizer.

    Attributes:
        title: The name of the model in papers.
        masked_lm: Class of the masked LM.
        text_classifier: Class of the text classifier.
        text_regressor: Class of the text regressor.
        token_classifier: Class of the token classifier.
        span_labeler: Class of the span labeler.
        text_embedder: Class of the text embedder.
        replaced_token_detector: Class of the replaced-token detector.
    """

    title: str
    masked_lm: type
    text_classifier: type
    text_regressor: type
    token_classifier: type
    span_labeler: type
    text_embedder: type
    replaced_token_detector: type

    @property
    def backbone(self) -> type:
        """Class of the backbone."""
        return self.masked_lm.backbone_cls

    @property
    def tokenizer(self) -> type:
        """Class of the tokenizer."""
        return self.masked_lm.preprocessor_cls.tokenizer_cls


FAMILIES = {
    "conv_bert": Family(
        "ConvBERT",
        conv_bert_tasks.ConvBertMaskedLM,
        conv_bert_tasks.ConvBertTextClassifier,
        conv_bert_tasks.ConvBertTextRegressor,
        conv_bert_tasks.ConvBertTokenClassifier,
        conv_bert_tasks.ConvBertSpanLabeler,
        conv_bert_tasks.ConvBertTextEmbedder,
        conv_bert_tasks.ConvBertReplacedTokenDetector,
    ),
    "hybrid_bert": Family(
        "HybridBERT",
        hybrid_bert_tasks.HybridBertMaskedLM,
        hybrid_bert_tasks.HybridBertTextClassifier,
        hybrid_bert_tasks.HybridBertTextRegressor,
        hybrid_bert_tasks.HybridBertTokenClassifier,
        hybrid_bert_tasks.HybridBertSpanLabeler,
        hybrid_bert_tasks.HybridBertTextEmbedder,
        hybrid_bert_tasks.HybridBertReplacedTokenDetector,
    ),
}


def family_of(backbone) -> Family:
    """Returns the family of a backbone.

    Args:
        backbone: A `MixedEncoderBackbone`.

    Returns:
        The entry of `FAMILIES` with its class.

    Raises:
        ValueError: If its class is of no family.

    Example:

    ```python
    from keras_mixattn.models import HybridBertBackbone

    backbone = HybridBertBackbone.from_architecture("small", num_layers=2)
    assert family_of(backbone).title == "HybridBERT"
    ```
    """
    for family in FAMILIES.values():
        if family.backbone is type(backbone):
            return family
    raise ValueError(
        "The backbone must be of a family: "
        f"{', '.join(f.backbone.__name__ for f in FAMILIES.values())}. "
        f"Received: {type(backbone).__name__}"
    )
