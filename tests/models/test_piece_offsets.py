"""Pieces are the tokenizer's, and their characters are the text's."""

import json
import random
import unicodedata

import numpy as np
import pytest

from keras_mixattn.models import ConvBertTokenizer
from keras_mixattn.models import PieceOffsets
from keras_mixattn.models import word_pieces
from tests.fixtures import shared_file

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Letters that meet: accents apart and together, ligatures, a letter that
# folds to two or to none, Chinese, Hangul apart and together, emoji, white
# space of all kinds, control characters, zero, special tokens.
LETTERS = [
    *"abcxyzABCXYZ0123456789.,'!?-–“[]^$`;",
    *"éÉßﬁﬃ²İıſΣςͺάǆﬀÅ\u212b\u1e9e",
    *"\u0301\u0327\u0308\u0345\u034f\u1161\u11a8\u3164\u115f",
    *"中文日本한글각\uf900\u3400\U00020000",
    *"😀👩\u200d\ufe0f🇩\U0001d504\u0661،؟\u0e33\u0f77",
    *" \t\n\r\x00\x0b\x1f\x7f\x85\xa0\u2003\u3000\u200b\xad\ufeff\u2028",
    "[MASK]",
    "[SEP]",
    "##",
    "##b",
]
SETTINGS = [
    {"lowercase": True},
    {"lowercase": False},
    {"lowercase": True, "strip_accents": False},
    {"lowercase": False, "strip_accents": True},
    {"lowercase": True, "split_on_cjk": False},
]
ROWS = 600  # random texts for each setting


def vocabulary():
    """Returns letters and some pairs, folded or not; some are missing."""
    letters = sorted({letter for entry in LETTERS for letter in entry})
    letters = [one for one in letters if one.isprintable() and one != " "]
    folded = {unicodedata.normalize("NFKC", one).casefold() for one in letters}
    stripped = {
        letter
        for one in letters
        for letter in unicodedata.normalize("NFD", one)
        if unicodedata.category(letter) != "Mn"
    }
    known = [
        one
        for one in sorted(folded | stripped | set(letters))
        if one.strip() and len(one) == 1 and one not in "xX文"
    ]
    pairs = ["ab", "ca", "ss", "fi", "Ab", "12"]
    words = [*known, *pairs]
    return [*SPECIAL, *words, *(f"##{word}" for word in words)]


def random_texts(seed, rows=ROWS):
    rng = random.Random(seed)
    texts = ["", " ", "\x00", "\u0301", "e\u0301", " \u0301", "\u3164", "한글"]
    for _ in range(rows - len(texts)):
        length = rng.randrange(0, 23)
        texts.append("".join(rng.choice(LETTERS) for _ in range(length)))
    # Longer than the hundred bytes of the longest word.
    return [*texts, "ab" * 60, "é" * 51, "a" * 50 + " " + "c" * 101]


