"""A damaged source is one sentence, and leaves nothing behind."""

import json
import random
import re
import sys

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import hugging_face_source as their_source
from keras_mixattn.conversion import plan
from keras_mixattn.errors import InputError
from tests.conversion.corruptions import CONFIG
from tests.conversion.corruptions import FORMATS
from tests.conversion.corruptions import VOCABULARY
from tests.conversion.corruptions import WEIGHTS
from tests.conversion.corruptions import corrupt
from tests.conversion.corruptions import outcome
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source
from tests.conversion.sources import in_parts
from tests.conversion.sources import rewrite
from tests.fixtures import shared_file

BIAS = "encoder.layer.1.output.dense.bias"


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "source"
    hugging_face_source(directory)
    (directory / "tokenizer.json").unlink()  # vocab.txt alone
    return directory


def refused(source, **options):
    """Converts, and returns the one sentence of the refusal."""
    target = source.parent / "new" / "preset"
    with pytest.raises(InputError) as error:
        convert(source, target, **options)
    message = str(error.value)
    print(message)
    assert "\n" not in message and message.endswith(".")
    assert not target.parent.exists()
    return message


def config(**changes):
    return lambda source: edit_json(source / CONFIG, **changes)


def arrays(change):
    return lambda source: rewrite(source, change)


def content(file, change):
    def damage(source):
        path = source / file
        path.write_bytes(change(path.read_bytes()))

    return damage


def header(change):
    """Changes the header of the weights and nothing else."""

    def damage(source):
        whole = (source / WEIGHTS).read_bytes()
        length = int.from_bytes(whole[:8], "little")
        entries = json.loads(whole[8 : 8 + length])
        change(entries)
        text = json.dumps(entries).encode()
        (source / WEIGHTS).write_bytes(
            len(text).to_bytes(8, "little") + text + whole[8 + length :]
        )

    return damage


def gone(file):
    return lambda source: (source / file).unlink()


def not_finite(a):
    a = dict(a)
    a[BIAS] = np.full_like(a[BIAS], np.nan)
    return a


