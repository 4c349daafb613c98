"""A tokenizer whose files differ, or that cuts otherwise, is refused."""

import json

import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertTokenizer
from keras_mixattn.models.word_pieces import WordPieces
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source


@pytest.fixture
def source(tmp_path):
    hugging_face_source(tmp_path / "source")
    return tmp_path / "source"


def edit_normalizer(source, **flags):
    path = source / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["normalizer"].update(flags)
    path.write_text(json.dumps(tokenizer))


def converted_tokenizer(source, **options):
    convert(source, source.parent / "preset", overwrite=True, **options)
    return ConvBertTokenizer.from_preset(str(source.parent / "preset"))


def refused(source, words, **options):
    with pytest.raises(InputError, match=words) as error:
        convert(source, source.parent / "no", **options)
    assert "\n" not in str(error.value)
    assert not (source.parent / "no").exists()


@pytest.mark.parametrize(
    "normalizer, config, name",
    [
        ({"lowercase": False, "strip_accents": True}, {}, "lowercase"),
        ({}, {"do_lower_case": False, "strip_accents": True}, "lowercase"),
        ({"strip_accents": False}, {}, "strip_accents"),
        ({}, {"strip_accents": False}, "strip_accents"),
        # What BERT's own class takes for a flag that is missing.
        ({"strip_accents": False}, {"strip_accents": None}, "strip_accents"),
        (
            {"lowercase": False, "strip_accents": True},
            {"do_lower_case": None, "strip_accents": True},
            "lowercase",
        ),
    ],
)
def test_files_that_contradict_each_other(normalizer, config, name, source):
    edit_normalizer(source, **normalizer)
    edit_json(source / "tokenizer_config.json", **config)
    refused(source, f"differ in which they obey; pass `{name}`")
    for flag in (True, False):
        tokenizer = converted_tokenizer(source, **{name: flag})
        assert getattr(tokenizer, name) == flag


def test_chinese_characters_that_contradict_each_other(source):
    edit_normalizer(source, handle_chinese_chars=False)
    refused(source, "tokenize_chinese_chars=True.* correct one of them")


def test_classes_that_obey_the_tokenizer_alone(source):
    """They have no defaults of their own."""
    edit_normalizer(source, lowercase=False, strip_accents=False)
    path = source / "tokenizer_config.json"
    edit_json(
        path,
        tokenizer_class="PreTrainedTokenizerFast",
        do_lower_case=None,
        strip_accents=None,
    )
    assert not converted_tokenizer(source).lowercase
    path.unlink()
    assert not converted_tokenizer(source).lowercase


@pytest.mark.parametrize("is_fast", [True, False])
@pytest.mark.parametrize(
    "changes, words",
    [
        (
            {"tokenizer_class": "BertJapaneseTokenizer"},
            "tokenizer_class='BertJapaneseTokenizer'",
        ),
        ({"do_basic_tokenize": False}, "do_basic_tokenize=False"),
        ({"never_split": ["xyz"]}, "never_split=.'xyz'."),
    ],
)
def test_texts_that_are_cut_otherwise(changes, words, is_fast, source):
    if not is_fast:
        (source / "tokenizer.json").unlink()
    edit_json(source / "tokenizer_config.json", **changes)
    refused(source, words)


@pytest.mark.parametrize("name", ["ConvBertTokenizer", "ElectraTokenizerFast"])
def test_classes_that_cut_as_berts(name, source):
    edit_json(source / "tokenizer_config.json", tokenizer_class=name)
    assert converted_tokenizer(source).lowercase


@pytest.mark.parametrize("special", [True, False])
def test_added_tokens_that_are_no_words(special, source):
    path = source / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"].append(
        {"content": 5, "id": 13, "special": special}
    )
    path.write_text(json.dumps(tokenizer))
    refused(source, "is incomplete")


def test_words_beyond_the_longest_are_not_remembered():
    pieces = WordPieces({"a": 0, "##a": 1, "[UNK]": 2}, "[UNK]", "##")
    for length in range(101, 120):
        assert pieces("a" * length) == ["[UNK]"]
    assert len(pieces("a" * 100)) == 100
    assert list(pieces._known) == ["a" * 100]
