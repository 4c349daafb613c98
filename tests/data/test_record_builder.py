"""Records: their layout, their documents, their checksums."""

import io

import numpy as np
import pytest

from keras_mixattn.data import describe_shard
from keras_mixattn.data import shard_content
from keras_mixattn.data.record_format import checksums
from keras_mixattn.data.record_format import record_type
from keras_mixattn.data.record_format import unpack_records
from keras_mixattn.errors import InputError
from tests.data.letters import CLS
from tests.data.letters import PAD
from tests.data.letters import SEP
from tests.data.letters import builder
from tests.data.letters import documents
from tests.data.letters import text


def test_layout_of_two_segments():
    records = builder(seed=2, single_rate=0, short_rate=0)(["A B. C. D E. F."])
    assert len(records) == 1
    values = {n: v[0].tolist() for n, v in unpack_records(records, PAD).items()}
    # A B . | C . || D E . | F (its full stop is one token too many)
    a, b, c, d, e, f = range(6, 12)
    assert values["token_ids"] == [CLS, a, b, 5, SEP, c, 5, d, e, 5, f, 5, SEP]
    assert values["segment_ids"] == [0] * 5 + [1] * 8
    assert values["pooling_segment_ids"] == [
        0, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 5, 6,
    ]  # fmt: skip


def test_layout_of_one_segment_with_padding():
    records = builder()(["A B. C."])
    values = {n: v[0].tolist() for n, v in unpack_records(records, PAD).items()}
    assert values["token_ids"] == [CLS, 6, 7, 5, 8, 5, SEP] + [PAD] * 6
    assert not any(values["segment_ids"])
    assert values["pooling_segment_ids"] == [0, 1, 1, 1, 2, 2] + [3] * 7


def test_no_example_has_two_documents():
    # Each document has a word of its own.
    some = [text([word] * 29) for word in "ABCDEFG"]
    token_ids = builder()(some)["token_ids"]
    owners = [set(row[row > 5]) for row in token_ids]
    assert {len(owner) for owner in owners} == {1}
    assert [min(owner) for owner in owners] == sorted(map(min, owners))


def test_documents_can_be_parted_anywhere():
    some = documents(31)
    build = builder(seed=7)
    whole = build(some, (3, 0))
    parted = [build(some[:11], (3, 0)), build(some[11:], (3, 11))]
    np.testing.assert_array_equal(whole, np.concatenate(parted))
    for other in (build(some, (4, 0)), builder(seed=8)(some, (3, 0))):
        assert other.tobytes() != whole.tobytes()


def test_a_long_sentence_is_parted():
    build = builder(10, single_rate=0, short_rate=0)
    records = build(["A B C D E F G A B C D E A B C D E F G."])
    assert records["token_ids"].tolist() == [
        [CLS, 6, 7, 8, 9, 10, SEP, 11, 12, SEP],
        [CLS, 9, 10, 6, 7, 8, SEP, 9, 10, SEP],
    ]
    assert build(["A B C D E F G."])["second_start"] == [0]  # it fits


def test_few_tokens_are_left_out():
    some = ["A.", "A B.", "", "A B C."]
    assert len(builder(min_tokens=3)(some)) == 2
    assert len(builder(min_tokens=9)(some)) == 0


def test_ids_of_any_size():
    assert record_type(128, 1 << 16)["token_ids"].base == np.dtype("<u2")
    assert record_type(128, 1 + (1 << 16))["token_ids"].base == np.dtype("<u4")
    assert record_type(128, 30522).itemsize == 2 * 128 + 128 // 8 + 4 + 4


def test_a_checksum_covers_every_byte():
    records = builder()(documents(1))[:1]
    for place in range(records.itemsize):
        damaged = records.copy()
        damaged.view("u1").reshape(1, -1)[0, place] ^= 4
        assert damaged["checksum"] != checksums(damaged)


def test_what_is_said_of_a_shard():
    records = builder()(documents(31))
    content = shard_content(records)
    said = describe_shard(content, PAD)
    assert said["examples"] == len(records)
    assert said["two_segments"] == (records["second_start"] > 0).sum()
    assert said["tokens"] == (records["token_ids"] != PAD).sum()
    assert said["bytes"] == len(content)
    np.testing.assert_array_equal(np.load(io.BytesIO(content)), records)
    with pytest.raises(ValueError, match="checksum"):
        describe_shard(content[:-1] + bytes([content[-1] ^ 4]), PAD)
    with pytest.raises(ValueError):
        describe_shard(content[:-9], PAD)
    assert describe_shard(shard_content(builder()([])), PAD)["examples"] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 4}, "`sequence_length` is 4; it must be 5 or greater"),
        ({"seed": -1}, "`seed` is -1; it must be 0 or greater"),
        ({"single_rate": 1.5}, "`single_rate` is 1.5; it must lie between"),
    ],
)
def test_illegal_arguments(options, said):
    with pytest.raises(InputError, match=said):
        builder(**options)
