"""The ids are those of HuggingFace's fast BERT tokenizer, in both paths."""

import bisect
import random
import unicodedata

import numpy as np
import pytest
import tokenizers

from keras_mixattn.models import ConvBertTokenizer
from keras_mixattn.models.bert_characters import character_map
from tests.fixtures import shared_file

SETTINGS = [
    {"lowercase": True},
    {"lowercase": False},
    {"lowercase": True, "strip_accents": False},
    {"lowercase": False, "strip_accents": True},
    {"lowercase": True, "split_on_cjk": False},
]
SURROGATES = range(0xD800, 0xE000)
# Where there are characters, and the ends of what is private.
POINTS = [
    point
    for some in ((0, 0x32000), (0xDFFF0, 0xE0200), (0xEFFF0, 0xF0010))
    for point in range(*some)
    if point not in SURROGATES
] + list(range(0xFFFF0, 0x110000, 997))
# What other tokenizers get wrong: letters that fold to others, all kinds of
# white space, characters that are not to be seen, young punctuation.
ODD = (
    "ßẞİıſﬀﬁΣςσÅ\u212bΩK\u212aⅧ①½²ｆ\u01c6\u0149\u0390\u1f88\u0345\u0f71"
    "\xad\u200b\u200d\ufeff\xa0\u3000\u2003\x85\u2028\u2029\x00\x1c\x1d\ufffd"
    "\u0301\u0327’“–—_^$`~|+=<>@#\u061d\u2e5d\ue000\U000e0041\U0001e900"
)
SCRIPTS = [
    range(0x370, 0x3FF),  # Greek
    range(0x400, 0x460),  # Cyrillic
    range(0x600, 0x6FF),  # Arabic
    range(0x900, 0x97F),  # Devanagari
    range(0xE00, 0xE60),  # Thai
    range(0x3040, 0x30FF),  # Japanese
    range(0x4E00, 0x9FFF),  # Chinese
    range(0xAC00, 0xD7A4),  # Korean
    range(0x1F00, 0x2000),  # Greek with accents
]


def vocabulary():
    path = shared_file("data", "vocab", "bert_base_uncased.txt")
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def reference(words, lowercase, strip_accents=None, split_on_cjk=True):
    """BERT's tokenizer of the package `tokenizers`."""
    ids = {word: number for number, word in enumerate(words)}
    peer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            ids, unk_token="[UNK]", max_input_chars_per_word=100
        )
    )
    peer.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_on_cjk,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    peer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return peer


def expected_ids(peer, texts):
    return [encoding.ids for encoding in peer.encode_batch(texts)]


def in_graph(tokenizer, texts):
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices(texts).batch(256)
    return [ids for batch in rows.map(tokenizer) for ids in batch.to_list()]


def random_texts(words, count, seed=0):
    rng = random.Random(seed)
    anything = [p for p in range(0x110000) if p not in SURROGATES]
    composed = [
        p
        for p in range(0x30000)
        if p not in SURROGATES
        and unicodedata.normalize("NFD", chr(p)).lower() != chr(p)
    ]

    def one():
        kind = rng.randrange(4)
        length = rng.randrange(40)
        if kind == 0:
            return "".join(chr(rng.choice(anything)) for _ in range(length))
        if kind == 1:
            script = rng.choice(SCRIPTS)
            return "".join(
                chr(rng.choice(script)) if rng.random() < 0.9 else " "
                for _ in range(length)
            )
        if kind == 2:
            letter = rng.choice(["a", "ж", "ก", "\U00010428", "é", "한"])
            return f"a {letter * rng.choice([25, 34, 50, 51, 99, 100, 101])} b"
        return "".join(
            rng.choice(
                [
                    rng.choice(ODD),
                    chr(rng.choice(composed)),
                    rng.choice(words),
                    rng.choice(words).title() + " ",
                ]
            )
            for _ in range(length)
        )

    return [one() for _ in range(count)]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_character(setting):
    """Alone between two letters, and by the table that graphs use."""
    setting = {"strip_accents": None, "split_on_cjk": True, **setting}
    if setting["strip_accents"] is None:
        setting["strip_accents"] = setting["lowercase"]
    peer = reference(["[UNK]"], **setting)
    characters = character_map(**setting)
    pieces = characters.pieces()
    for start in range(0, len(POINTS), 5000):
        points = POINTS[start : start + 5000]
        text = " ".join(f"a{chr(point)}b" for point in points)
        found = text.translate(characters).split(" ")
        normal = peer.normalizer.normalize_str(text)
        cut = peer.pre_tokenizer.pre_tokenize_str(normal)
        assert [word for word in found if word] == [word for word, _ in cut]
    for point in POINTS:
        number = bisect.bisect_right(pieces.starts, point) - 1
        along = point - pieces.starts[number]
        made = [
            chr(target + along * step)
            for target, step in zip(
                pieces.targets[number], pieces.steps[number], strict=True
            )
        ]
        assert "".join(made) == characters[point], hex(point)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_ids_of_random_texts(setting):
    words = vocabulary()
    tokenizer = ConvBertTokenizer(words, **setting)
    texts = random_texts(words, 600, seed=len(str(setting)))
    expected = expected_ids(reference(words, **setting), texts)
    assert tokenizer(texts) == expected
    assert in_graph(tokenizer, texts) == expected
    unknown = sum(ids.count(100) for ids in expected)
    assert unknown < 0.8 * sum(map(len, expected))  # there is both


