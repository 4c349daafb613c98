"""Vocabularies: same on every run, and no id is ever lost."""

import json
import os
import random
import subprocess
import sys

import pytest
from tokenizers import BertWordPieceTokenizer

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import learn_vocabulary
from keras_mixattn.data import load_vocabulary
from keras_mixattn.data import save_vocabulary
from keras_mixattn.errors import InputError
from tests.fixtures import shared_file

TEXTS = [
    "Low, lower, LOWEST: the slow llama follows.",
    "Une façade élevée; l'été déjà passé, l'élève élevé.",
    "Größe und Straße, größer als Straßen.",
    "東京都は東京の都です。東京。",
]


def random_texts():
    """Words of few letters: very many ties between equally frequent pairs."""
    rng = random.Random(13)
    return [
        " ".join(
            "".join(rng.choices("abcdefghijklm", k=rng.randint(2, 7)))
            for _ in range(50)
        )
        for _ in range(40)
    ]


def test_another_process_learns_the_same():
    expected = learn_vocabulary(random_texts(), 503)
    assert len(set(expected)) == len(expected) == 503
    code = (
        "import json, sys\n"
        "from keras_mixattn.data import learn_vocabulary\n"
        "print(json.dumps(learn_vocabulary(json.load(sys.stdin), 503)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(random_texts()),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "3", "RAYON_NUM_THREADS": "1"},
    )
    assert json.loads(result.stdout) == expected


def test_order_and_pieces():
    tokens = learn_vocabulary(TEXTS * 3, 150)
    assert tuple(tokens[:5]) == SPECIAL_TOKENS
    lengths = [len(token.removeprefix("##")) for token in tokens[5:]]
    num_characters = lengths.count(1)
    assert set(lengths[:num_characters]) == {1}
    assert "low" in tokens
    assert {",", "東", "##l"} < set(tokens)
    assert not {"##,", "##東", "東京", "É", "é"} & set(tokens)


@pytest.mark.parametrize("lowercase", [True, False])
def test_every_text_is_tokenized_without_unknown_pieces(lowercase):
    tokens = learn_vocabulary(TEXTS * 3, 200, lowercase=lowercase)
    tokenizer = BertWordPieceTokenizer(
        {token: index for index, token in enumerate(tokens)},
        lowercase=lowercase,
    )
    for text in TEXTS:
        assert "[UNK]" not in tokenizer.encode(text).tokens
    assert ("L" in tokens) is not lowercase


def test_accents_follow_lowercase_unless_told():
    assert "é" in learn_vocabulary(TEXTS * 3, 200, lowercase=False)
    assert "é" in learn_vocabulary(TEXTS * 3, 200, strip_accents=False)
    assert "é" not in learn_vocabulary(TEXTS * 3, 200)


def test_characters_leave_half_of_the_vocabulary_to_pieces():
    tokens = learn_vocabulary(TEXTS * 3, 41)
    assert len(tokens) == 41
    characters = [t for t in tokens[5:] if len(t.removeprefix("##")) == 1]
    assert 19 <= len(characters) <= 21
    assert {"l", "##l", "e", "##e"} < set(characters)


@pytest.mark.parametrize("size", range(7, 13))
def test_the_size_is_never_exceeded(size):
    assert 7 <= len(learn_vocabulary(["ab ab ab"], size)) <= size


def test_rare_characters_are_left_out():
    texts = ["abab ω", "abab"]
    assert "ω" not in learn_vocabulary(texts, 50)
    assert "ω" in learn_vocabulary(texts, 50, min_frequency=1)


def test_learning_needs_room_and_text():
    with pytest.raises(InputError, match="`vocabulary_size` is 6; .* be 7 or"):
        learn_vocabulary(TEXTS, 6)
    with pytest.raises(InputError, match="no character .*more text"):
        learn_vocabulary([" ", "\n"], 50)
    with pytest.raises(InputError, match="no character .*more text"):
        learn_vocabulary(iter([]), 50)


def test_save_then_load(tmp_path, recwarn):
    tokens = learn_vocabulary(TEXTS * 3, 150)
    path = tmp_path / "new" / "vocab.txt"
    save_vocabulary(tokens, path)
    assert load_vocabulary(path) == tokens
    assert path.read_bytes().count(b"\n") == len(tokens)
    assert [file.name for file in path.parent.iterdir()] == ["vocab.txt"]
    assert not recwarn.list


@pytest.mark.parametrize("bad", ["", "a\nb", "a\r", "[PAD]"])
def test_a_token_that_is_no_line_of_its_own(tmp_path, bad):
    with pytest.raises(InputError, match="repeated, empty or broken"):
        save_vocabulary([*SPECIAL_TOKENS, bad], tmp_path / "vocab.txt")
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "vocab.txt"
    path.write_text("old")

    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(InputError, match="cannot be written: No space"):
        save_vocabulary([*SPECIAL_TOKENS, "a"], path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["vocab.txt"]


def test_every_damage_is_named_and_every_id_kept(tmp_path):
    words = ["caf\ufffd", "", "cafÃ©", "low", "low", "", "##er"]
    path = tmp_path / "vocab.txt"
    lines = [*SPECIAL_TOKENS, *words]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    with pytest.warns(UserWarning) as caught:
        tokens = load_vocabulary(path)
    assert tokens == [
        *SPECIAL_TOKENS,
        "caf\ufffd",
        "[line 6]",
        "cafÃ©",
        "low",
        "[line 9]",
        "[line 10]",
        "##er",
    ]
    (warning,) = caught
    message = str(warning.message)
    for words in (
        "vocab.txt' is damaged",
        "12 lines end in CR LF",
        "2 lines are empty",
        "1 lines repeat",
        "1 lines hold a replacement character",
        "1 lines were decoded with a wrong character set",
        "use an undamaged copy",
    ):
        assert words in message
    assert warning.filename == __file__


def test_special_tokens_are_needed(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[SEP]\na\n")
    with pytest.raises(InputError, match=r"lacks .*\[CLS\] \[MASK\]; add"):
        load_vocabulary(path)
    with pytest.raises(InputError, match="does not exist"):
        load_vocabulary(tmp_path / "other.txt")


def test_the_standard_vocabulary_is_fine(recwarn):
    path = shared_file("data", "vocab", "bert_base_uncased.txt")
    tokens = load_vocabulary(path)
    assert (len(tokens), tokens[2023]) == (30522, "this")
    assert not recwarn.list


def test_the_damaged_vocabulary_is_not():
    path = shared_file("data", "vocab", "convbert_repo_damaged.txt")
    with pytest.warns(
        UserWarning,
        match="30522 lines end in CR LF, 1008 lines repeat.*1346 lines hold",
    ):
        tokens = load_vocabulary(path)
    assert len(set(tokens)) == 30522
    assert tokens[2023] == "this"