DAMAGES = {
    "truncated weights": (content(WEIGHTS, lambda c: c[:-9]), "bytes long"),
    "weights that are too long": (
        content(WEIGHTS, lambda c: c + b"x"),
        "bytes long, its header says",
    ),
    "weights of three bytes": (
        content(WEIGHTS, lambda c: c[:3]),
        "shorter than 8 bytes",
    ),
    "no header": (
        content(WEIGHTS, lambda c: c[:8] + b"x" * (len(c) - 8)),
        "no JSON",
    ),
    "a header of 2^63 bytes": (
        content(WEIGHTS, lambda c: b"\xff" * 8 + c[8:]),
        "its header would be",
    ),
    "a header that is a list": (
        content(WEIGHTS, lambda c: (2).to_bytes(8, "little") + b"[]"),
        "no JSON object",
    ),
    "an unknown data type": (
        header(lambda h: h[BIAS].update(dtype="F8")),
        "unknown data type 'F8'",
    ),
    "a data type that is no name": (
        header(lambda h: h[BIAS].update(dtype=[])),
        r"unknown data type \[\]",
    ),
    "whole numbers for weights": (
        header(lambda h: h[BIAS].update(dtype="I32")),
        f"'{BIAS}' .* int32; .*must be of float32",
    ),
    "a shape of another size": (
        header(lambda h: h[BIAS].update(shape=[21])),
        "takes 80 bytes",
    ),
    "a shape beyond all memory": (
        header(lambda h: h[BIAS].update(shape=[2**62, 2**62])),
        "takes 80 bytes",
    ),
    "a negative shape": (
        header(lambda h: h[BIAS].update(shape=[-4, -5])),
        "no shape of whole numbers",
    ),
    "arrays that overlap": (
        header(lambda h: h[BIAS].update(data_offsets=[0, 80])),
        "leave a gap",
    ),
    "an incomplete entry": (
        header(lambda h: h[BIAS].pop("shape")),
        f"the entry of '{BIAS}' is incomplete",
    ),
    "another shape": (
        arrays(lambda a: {**a, BIAS: np.ones(21, "f4")}),
        rf"'{BIAS}' should have the shape \(20,\).*\(21,\)",
    ),
    "a missing tensor": (
        arrays(lambda a: {k: v for k, v in a.items() if k != BIAS}),
        f"Missing: {BIAS}. Unused: none",
    ),
    "an unused tensor": (
        arrays(lambda a: {**a, "wings": np.ones(3, "f4")}),
        "Missing: none. Unused: wings",
    ),
    "values that are not finite": (arrays(not_finite), f"'{BIAS}' .* finite"),
    "no weights": (gone(WEIGHTS), "holds no weights; it needs one of"),
    "no configuration": (gone(CONFIG), "of no known kind"),
    "a configuration that is no JSON": (
        content(CONFIG, lambda c: c[:-5]),
        "config.json' is no JSON",
    ),
    "a configuration that is a list": (
        content(CONFIG, lambda c: b"[1]"),
        "holds no JSON object",
    ),
    "an unknown model": (
        config(model_type="roberta"),
        "model_type='roberta'; legal ones are convbert, electra, bert, ponet",
    ),
    "a model type that is no name": (config(model_type=["bert"]), "legal ones"),
    "no model type": (config(model_type=None), "model_type=None"),
    "a preset of Keras": (config(registered_name="a>b"), "preset of Keras"),
    "a size that is no number": (
        config(hidden_size="20"),
        "'hidden_size' of .* must be a positive whole number",
    ),
    "a missing size": (config(vocab_size=None), "'vocab_size' of"),
    "no embedding": (
        arrays(lambda a: {k: v for k, v in a.items() if "word" not in k}),
        "embeddings.word_embeddings.weight' should have .* Received: nothing",
    ),
    "a size that no tensor has": (
        config(vocab_size=10**9),
        r"should have the shape \(1000000000, 14\)",
    ),
    "more layers than weights": (
        config(num_hidden_layers=3),
        "num_hidden_layers=3, but the weights are those of 2",
    ),
    "layers beyond all memory": (
        config(num_hidden_layers=10**13),
        "num_hidden_layers=10000000000000, but the weights are those of 2",
    ),
    "layers beyond all numbers": (
        config(num_hidden_layers=10**20),
        "num_hidden_layers=100000000000000000000, but",
    ),
    "heads beyond all memory": (
        config(num_attention_heads=10**20),
        "cannot be cut into 100000000000000000000 heads",
    ),
    "heads that do not fit": (
        config(num_attention_heads=6),
        "cannot be cut into 6 heads",
    ),
    "a kernel beyond all memory": (
        config(conv_kernel_size=10**12 + 1),
        r"should have the shape \(20, 1, 1000000000001\)",
    ),
    "another kernel": (config(conv_kernel_size=7), "should have the shape"),
    "groups that do not fit": (config(num_groups=3), "cannot be built"),
    "an unknown activation": (
        config(hidden_act="gelu_new"),
        "hidden_act='gelu_new'; legal ones are gelu, relu",
    ),
    "positions that are relative": (
        config(position_embedding_type="relative_key"),
        "only position_embedding_type='absolute'",
    ),
    "a decoder": (config(is_decoder=True), "only is_decoder=False"),
    "a share beyond one": (
        config(hidden_dropout_prob=1.5),
        "'hidden_dropout_prob' of .* from 0 to below 1",
    ),
    "another ratio of heads": (
        config(head_ratio=4),
        r"conv_kernel_layer.weight' should have the shape \(5, 10\)",
    ),
    "no vocabulary": (gone(VOCABULARY), "vocab.txt' cannot be read"),
    "a vocabulary that is not UTF-8": (
        content(VOCABULARY, lambda c: c + b"\xff\n"),
        "is not UTF-8 at byte",
    ),
    "a shorter vocabulary": (
        content(VOCABULARY, lambda c: c[: c.rindex(b"\n", 0, -1) + 1]),
        "has 12 tokens, the embedding 13 rows",
    ),
    "a longer vocabulary": (
        content(VOCABULARY, lambda c: c + b"more\n"),
        "has 14 tokens, the embedding 13 rows",
    ),
    "a vocabulary with a token twice": (
        content(VOCABULARY, lambda c: c.replace(b"film", b"good")),
        "damaged: of 13 tokens 1 repeat an earlier one",
    ),
    "a vocabulary with an empty line": (
        content(VOCABULARY, lambda c: c.replace(b"film", b"")),
        "1 are empty",
    ),
    "a vocabulary that was garbled": (
        content(VOCABULARY, lambda c: c.replace(b"film", b"fi\xef\xbf\xbd")),
        "1 hold a replacement character",
    ),
    "no special tokens": (
        content(VOCABULARY, lambda c: c.replace(b"[MASK]", b"mask")),
        r"lacks the special tokens \[MASK\]",
    ),
    "a flag that is none": (
        lambda source: edit_json(
            source / "tokenizer_config.json", do_lower_case="yes"
        ),
        "'do_lower_case' of .* must be true or false",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named(name, source):
    damage, words = DAMAGES[name]
    damage(source)
    assert re.search(words, refused(source))


def test_damaged_vocabulary_of_the_official_repository(source):
    path = shared_file("data", "vocab", "convbert_repo_damaged.txt")
    message = refused(source, vocabulary=path)
    assert "of 30522 tokens 1008 repeat" in message
    assert "hold a replacement character" in message


TOKENIZERS = {
    "byte pairs": (
        lambda t: t["model"].update(type="BPE"),
        "The model of .* must be a WordPiece",
    ),
    "another normalizer": (
        lambda t: t.update(normalizer=None),
        "The normalizer of .* BertNormalizer.*None",
    ),
    "another cut": (
        lambda t: t["pre_tokenizer"].update(type="Metaspace"),
        "The pre_tokenizer of .* BertPreTokenizer",
    ),
    "another longest word": (
        lambda t: t["model"].update(max_input_chars_per_word=200),
        "'max_input_chars_per_word' of .* must be 100",
    ),
    "no cleaning": (
        lambda t: t["normalizer"].update(clean_text=False),
        "'clean_text'",
    ),
    "ids with a gap": (
        lambda t: t["model"]["vocab"].update(film=99),
        "are not 0, 1, 2",
    ),
    "no ids": (lambda t: t["model"].pop("vocab"), "is incomplete"),
    "tokens of its own": (
        lambda t: t["added_tokens"].append(
            {"content": "<eos>", "id": 13, "special": False}
        ),
        "adds the tokens <eos>",
    ),
    "other words": (
        lambda t: t["model"]["vocab"].update({"good": 7, "bad": 6}),
        "hold different vocabularies",
    ),
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizers_of_another_kind(name, tmp_path):
    hugging_face_source(tmp_path / "source")
    path = tmp_path / "source" / "tokenizer.json"
    change, words = TOKENIZERS[name]
    tokenizer = json.loads(path.read_text())
    change(tokenizer)
    path.write_text(json.dumps(tokenizer))
    assert re.search(words, refused(tmp_path / "source"))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda m: m.update(x="../secret"), "must name a file beside it"),
        (lambda m: m.update(x=3), "must name a file beside it"),
        (
            lambda m: m.pop(BIAS),
            f"differ in the tensors {BIAS}",
        ),
        (
            lambda m: m.update(extra="model-00001-of-00003.safetensors"),
            "differ in the tensors extra",
        ),
        (lambda m: m.update(x="model-4.safetensors"), "cannot be read"),
    ],
)
def test_damaged_index(change, words, source):
    in_parts(source)
    path = source / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    change(index["weight_map"])
    path.write_text(json.dumps(index))
    assert words in refused(source)


