"""Every token has an id of its own, so its sentence can be told."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.data import SentenceStructureExamples
from keras_mixattn.data import sentence_structure_examples
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertTokenizer

FOLLOWS, SWAPPED, FOREIGN = range(3)


class NumberTokenizer:
    """The word `t41` has the id 41."""

    cls_token_id = 7
    sep_token_id = 5
    pad_token_id = 3
    first_id = 11

    def __call__(self, texts):
        words = tf.strings.split(tf.strings.regex_replace(texts, "[^0-9 ]", ""))
        return tf.strings.to_number(words, tf.int32)


TOKENIZER = NumberTokenizer()


class Corpus:
    """Documents of sentences of given numbers of tokens.

    `sentence_of`, `document_of` and `place_of` (in its sentence) are arrays
    that tell of each token id where it stands; -1 for special tokens.
    """

    def __init__(self, lengths_of_documents):
        ids = itertools.count(NumberTokenizer.first_id)
        places = [(-1, -1, -1)] * NumberTokenizer.first_id
        self.documents, self.sentences = [], []
        for document, lengths in enumerate(lengths_of_documents):
            texts = []
            for length in lengths:
                tokens = list(itertools.islice(ids, length))
                places += [
                    (document, len(self.sentences), n) for n in range(length)
                ]
                self.sentences.append(tokens)
                texts.append(" ".join(f"t{n}" for n in tokens).capitalize())
            self.documents.append("".join(f"{text}. " for text in texts))
        self.document_of, self.sentence_of, self.place_of = np.array(places).T

    def first_ids(self):
        """Returns the first token id of each document."""
        _, ids = np.unique(self.document_of, return_index=True)
        return ids[1:]

    def examples(self, sequence_length, **options):
        return sentence_structure_examples(
            self.documents, TOKENIZER, sequence_length, **options
        )


def random_corpus(documents, sentences, longest, seed=3):
    rng = np.random.default_rng(seed)
    return Corpus(
        [
            rng.integers(1, longest, rng.integers(1, sentences)).tolist()
            for _ in range(documents)
        ]
    )


def spans(row):
    """Returns the token ids of A and of B."""
    first, second = np.flatnonzero(row == TOKENIZER.sep_token_id)
    return row[1:first], row[first + 1 : second]


SEQUENCE_LENGTH = 29


@pytest.fixture(scope="module")
def corpus():
    return random_corpus(503, 71, 13)


@pytest.fixture(scope="module")
def examples(corpus):
    examples = corpus.examples(SEQUENCE_LENGTH, seed=5, passes=9)
    assert len(examples.labels) > 30_000
    return examples


@pytest.fixture(scope="module")
def pairs(examples):
    return [spans(row) for row in examples.token_ids]


def shares(labels):
    return np.bincount(labels, minlength=3) / len(labels)


def test_labels_are_equally_frequent(examples):
    np.testing.assert_allclose(shares(examples.labels), 1 / 3, atol=0.01)


def test_labels_tell_how_the_spans_stand(corpus, examples, pairs):
    for label, (first, second) in zip(examples.labels, pairs, strict=True):
        documents = [set(corpus.document_of[s]) for s in (first, second)]
        sentences = [corpus.sentence_of[s] for s in (first, second)]
        assert {len(some) for some in documents} == {1}
        assert not {*sentences[0]} & {*sentences[1]}
        foreign = documents[0] != documents[1]
        swapped = not foreign and sentences[0].min() > sentences[1].max()
        follows = not foreign and sentences[0].max() < sentences[1].min()
        assert [follows, swapped, foreign].index(True) == label


def test_spans_are_unbroken_and_touch_unless_they_were_too_long(
    examples, pairs
):
    assert all((np.diff(span) == 1).all() for pair in pairs for span in pair)
    touching = 0
    for label, pair in zip(examples.labels, pairs, strict=True):
        if label != FOREIGN and sum(map(len, pair)) < SEQUENCE_LENGTH - 3:
            first, second = pair if label == FOLLOWS else pair[::-1]
            assert first[-1] + 1 == second[0]
            touching += 1
    assert touching > 1000


def test_foreign_spans_are_second_parts_like_those_that_follow(
    corpus, examples, pairs
):
    # The first sentence of a document is in the first part of its chunk.
    opening = {corpus.sentence_of[n] for n in corpus.first_ids()}
    labels = {
        label
        for label, (_, second) in zip(examples.labels, pairs, strict=True)
        if not opening.isdisjoint(corpus.sentence_of[second])
    }
    assert labels == {SWAPPED}


def test_layout(examples):
    assert isinstance(examples, SentenceStructureExamples)
    shape = (len(examples.labels), SEQUENCE_LENGTH)
    assert [array.shape for array in examples] == [shape] * 3 + [shape[:1]]
    assert {array.dtype for array in examples} == {np.dtype("int32")}
    ids = examples.token_ids
    assert (ids[:, 0] == TOKENIZER.cls_token_id).all()
    assert ((ids == TOKENIZER.cls_token_id).sum(axis=1) == 1).all()
    separators = ids == TOKENIZER.sep_token_id
    assert (separators.sum(axis=1) == 2).all()
    padding = ids == TOKENIZER.pad_token_id
    assert padding.any()
    # Separators before each place: 2 at padding, after the last [SEP].
    before = separators.cumsum(axis=1) - separators
    np.testing.assert_array_equal(padding, before == 2)
    np.testing.assert_array_equal(examples.segment_ids, before == 1)


def test_pooling_segments(corpus, examples):
    ids, segments = examples.token_ids, examples.pooling_segment_ids
    steps = np.diff(segments, axis=1)
    assert (segments[:, 0] == 0).all()
    assert {*steps.ravel()} == {0, 1}
    # A new number begins where the sentence changes, a special token being
    # its own, and padding going with the [SEP] before it.
    sentences = np.where(
        ids < TOKENIZER.first_id, -ids, corpus.sentence_of[ids]
    )
    is_padding = ids[:, 1:] == TOKENIZER.pad_token_id
    changes = (np.diff(sentences, axis=1) != 0) & ~is_padding
    np.testing.assert_array_equal(steps, changes)


def test_the_cut_is_uniform():
    corpus = Corpus([[2] * 6])
    examples = corpus.examples(19, passes=6007, short_rate=0)
    first = [spans(row)[0] for row in examples.token_ids]
    counts = np.bincount(
        [
            len(span) // 2
            for span, label in zip(first, examples.labels, strict=True)
            if label == FOLLOWS
        ]
    )
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:] / counts.sum(), 1 / 5, atol=0.03)


@pytest.mark.parametrize("seed", [0, 2, 13])
def test_one_chunk_alone_has_no_foreign_span(seed):
    corpus = Corpus([[3, 5, 2]])
    labels = corpus.examples(17, seed=seed, passes=7001, short_rate=0).labels
    assert len(labels) == 7001
    np.testing.assert_allclose(shares(labels), [2 / 3, 1 / 3, 0], atol=0.02)


def test_spans_of_a_lone_document_are_of_different_chunks_and_do_not_touch():
    rng = np.random.default_rng(17)
    corpus = Corpus([rng.integers(1, 7, 131).tolist()])
    chunk_of, chunk, size = [], 0, 0
    for tokens in corpus.sentences:
        chunk_of.append(chunk)
        size += len(tokens)
        if size >= 20:
            chunk, size = chunk + 1, 0
    chunk_of = np.array(chunk_of)
    examples = corpus.examples(23, passes=101, short_rate=0)
    np.testing.assert_allclose(shares(examples.labels), 1 / 3, atol=0.03)
    pairs_of_chunks = set()
    for row, label in zip(examples.token_ids, examples.labels, strict=True):
        sentences = [corpus.sentence_of[span] for span in spans(row)]
        first, second = (set(chunk_of[some]) for some in sentences)
        assert len(first) == len(second) == 1
        assert (label == FOREIGN) == (first != second)
        if label == FOREIGN:
            pairs_of_chunks.add((*first, *second))
            ahead = sentences[1].min() - sentences[0].max()
            behind = sentences[0].min() - sentences[1].max()
            assert max(ahead, behind) > 1
    # Every chunk meets every other in some pass.
    assert len(pairs_of_chunks) > 0.8 * chunk * (chunk - 1)


def truncated_lengths(first, second, room):
    while first + second > room:
        if first > second:
            first -= 1
        else:
            second -= 1
    return first, second


@pytest.mark.parametrize(
    ("lengths", "sequence_length"),
    [
        ((11, 29), 23 + 3),
        ((29, 11), 31 + 3),
        ((19, 17), 20 + 3),
        ((17, 17), 19 + 3),
        ((2, 23), 24 + 3),
        ((1, 43), 2 + 3),
    ],
)
def test_the_longer_span_is_cut_at_both_ends(lengths, sequence_length):
    room = sequence_length - 3
    corpus = Corpus([lengths])
    examples = corpus.examples(sequence_length, passes=401, short_rate=0)
    for label, order in ((FOLLOWS, (0, 1)), (SWAPPED, (1, 0))):
        # A sentence longer than the room is cut to it beforehand.
        before = [min(lengths[n], room) for n in order]
        expected = truncated_lengths(*before, room)
        pairs = [spans(r) for r in examples.token_ids[examples.labels == label]]
        assert {tuple(map(len, pair)) for pair in pairs} == {expected}
        for n in (0, 1):
            lost = before[n] - expected[n]
            front = corpus.place_of[[pair[n][0] for pair in pairs]]
            deviation = np.sqrt(lost / 4)
            assert front.max() <= lost
            assert abs(front.mean() - lost / 2) <= 0.3 * deviation
            assert abs(front.std() - deviation) <= 0.2 * deviation


def test_a_sentence_that_is_cut_away_takes_no_number():
    corpus = Corpus([[1, 1, 2, 37]])
    examples = corpus.examples(15 + 3, passes=201, short_rate=0)
    last = examples.pooling_segment_ids.max(axis=1)
    kept = [
        len({*np.concatenate([corpus.sentence_of[s] for s in spans(row)])})
        for row in examples.token_ids
    ]
    np.testing.assert_array_equal(last, np.array(kept) + 2)
    assert {*kept} == {2, 3, 4}


def test_short_chunks_have_lengths_of_their_own():
    corpus = Corpus([[1] * 40_009])  # so that a chunk is as long as it should

    def sizes(short_rate):
        """Returns the share of each length among the spans of one chunk."""
        examples = corpus.examples(13, short_rate=short_rate)
        ids = examples.token_ids[examples.labels != FOREIGN]
        sizes = (ids >= TOKENIZER.first_id).sum(axis=1)
        return np.bincount(sizes, minlength=11) / len(sizes)

    np.testing.assert_array_equal(sizes(0), [0] * 10 + [1])
    expected = np.array([0] * 2 + [1 / 9] * 9)
    np.testing.assert_allclose(sizes(1), expected, atol=0.02)
    expected = 0.3 * expected + 0.7 * (np.arange(11) == 10)
    np.testing.assert_allclose(sizes(0.3), expected, atol=0.02)


def test_equal_seeds_give_equal_examples():
    some = Corpus([[3, 5, 7, 2] * 29, [2, 1] * 31, [1, 4] * 37])
    first, second = (some.examples(17, seed=8, passes=3) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    other = some.examples(17, seed=9, passes=3)
    assert {*map(tuple, other.token_ids)} != {*map(tuple, first.token_ids)}


def test_passes_give_other_pairs_and_do_not_touch_each_other():
    some = Corpus([[3, 5, 7, 2] * 29, [2, 1] * 31])
    one, two = (some.examples(17, passes=n) for n in (1, 2))
    count = len(one.labels)
    for short, long in zip(one, two, strict=True):
        np.testing.assert_array_equal(long[:count], short)
    first = {*map(tuple, two.token_ids[:count])}
    second = {*map(tuple, two.token_ids[count:])}
    assert len(first & second) < 0.3 * count


def test_an_example_does_not_hang_on_what_came_before():
    documents = [[5, 3, 2, 7] * 23, [2, 6, 3] * 41]
    longer = Corpus([*documents, [1, 3] * 30])
    changed = Corpus(documents)
    changed.documents.append(longer.documents[2])
    # Other text before the last document: its own pairs stay as they are.
    changed.documents[0] = changed.documents[0][: len(longer.documents[0]) // 2]
    start = longer.sentences[-60][0]

    def own_pairs(corpus):
        examples = corpus.examples(19)
        return [
            (label, *row)
            for label, row in zip(
                examples.labels, examples.token_ids, strict=True
            )
            if label != FOREIGN and row[1] >= start
        ]

    assert len(own_pairs(longer)) > 3
    assert own_pairs(longer) == own_pairs(changed)


def test_what_cannot_be_cut_is_left_out():
    # Alone: a long sentence, the last of a document, a document of one.
    corpus = Corpus([[97, 3, 5, 7, 2], [11], [], [5, 6, 5], [41, 1]])
    examples = corpus.examples(13, passes=53, short_rate=0)
    assert len(examples.labels) == 2 * 53
    seen = {*corpus.sentence_of[examples.token_ids].ravel()} - {-1}
    assert seen == {1, 2, 3, 6, 7}


def test_documents_without_tokens_among_others():
    some = Corpus([[3, 4, 2]])
    some.documents = ["", " \n", "No number. None here.", *some.documents, ""]
    examples = some.examples(17, passes=3)
    assert len(examples.labels) == 3
    assert FOREIGN not in examples.labels


def test_ids_of_a_word_piece_tokenizer():
    words = ["x", "[SEP]", ".", "[UNK]", "y", "[MASK]", "[PAD]", "[CLS]", "z"]
    tokenizer = ConvBertTokenizer(words, lowercase=True)
    examples = sentence_structure_examples(
        ["Z x. Y.\nX x z."], tokenizer, 17, passes=31, short_rate=0
    )
    rows = {
        (label, *row)
        for label, row in zip(examples.labels, examples.token_ids, strict=True)
    }
    zx, y, xxz = (8, 0, 2), (4, 2), (0, 0, 8, 2)
    padding = (6,) * 5
    assert rows == {
        (FOLLOWS, 7, *zx, 1, *y, *xxz, 1, *padding),
        (FOLLOWS, 7, *zx, *y, 1, *xxz, 1, *padding),
        (SWAPPED, 7, *y, *xxz, 1, *zx, 1, *padding),
        (SWAPPED, 7, *xxz, 1, *zx, *y, 1, *padding),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence_length": 4}, "`sequence_length` is 4; it must be 5 or"),
        ({"passes": 0}, "`passes` is 0; it must be 1 or greater"),
        ({"seed": -1}, "`seed` is -1; it must be 0 or greater"),
        ({"short_rate": 1.5}, "`short_rate` is 1.5; it must lie between 0"),
    ],
)
def test_illegal_arguments(options, message):
    with pytest.raises(InputError, match=message):
        Corpus([[3, 5, 2]]).examples(**{"sequence_length": 13, **options})


@pytest.mark.parametrize("documents", [[], [[]], [[5], [3]], [[61, 5], [2]]])
def test_no_example(documents):
    with pytest.raises(InputError, match="give no example.*within 10 tokens"):
        Corpus(documents).examples(13, short_rate=0)
