"""HuggingFace's models in, the same numbers here; and the way back."""

import numpy as np
import pytest
from keras import ops

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import export_to_hugging_face
from keras_mixattn.conversion.safetensors_file import read_safetensors
from keras_mixattn.models import FAMILIES
from tests.models.builders import SPECIAL

pytestmark = pytest.mark.parity

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

VOCABULARY = 31
TOLERANCE = 2e-5

SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 19,
    "pad_token_id": 0,
}
LABELS = {"id2label": {0: "O", 1: "B-X", 2: "I-X"}}
# Kind of model -> family here, sizes beside the small ones.
KINDS = {
    "ConvBert": (
        "conv_bert",
        {"embedding_size": 14, "conv_kernel_size": 5, "num_groups": 2},
    ),
    "Electra": ("conv_bert", {"embedding_size": 14}),
    "Bert": ("hybrid_bert", {}),
}
# End of the class's name -> name of our task.
TASKS = {
    "Model": "backbone",
    "ForMaskedLM": "masked_lm",
    "ForSequenceClassification": "text_classifier",
    "ForTokenClassification": "token_classifier",
    "ForQuestionAnswering": "span_labeler",
}


def save_peer(directory, kind, end, vocabulary=None, **sizes):
    """Saves a model whose weights are all moved from their initial values."""
    config = getattr(transformers, f"{kind}Config")(
        **{**SMALL, **KINDS[kind][1], **sizes}
    )
    torch.manual_seed(3)
    peer = getattr(transformers, f"{kind}{end}")(config).eval()
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    peer.save_pretrained(directory)
    words = [f"word{number}" for number in range(config.vocab_size - 5)]
    tokens = vocabulary or [*SPECIAL, *words]
    (directory / "vocab.txt").write_text("\n".join(tokens) + "\n")
    return peer


def load(preset, family, end):
    return getattr(FAMILIES[family], TASKS[end]).from_preset(str(preset))


def inputs(vocabulary=VOCABULARY, lengths=(17, 11, 2), tokens=17):
    rng = np.random.default_rng(0)
    mask = (np.arange(tokens) < np.array(lengths)[:, None]).astype("int32")
    ids = rng.integers(5, vocabulary, mask.shape).astype("int32") * mask
    ids[:, 0] = 2
    segments = (np.arange(tokens) >= 1).astype("int32") * mask
    return {"token_ids": ids, "segment_ids": segments, "padding_mask": mask}


def outputs(peer, rows):
    with torch.no_grad():
        return peer(
            input_ids=torch.tensor(rows["token_ids"]).long(),
            token_type_ids=torch.tensor(rows["segment_ids"]).long(),
            attention_mask=torch.tensor(rows["padding_mask"]).long(),
        )


def difference(model, peer, end, rows):
    """The largest difference of the last outputs."""
    expected = outputs(peer, rows)
    if end == "Model":
        pairs = [
            (model(rows)["sequence_output"], expected.last_hidden_state),
        ]
        if getattr(expected, "pooler_output", None) is not None:
            pairs.append((model(rows)["pooled_output"], expected[1]))
    elif end == "ForMaskedLM":
        tokens = rows["token_ids"].shape[1]
        positions = np.tile(np.arange(tokens), (len(rows["token_ids"]), 1))
        found = model({**rows, "mask_positions": positions.astype("int32")})
        pairs = [(found, expected.logits)]
    elif end == "ForQuestionAnswering":
        starts = np.full(len(rows["token_ids"]), -1, "int32")
        found = model({**rows, "start_positions": starts})
        # Here an answer lies in the context or is [CLS].
        mask = rows["segment_ids"] * rows["padding_mask"]
        mask[:, 0] = 1
        pairs = [
            (
                ops.convert_to_numpy(found[f"{side}_logits"])[mask > 0],
                expected[f"{side}_logits"].numpy()[mask > 0],
            )
            for side in ("start", "end")
        ]
    else:
        pairs = [(model(rows), expected.logits)]
    return max(
        np.abs(ops.convert_to_numpy(ours) - np.asarray(theirs)).max()
        for ours, theirs in pairs
    )


def state_dict(directory):
    return {
        name: np.asarray(array)
        for name, array in read_safetensors(
            directory / "model.safetensors"
        ).items()
    }


def assert_loads_whole(directory, kind, end):
    """Transformers finds each key it wants, and no other."""
    cls = getattr(transformers, f"{kind}{end}")
    peer, info = cls.from_pretrained(directory, output_loading_info=True)
    for fault in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[fault], (fault, info[fault])
    return peer.eval()


@pytest.mark.parametrize("end", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind, end, tmp_path):
    labels = LABELS if end.endswith("Classification") else {}
    peer = save_peer(tmp_path / "theirs", kind, end, **labels)
    report = convert(tmp_path / "theirs", tmp_path / "preset")
    assert not report["presets"]["."]["left_out"]
    family = KINDS[kind][0]
    model = load(tmp_path / "preset", family, end)
    found = difference(model, peer, end, inputs())
    print(f"{kind}{end}: {found:.2e}")
    assert found < TOLERANCE
    if labels:
        assert model.class_names == ["O", "B-X", "I-X"]

    export_to_hugging_face(tmp_path / "preset", tmp_path / "again")
    again = assert_loads_whole(tmp_path / "again", kind, end)
    assert again.config.id2label == peer.config.id2label or not labels
    expected = state_dict(tmp_path / "theirs")
    exported = state_dict(tmp_path / "again")
    for name, array in expected.items():
        np.testing.assert_array_equal(exported[name], array)
    assert difference(model, again, end, inputs()) < TOLERANCE
