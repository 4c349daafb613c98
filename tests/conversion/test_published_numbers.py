"""Converted models give the numbers of the published forms."""

import ast
import json

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM
from tests.conversion.bert_sources import BERT_SIZES
from tests.conversion.bert_sources import HEADS_OF_LAYER
from tests.conversion.bert_sources import HIDDEN
from tests.conversion.bert_sources import MANY_WORDS
from tests.conversion.bert_sources import VOCABULARY
from tests.conversion.bert_sources import WIDE
from tests.conversion.bert_sources import assert_same_weights
from tests.conversion.bert_sources import bert_arrays
from tests.conversion.bert_sources import bert_inputs
from tests.conversion.published_encoders import BERT
from tests.conversion.published_encoders import PONET
from tests.conversion.published_encoders import backbone_shapes
from tests.conversion.published_encoders import conv_bert
from tests.conversion.published_encoders import conv_bert_shapes
from tests.conversion.published_encoders import encoder
from tests.conversion.published_encoders import head_shapes
from tests.conversion.published_encoders import masked_lm_logits
from tests.conversion.published_encoders import random_arrays
from tests.conversion.sources import assert_golden
from tests.conversion.sources import published_source
from tests.fixtures import golden
from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import SPECIAL
from tests.models.builders import WORDS
from tests.models.builders import small_backbone
from tests.models.builders import small_inputs


@pytest.mark.parametrize("name", ["convbert_a.npz", "convbert_b.npz"])
def test_golden_tensors(name, tmp_path):
    arrays = golden(name)
    state_dict = {
        key.removeprefix("hf:"): value.astype("float32")
        for key, value in arrays.items()
        if key.startswith("hf:")
    }
    published_source(
        tmp_path / "source",
        "conv_bert",  # as it once was called
        state_dict,
        [*SPECIAL, *"abcdef"],
        **golden_config(arrays),
    )
    convert(tmp_path / "source", tmp_path / "preset")
    assert_golden(tmp_path / "preset", arrays)


def golden_config(arrays):
    sizes = ast.literal_eval(str(arrays["cfg"]))
    return {
        "vocab_size": sizes["V"],
        "embedding_size": sizes["E"],
        "hidden_size": sizes["H"],
        "num_attention_heads": sizes["heads"],
        "head_ratio": sizes["ratio"],
        "conv_kernel_size": sizes["K"],
        "intermediate_size": sizes["I"],
        "num_groups": sizes["G"],
        "num_hidden_layers": sizes["L"],
        "max_position_embeddings": sizes["P"],
        "type_vocab_size": sizes["T"],
    }


@pytest.mark.parametrize(
    "model_type, layer, config",
    [
        ("bert", BERT, {}),
        ("ponet", PONET, {}),
        # ModelScope names the model elsewhere.
        (None, PONET, {"clsgsepg": True}),
    ],
)
def test_numbers_of_bert_and_ponet(model_type, layer, config, tmp_path):
    arrays = bert_arrays(layer)
    published_source(
        tmp_path / "source",
        model_type,
        arrays,
        MANY_WORDS,
        **BERT_SIZES,
        **config,
    )
    if model_type is None:
        (tmp_path / "source" / "configuration.json").write_text(
            json.dumps({"task": "fill-mask", "model": {"type": "ponet"}})
        )
    convert(tmp_path / "source", tmp_path / "preset")
    backbone = HybridBertBackbone.from_preset(str(tmp_path / "preset"))
    found = backbone(bert_inputs())
    states, pooled = encoder(arrays, bert_inputs(), HEADS_OF_LAYER, [2, 3])
    np.testing.assert_allclose(found["sequence_output"], states, atol=1e-5)
    np.testing.assert_allclose(found["pooled_output"], pooled, atol=1e-5)


