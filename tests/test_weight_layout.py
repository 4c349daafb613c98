"""Names and shapes of weights, as presets on disk hold them.

A difference here breaks every saved preset. When one is meant, write the file
anew with `python -m tests.test_weight_layout`, ship a converter, and say so in
the changelog.
"""

import json
import pathlib
import tempfile

import h5py

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertSpanLabeler
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTextEmbedder
from keras_mixattn.models import ConvBertTextRegressor
from keras_mixattn.models import ConvBertTokenClassifier
from keras_mixattn.models import HybridBertBackbone

GOLDEN = pathlib.Path(__file__).parent / "golden" / "weight_layout.json"


def layout(model) -> dict[str, list[int]]:
    """Returns the datasets of the model's weights file by path."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.weights.h5"
        model.save_weights(path)
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: (
                    found.update({name: list(item.shape)})
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
    return found


def layouts() -> dict:
    sizes = {"vocabulary_size": 101, "num_layers": 2}
    dense = ConvBertBackbone.from_architecture("base", **sizes)
    grouped = ConvBertBackbone.from_architecture("medium_small", **sizes)
    hybrid = HybridBertBackbone.from_architecture("base", **sizes)
    three_way = HybridBertBackbone.from_architecture(
        "small",
        mixers=[{"attention": 1, "span_conv": 1, "pooling": 2}] * 2,
        drop_mask="keys",
        **sizes,
    )
    return {
        "backbone": layout(dense),
        "conditional_span_labeler": layout(
            ConvBertSpanLabeler(grouped, conditional=True, answerability=True)
        ),
        "grouped_backbone": layout(grouped),
        "hybrid_backbone": layout(hybrid),
        "masked_lm": layout(ConvBertMaskedLM(grouped)),
        "span_labeler": layout(ConvBertSpanLabeler(grouped)),
        "text_classifier": layout(ConvBertTextClassifier(grouped, 3)),
        "text_embedder": layout(ConvBertTextEmbedder(grouped)),
        "text_regressor": layout(ConvBertTextRegressor(grouped)),
        "three_way_backbone": layout(three_way),
        "token_classifier": layout(
            ConvBertTokenClassifier(grouped, ["O", "B-X", "I-X"])
        ),
    }


def test_weight_layout():
    assert layouts() == json.loads(GOLDEN.read_text())


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(layouts(), indent=1, sort_keys=True) + "\n")