def test_damaged_h5(source):
    (source / WEIGHTS).rename(source / "tf_model.h5")
    assert "is not a whole HDF5 file" in refused(source)


def test_pickle_without_torch(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (source / WEIGHTS).rename(source / "pytorch_model.bin")
    assert "can only be read with PyTorch" in refused(source)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"task": "dance"}, "`task` must be one of backbone, masked_lm"),
        ({"head_rule": "mine"}, "`head_rule` must be one of"),
        ({"wings": 2}, "wings is no argument of a backbone"),
        ({"architecture": "base"}, "`architecture` is for checkpoints"),
        ({"revision": "v2"}, "`revision` is for the hub"),
        ({"vocabulary": "nowhere.txt"}, "'nowhere.txt' cannot be read"),
        ({"class_names": ["a"]}, "`class_names` is for text_classifier and"),
        ({"max_sequence_length": 10**13}, "should have the shape (1000"),
        ({"num_segments": 10**20}, "should have the shape (1000"),
        ({"embedding_dim": 10**13}, "should have the shape (13, 1000"),
        ({"kernel_size": 10**13 + 1}, "should have the shape (20, 1, 1000"),
        (
            {"mixers": [{"attention": 2, "span_conv": 2}, {"pooling": 10**9}]},
            "layer.1.attention.output.dense.weight' should have the shape",
        ),
        ({"mixers": [{"attention": 2}, 3]}, "cannot be built"),
        ({"mixers": [{"attention": 2}]}, "cannot be built"),
        ({"num_heads": 10**13}, "should have the shape (20, 0)"),
    ],
)
def test_options_that_mean_nothing(options, words, source):
    assert words in refused(source, **options)