def test_golden_numbers_of_ponet(tmp_path):
    """The mixer that a converted layer has, on the published numbers."""
    numbers = golden("pooling_golden.npz")
    arrays = random_arrays(backbone_shapes([PONET], VOCABULARY, 23, 4, WIDE))
    for name, letter in zip(PONET, "qkosl", strict=True):
        layer = f"encoder.layer.0.attention.self.{name}"
        arrays[f"{layer}.weight"] = numbers[f"W_{letter}"].T.astype("float32")
        arrays[f"{layer}.bias"] = numbers[f"b_{letter}"].astype("float32")
    sizes = {
        **BERT_SIZES,
        "hidden_size": 4,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    published_source(tmp_path / "source", "ponet", arrays, MANY_WORDS, **sizes)
    convert(tmp_path / "source", tmp_path / "preset")
    backbone = HybridBertBackbone.from_preset(str(tmp_path / "preset"))
    found = backbone.transformer_layers[0].mixed_attention.pooling(
        numbers["x"].astype("float32"),
        padding_mask=numbers["pad"].astype("int32"),
        special_mask=numbers["special"].astype("int32"),
        pooling_segment_ids=numbers["seg"].astype("int32"),
    )
    np.testing.assert_allclose(found, numbers["G1_bert_trick"], atol=1e-5)


@pytest.mark.parametrize("with_pooler", [True, False])
def test_ponet_of_pre_training(with_pooler, tmp_path):
    """ModelScope's masked LM has no pooler, HuggingFace's file has more."""
    arrays = bert_arrays(PONET, "ponet.")
    arrays |= random_arrays(head_shapes(VOCABULARY, HIDDEN), seed=6)
    table = arrays["ponet.embeddings.word_embeddings.weight"]
    arrays["cls.predictions.decoder.weight"] = table
    left_out = {}
    if with_pooler:
        left_out = random_arrays(
            {
                "cls.seq_relationship.weight": (3, HIDDEN),
                "cls.seq_relationship.bias": (3,),
            }
        )
    else:
        arrays = {k: v for k, v in arrays.items() if "pooler" not in k}
    published_source(
        tmp_path / "source",
        "ponet",
        {**arrays, **left_out},
        MANY_WORDS,
        **BERT_SIZES,
    )
    report = convert(tmp_path / "source", tmp_path / "preset")["presets"]["."]
    assert set(report["left_out"]) == set(left_out)
    assert set(report["left_out"].values()) <= {
        "no task here relates two sentences"
    }
    pooler = ["pooled_dense/bias", "pooled_dense/kernel"]
    assert report["random"] == ([] if with_pooler else pooler)
    masked_lm = HybridBertMaskedLM.from_preset(str(tmp_path / "preset"))
    positions = np.tile(np.arange(13), (3, 1)).astype("int32")
    found = masked_lm({**bert_inputs(), "mask_positions": positions})
    bare = {name.removeprefix("ponet."): a for name, a in arrays.items()}
    bare |= random_arrays({"pooler.dense.weight": (HIDDEN, HIDDEN)})
    bare |= random_arrays({"pooler.dense.bias": (HIDDEN,)})
    states, _ = encoder(bare, bert_inputs(), HEADS_OF_LAYER, [2, 3])
    expected = masked_lm_logits(
        bare, states, "embeddings.word_embeddings.weight"
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


# (heads, ratio) -> heads of each branch and their width, by either rule, for
# 24 hidden features.
RULES = {
    (12, 2): {"official": (6, 2), "hugging_face": (6, 2)},
    (12, 3): {"official": (4, 2), "hugging_face": (4, 3)},
    (12, 4): {"official": (3, 2), "hugging_face": (3, 4)},
    (1, 2): {"official": (1, 24), "hugging_face": (1, 12)},
}


@pytest.mark.parametrize("rule", ["hugging_face", "official"])
@pytest.mark.parametrize("heads, ratio", RULES)
def test_head_ratio(heads, ratio, rule, tmp_path):
    count, width = RULES[heads, ratio][rule]
    model = ratio_source(tmp_path / "source", heads, ratio, count, width)
    convert(tmp_path / "source", tmp_path / "preset", head_rule=rule)
    found = ConvBertBackbone.from_preset(str(tmp_path / "preset"))
    assert found.mixers[0] == {"attention": count, "span_conv": count}
    assert_same_weights(found, model)
    np.testing.assert_array_equal(
        as_numpy(found(small_inputs())["sequence_output"]),
        as_numpy(model(small_inputs())["sequence_output"]),
    )
    arrays = hugging_face_state_dict(model)
    assert {name: a.shape for name, a in arrays.items()} == conv_bert_shapes(
        count, width, 2, len(WORDS), 23, 14, 24, 28, taps=5
    )
    np.testing.assert_allclose(
        found(small_inputs())["sequence_output"],
        conv_bert(arrays, small_inputs(), count),
        atol=1e-5,
    )
    other = "official" if rule == "hugging_face" else "hugging_face"
    if RULES[heads, ratio][other] != (count, width):
        with pytest.raises(InputError, match=f"pass head_rule='{rule}'"):
            convert(tmp_path / "source", tmp_path / "no", head_rule=other)
    if rule == "hugging_face":  # which it is unless told otherwise
        convert(tmp_path / "source", tmp_path / "again")


def ratio_source(directory, heads, ratio, count, width):
    """Writes a model with heads of a width, and a configuration's ratio."""
    model = small_backbone(
        hidden_dim=24,
        num_heads=24 // width,
        mixers=[{"attention": count, "span_conv": count}] * 2,
        padding="leak",
    )
    randomise(model)
    published_source(
        directory,
        "convbert",
        hugging_face_state_dict(model),
        vocab_size=len(WORDS),
        embedding_size=14,
        hidden_size=24,
        num_attention_heads=heads,
        head_ratio=ratio,
        conv_kernel_size=5,
        intermediate_size=28,
        num_hidden_layers=2,
        max_position_embeddings=23,
    )
    return model