def stripped(text):
    """Returns a text with its letters apart and without accents."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def vanishes(character):
    """Whether a character may belong to no piece."""
    return (
        character.isspace()
        or unicodedata.category(character) in ("Cc", "Cf")
        or not stripped(character)
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_pieces_are_the_tokenizers(setting):
    import tensorflow as tf

    tokenizer = ConvBertTokenizer(vocabulary(), **setting)
    texts = random_texts(seed=len(str(setting)))
    found = [pieces.ids for pieces in map(PieceOffsets(tokenizer), texts)]
    eager = [np.asarray(ids).tolist() for ids in tokenizer(texts)]
    assert found == eager
    rows = tf.data.Dataset.from_tensor_slices(texts).batch(101)
    mapped = [ids for batch in rows.map(tokenizer) for ids in batch.to_list()]
    assert found == mapped
    known = sum(token_id != 1 for ids in found for token_id in ids)
    assert known > 0.3 * sum(map(len, found))  # of both kinds there are many


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_pieces_cover_the_text_in_order(setting):
    tokenizer = ConvBertTokenizer(vocabulary(), **setting)
    offsets = PieceOffsets(tokenizer)
    for text in random_texts(seed=2 + len(str(setting))):
        pieces = offsets(text)
        assert pieces.starts == sorted(pieces.starts)
        assert pieces.stops == sorted(pieces.stops)
        covered = set()
        for start, stop in zip(pieces.starts, pieces.stops, strict=True):
            assert 0 <= start < stop <= len(text)
            covered.update(range(start, stop))
        left = [c for i, c in enumerate(text) if i not in covered]
        assert all(map(vanishes, left)), (text, left)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_a_piece_is_made_of_its_characters(setting):
    """Where no letter becomes two, a piece is what its characters become."""
    tokenizer = ConvBertTokenizer(vocabulary(), **setting)
    offsets = PieceOffsets(tokenizer)
    simple = "abcABC019éÉß²ıſ!?-中e\u0301ﬁ "
    checked = 0
    for seed in range(300):
        rng = random.Random(seed)
        text = "".join(rng.choice(simple) for _ in range(rng.randrange(13)))
        # Accents that are kept compose with the letter before them.
        if not tokenizer.strip_accents and "\u0301" in text:
            continue
        pieces = offsets(text)
        for token_id, start, stop in zip(*pieces, strict=True):
            name = tokenizer.id_to_token(token_id).removeprefix("##")
            letters = text[start:stop]
            if tokenizer.strip_accents:
                letters = unicodedata.normalize("NFD", letters)
                letters = letters.replace("\u0301", "")
            if tokenizer.lowercase:
                letters = letters.lower()
            if token_id != 1:
                assert name == letters
                checked += 1
    assert checked > 500


def test_words_are_where_pieces_begin():
    offsets = PieceOffsets(ConvBertTokenizer(vocabulary(), lowercase=True))
    for text in random_texts(seed=3, rows=300):
        words = offsets.words(text)
        assert words == sorted(words)
        begins = {start for start, _ in words}
        ends = {stop for _, stop in words}
        pieces = offsets(text)
        for token_id, start, stop in zip(*pieces, strict=True):
            name = offsets.tokenizer.id_to_token(token_id)
            if token_id == 1:
                assert (start, stop) in words
            elif not name.startswith("##"):
                assert start in begins
        assert {stop for stop in pieces.stops if stop in ends} or not pieces.ids


@pytest.mark.parametrize(
    "text, cuts",
    [
        ("Ab ab", ["Ab", "ab"]),
        ("ABab", ["AB", "ab"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("\u0301éb", ["é", "b"]),
        ("a\x00c\x00", ["a", "c"]),  # control characters part no words
        ("a\x00b", ["a\x00b"]),
        ("ß", ["ß"]),
        ("aßb", ["aßb"]),  # unknown: it is no ss
        ("ﬁb", ["ﬁb"]),
        ("日本", ["日", "本"]),
        ("a\u200db", ["a\u200db"]),
        ("a\u3000b", ["a", "b"]),
        ("İb", ["İb"]),
        ("axb c", ["axb", "c"]),  # x is unknown
        ("😀!", ["😀", "!"]),
        ("[MASK]", ["[", "MASK", "]"]),
    ],
)
def test_known_cuts(text, cuts):
    words = ["ab", "a", "b", "c", "e", "ss", "fi", "日", "本", "!", "[", "]"]
    vocabulary = [*SPECIAL, *words, *(f"##{word}" for word in words), "mask"]
    pieces = PieceOffsets(ConvBertTokenizer(vocabulary, lowercase=True))(text)
    places = zip(pieces.starts, pieces.stops, strict=True)
    assert [text[start:stop] for start, stop in places] == cuts


def test_real_text_with_a_real_vocabulary():
    lines = shared_file("data", "vocab", "bert_base_uncased.txt").read_text(
        encoding="utf-8"
    )
    tokenizer = ConvBertTokenizer(lines.splitlines(), lowercase=True)
    file = shared_file("data", "qa", "xquad_en", "xquad.en.json")
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    contexts = [p["context"] for a in articles for p in a["paragraphs"]]
    offsets = PieceOffsets(tokenizer)
    unknown = tokenizer.token_to_id("[UNK]")
    for context, ids in zip(contexts, tokenizer(contexts), strict=True):
        pieces = offsets(context)
        assert pieces.ids == np.asarray(ids).tolist()
        for token_id, start, stop in zip(*pieces, strict=True):
            name = tokenizer.id_to_token(token_id).removeprefix("##")
            if token_id != unknown:
                assert name in stripped(context[start:stop]).lower()


def test_forgets_words_when_there_are_many(monkeypatch):
    monkeypatch.setattr(word_pieces, "_MOST_WORDS", 3)
    tokenizer = ConvBertTokenizer(vocabulary(), lowercase=True)
    small, fresh = PieceOffsets(tokenizer), PieceOffsets(tokenizer)
    for text in random_texts(seed=5, rows=60):
        assert small(text) == fresh(text)


@pytest.mark.parametrize(
    "option", [{"split": False}, {"special_tokens_in_strings": True}], ids=str
)
def test_other_tokenizers_are_refused(option):
    tokenizer = ConvBertTokenizer(vocabulary(), **option)
    name, value = next(iter(option.items()))
    with pytest.raises(ValueError, match=f"the defaults.*{name}={value}"):
        PieceOffsets(tokenizer)
