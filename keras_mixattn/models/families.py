"""The families of encoders by name, and the classes that belong together."""

from typing import NamedTuple

from keras_mixattn.models.conv_bert import ConvBertMaskedLM
from keras_mixattn.models.conv_bert import ConvBertTextClassifier
from keras_mixattn.models.hybrid_bert import HybridBertMaskedLM
from keras_mixattn.models.hybrid_bert import HybridBertTextClassifier


class Family(NamedTuple):
    """The tasks of one backbone; each names its preprocessor and tokenizer.

    Attributes:
        title: The name of the model in papers.
        masked_lm: Class of the masked LM.
        text_classifier: Class of the text classifier.
    """

    title: str
    masked_lm: type
    text_classifier: type

    @property
    def backbone(self) -> type:
        """Class of the backbone."""
        return self.masked_lm.backbone_cls

    @property
    def tokenizer(self) -> type:
        """Class of the tokenizer."""
        return self.masked_lm.preprocessor_cls.tokenizer_cls


FAMILIES = {
    "conv_bert": Family("ConvBERT", ConvBertMaskedLM, ConvBertTextClassifier),
    "hybrid_bert": Family(
        "HybridBERT", HybridBertMaskedLM, HybridBertTextClassifier
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