def test_head_rule_is_for_conv_bert(tmp_path):
    hugging_face_source(
        tmp_path / "source", mixers=[{"attention": 4}] * 2, num_groups=1
    )
    message = refused(tmp_path / "source", head_rule="official")
    assert "`head_rule` is for a ConvBERT" in message


def test_other_head_rule_is_offered_only_if_it_fits(source):
    def other_query(a):
        name = "encoder.layer.0.attention.self.query.bias"
        return {**a, name: np.ones(9, "f4")}

    rewrite(source, other_query)
    assert "received: (9,); fetch both anew" in refused(source)


def test_what_the_checkpoint_lacks_is_of_a_file(source):
    rewrite(source, lambda a: {**a, "wings": np.ones(3, "f4")})
    assert "fetch 'model.safetensors' anew" in refused(source)


@pytest.mark.parametrize("where", ["building", "assigning"])
@pytest.mark.parametrize("name", ["MemoryError", "ResourceExhaustedError"])
def test_memory_that_is_full_is_one_sentence(name, where, source, monkeypatch):
    """TensorFlow has an error of its own for it."""
    base = MemoryError if name == "MemoryError" else Exception
    error = type(name, (base,), {})

    def fail(*_, **__):
        raise error("cannot allocate 9 GB\n at ...")

    if where == "building":
        monkeypatch.setattr(plan, "_build", fail)
    else:
        monkeypatch.setattr(their_source, "assign_state_dict", fail)
    message = refused(source)
    assert "memory is too small for the ConvBERT" in message
    assert "cannot allocate 9 GB; convert" in message


def test_sources_that_are_none(tmp_path):
    (tmp_path / "source").mkdir()
    assert "of no known kind" in refused(tmp_path / "source")
    assert "does not exist" in refused(tmp_path / "nothing")


def test_existing_directories_are_kept(source):
    target = source.parent / "preset"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists; choose another"):
        convert(source, target)
    assert (target / "mine.txt").read_text() == "mine"
    edit_json(source / CONFIG, model_type="no")
    with pytest.raises(InputError, match="model_type"):
        convert(source, target, overwrite=True)
    assert (target / "mine.txt").read_text() == "mine"
    edit_json(source / CONFIG, model_type="convbert")
    convert(source, target, overwrite=True)
    assert not (target / "mine.txt").exists()
    assert (target / "conversion.json").exists()
    assert {path.name for path in source.parent.iterdir()} == {
        "source",
        "preset",
    }
    with pytest.raises(InputError, match="cannot be written"):
        convert(source, source / CONFIG / "preset")


@pytest.mark.parametrize("seed", range(60))
def test_corruptions_are_refused_or_taken_at_their_word(seed, source):
    check_corruption("safetensors", seed, source)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("form", ["h5", "tokenizer", "tensorflow1"])
def test_corruptions_of_other_formats(form, seed, tmp_path):
    FORMATS[form].write(tmp_path / "source")
    check_corruption(form, seed, tmp_path / "source")


def check_corruption(form, seed, source):
    how = corrupt(source, FORMATS[form].files, random.Random(seed))
    found, said = outcome(FORMATS[form], source, source.parent / "preset")
    assert found in ("refused", "right"), (how, found, said)
    print(how, found, said)


def test_valid_sources_are_right(tmp_path):
    for form in ("safetensors", "h5", "tokenizer", "tensorflow1"):
        (tmp_path / form).mkdir()
        FORMATS[form].write(tmp_path / form / "source")
        assert outcome(
            FORMATS[form], tmp_path / form / "source", tmp_path / form / "p"
        ) == ("right", "")
