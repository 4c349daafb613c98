"""The same weights in HuggingFace's PyTorch model give the same numbers."""

import numpy as np
import pytest

from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.conversion import load_hugging_face_state_dict
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM
from tests.fixtures import shared_file
from tests.models.builders import TEXTS
from tests.models.builders import WORDS
from tests.models.builders import tokenizer

pytestmark = pytest.mark.parity

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def peer_config(backbone):
    return transformers.ConvBertConfig(
        vocab_size=backbone.vocabulary_size,
        hidden_size=backbone.hidden_dim,
        num_hidden_layers=backbone.num_layers,
        num_attention_heads=backbone.num_heads,
        intermediate_size=backbone.intermediate_dim,
        embedding_size=backbone.embedding_dim,
        conv_kernel_size=backbone.kernel_size,
        num_groups=backbone.num_groups,
        max_position_embeddings=backbone.max_sequence_length,
        pad_token_id=0,
    )


def bert_backbone(num_layers=12):
    """BERT-base, every weight moved away from its plain initial value."""
    backbone = HybridBertBackbone.from_architecture(
        "base", num_layers=num_layers, mixers=[{"attention": 12}] * num_layers
    )
    move(backbone)
    return backbone


def move(model):
    rng = np.random.default_rng(2)
    for weight in model.weights:
        noise = rng.normal(0.0, 0.02, weight.shape).astype("float32")
        weight.assign_add(noise)


def bert_config(backbone):
    return transformers.BertConfig(
        vocab_size=backbone.vocabulary_size,
        hidden_size=backbone.hidden_dim,
        num_hidden_layers=backbone.num_layers,
        num_attention_heads=backbone.num_heads,
        intermediate_size=backbone.intermediate_dim,
        max_position_embeddings=backbone.max_sequence_length,
        hidden_act="gelu",
        layer_norm_eps=1e-12,
    )


def tensors(state_dict):
    return {name: torch.tensor(value) for name, value in state_dict.items()}