def test_ids_of_real_texts():
    words = vocabulary()
    tokenizer = ConvBertTokenizer(words, lowercase=True)
    lines = shared_file("data", "qa", "xquad_en", "xquad.en.json").read_text(
        encoding="utf-8"
    )
    texts = [lines[i : i + 300] for i in range(0, 300_000, 300)]
    expected = expected_ids(reference(words, lowercase=True), texts)
    assert tokenizer(texts) == expected
    assert in_graph(tokenizer, texts) == expected


def test_bytes_that_are_not_utf8_are_left_out():
    words = vocabulary()
    tokenizer = ConvBertTokenizer(words, lowercase=True)
    rng = random.Random(3)
    texts = [
        b"The sea"[: rng.randrange(8)]
        + bytes(rng.randrange(256) for _ in range(rng.randrange(9)))
        + "Café 日本".encode()[rng.randrange(9) :]
        for _ in range(500)
    ]
    readable = [text.decode("utf-8", "replace") for text in texts]
    expected = expected_ids(reference(words, lowercase=True), readable)
    assert tokenizer(texts) == expected
    assert in_graph(tokenizer, texts) == expected


def test_lone_surrogates_are_left_out():
    tokenizer = ConvBertTokenizer(vocabulary(), lowercase=True)
    assert tokenizer(["a \udc80sea"]) == tokenizer(["a sea"])


SMALL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sea", "lake", "##s"]


def test_shapes_of_the_inputs():
    import tensorflow as tf

    tokenizer = ConvBertTokenizer(SMALL, lowercase=True)
    assert tokenizer("Seas lake").tolist() == [5, 7, 6]
    assert tokenizer("Seas lake").dtype == "int32"
    nested = [["sea", "lakes"], ["", "sea lake"]]
    expected = [[[5], [6, 7]], [[], [5, 6]]]
    ragged = tf.ragged.constant([["sea"], ["lakes", "sea"]])
    for array in (nested, np.array(nested), tf.constant(nested)):
        assert tokenizer(array) == expected
    assert tokenizer(ragged) == [[[5]], [[6, 7], [5]]]
    graph = tf.function(tokenizer)
    assert graph(tf.constant("seas lake")).numpy().tolist() == [5, 7, 6]
    assert graph(tf.constant(nested)).to_list() == expected
    assert graph(ragged).to_list() == [[[5]], [[6, 7], [5]]]
    assert graph(tf.constant([], tf.string)).to_list() == []
    with pytest.raises(ValueError, match="strings.*Received: 3"):
        tokenizer([3])


@pytest.mark.parametrize("dtype", ["int32", "string"])
def test_rows_of_equal_length(dtype):
    import tensorflow as tf

    tokenizer = ConvBertTokenizer(SMALL, sequence_length=2, dtype=dtype)
    expected = {
        "int32": [[5, 7], [6, 0], [0, 0]],
        "string": [["sea", "##s"], ["lake", ""], ["", ""]],
    }[dtype]
    texts = ["seas lake", "lake", ""]
    assert np.asarray(tokenizer(texts)).tolist() == expected
    found = tf.function(tokenizer)(tf.constant(texts)).numpy()
    assert (
        np.char.decode(found.astype("S")).tolist()
        == np.asarray(expected, str).tolist()
    )
    found = tf.function(tokenizer)(tf.constant(texts[0])).numpy()
    assert len(found) == 2


@pytest.mark.parametrize(
    "option", [{"split": False}, {"special_tokens_in_strings": True}], ids=str
)
def test_other_ways_to_cut_are_kerashubs(option):
    import keras_hub

    peer = keras_hub.tokenizers.WordPieceTokenizer(SMALL, **option)
    tokenizer = ConvBertTokenizer(SMALL, **option)
    texts = [["seas", "lake"]] if "split" in option else ["seas lake"]
    assert [list(x) for x in tokenizer(texts)] == [list(x) for x in peer(texts)]


def test_vocabulary_is_kept_to_the_letter(tmp_path):
    words = [*SMALL, "\u3000", "\x85x", "a\u2028"]
    ConvBertTokenizer(words).save_to_preset(str(tmp_path))
    (tmp_path / "config.json").write_text(
        '{"registered_name": "keras_mixattn>ConvBertBackbone"}'
    )
    tokenizer = ConvBertTokenizer.from_preset(str(tmp_path))
    assert tokenizer.get_vocabulary() == words