def inputs(vocabulary_size, lengths, tokens):
    rng = np.random.default_rng(0)
    mask = (np.arange(tokens) < np.array(lengths)[:, None]).astype("int32")
    ids = rng.integers(5, vocabulary_size, mask.shape) * mask
    segments = (np.arange(tokens) >= tokens // 3).astype("int32") * mask
    return {
        "token_ids": ids.astype("int32"),
        "segment_ids": segments,
        "padding_mask": mask,
    }


def peer_inputs(ours):
    return {
        "input_ids": torch.tensor(ours["token_ids"]).long(),
        "token_type_ids": torch.tensor(ours["segment_ids"]).long(),
        "attention_mask": torch.tensor(ours["padding_mask"]).long(),
    }


@pytest.mark.parametrize("architecture", ["small", "medium_small", "base"])
def test_last_hidden_state(architecture):
    backbone = ConvBertBackbone.from_architecture(architecture, padding="leak")
    peer = transformers.ConvBertModel(peer_config(backbone)).eval()
    result = peer.load_state_dict(tensors(hugging_face_state_dict(backbone)))
    assert not result.missing_keys
    assert not result.unexpected_keys
    ours = inputs(backbone.vocabulary_size, [67, 41, 1], 67)
    found = backbone.predict(ours, verbose=0)["sequence_output"]
    with torch.no_grad():
        expected = peer(**peer_inputs(ours)).last_hidden_state.numpy()
    difference = np.abs(found - expected).max()
    print(f"{architecture}: {difference:.2e}")
    assert difference < 2e-5


def test_weights_of_the_peer_load():
    backbone = ConvBertBackbone.from_architecture(
        "medium_small", num_layers=2, padding="leak"
    )
    torch.manual_seed(0)
    peer = transformers.ConvBertModel(peer_config(backbone)).eval()
    state_dict = {k: v.numpy() for k, v in peer.state_dict().items()}
    load_hugging_face_state_dict(backbone, state_dict)
    ours = inputs(backbone.vocabulary_size, [31, 13], 31)
    found = backbone(ours)["sequence_output"]
    with torch.no_grad():
        expected = peer(**peer_inputs(ours)).last_hidden_state.numpy()
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_masked_lm_logits():
    masked_lm = ConvBertMaskedLM(
        ConvBertBackbone.from_architecture(
            "small", num_layers=2, padding="leak"
        )
    )
    peer = transformers.ConvBertForMaskedLM(peer_config(masked_lm.backbone))
    peer.eval().load_state_dict(tensors(hugging_face_state_dict(masked_lm)))
    ours = inputs(30522, [29, 17], 29)
    positions = np.tile(np.arange(29), (2, 1))
    found = masked_lm({**ours, "mask_positions": positions})
    with torch.no_grad():
        expected = peer(**peer_inputs(ours)).logits.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_bert():
    backbone = bert_backbone()
    peer = transformers.BertModel(bert_config(backbone)).eval()
    peer.load_state_dict(tensors(hugging_face_state_dict(backbone)))
    ours = inputs(backbone.vocabulary_size, [67, 41, 1], 67)
    found = backbone.predict(ours, verbose=0)
    with torch.no_grad():
        expected = peer(**peer_inputs(ours))
    for name, other in (
        ("sequence_output", expected.last_hidden_state),
        ("pooled_output", expected.pooler_output),
    ):
        difference = np.abs(found[name] - other.numpy()).max()
        print(f"BERT, {name}: {difference:.2e}")
        assert difference < 2e-5


def test_weights_of_a_bert_peer_load():
    backbone = bert_backbone(num_layers=2)
    torch.manual_seed(0)
    peer = transformers.BertModel(bert_config(backbone)).eval()
    state_dict = {k: v.numpy() for k, v in peer.state_dict().items()}
    load_hugging_face_state_dict(backbone, state_dict)
    ours = inputs(backbone.vocabulary_size, [31, 13], 31)
    found = backbone(ours)
    with torch.no_grad():
        expected = peer(**peer_inputs(ours))
    np.testing.assert_allclose(
        found["sequence_output"], expected.last_hidden_state, atol=2e-5
    )
    np.testing.assert_allclose(
        found["pooled_output"], expected.pooler_output, atol=2e-5
    )


def test_bert_masked_lm_logits():
    masked_lm = HybridBertMaskedLM(bert_backbone(num_layers=2))
    move(masked_lm.masked_lm_head)
    peer = transformers.BertForMaskedLM(bert_config(masked_lm.backbone)).eval()
    result = peer.load_state_dict(
        tensors(hugging_face_state_dict(masked_lm)), strict=False
    )
    assert not result.missing_keys
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert set(result.unexpected_keys) == pooler
    ours = inputs(30522, [29, 17], 29)
    positions = np.tile(np.arange(29), (2, 1))
    found = np.asarray(masked_lm({**ours, "mask_positions": positions}))
    with torch.no_grad():
        expected = peer(**peer_inputs(ours)).logits.numpy()
    difference = np.abs(found - expected).max()
    print(f"BERT, logits: {difference:.2e}")
    assert difference < 2e-5
    state_dict = {k: v.numpy() for k, v in peer.state_dict().items()}
    load_hugging_face_state_dict(masked_lm, state_dict)


@pytest.mark.parametrize("vocabulary", ["own", "shared"])
def test_token_ids(vocabulary, tmp_path):
    ours, path = tokenizer(), tmp_path / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n")
    if vocabulary == "shared":
        path = shared_file("data", "vocab", "bert_base_uncased.txt")
        ours = type(ours)(str(path), lowercase=True)
    peer = transformers.BertTokenizer(str(path))
    for text in [*TEXTS, "Ça n'est pas l'Été!", "日本語 and naïve—text", ""]:
        expected = peer(text, add_special_tokens=False)["input_ids"]
        assert [int(i) for i in ours(text)] == expected, text
