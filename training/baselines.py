"""What a trained model must beat: answers that need no pre-training."""

import collections
import re

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import Questions
from keras_mixattn.data import TaggedWords

_WORD = re.compile(r"\w+|[^\w\s]")


def majority_class(train: LabelledTexts, test: LabelledTexts) -> np.ndarray:
    """Answers the most frequent class of train to every text.

    Args:
        train: Texts to learn from.
        test: Texts to answer.

    Returns:
        A class id for each text of test.

    Example:

    ```python
    train = LabelledTexts(["a", "b", "c"], [0, 1, 1], ["x", "y"])
    majority_class(train, train).tolist()
    # [1, 1, 1]
    ```
    """
    most = collections.Counter(train.labels).most_common(1)[0][0]
    return np.full(len(test), most)


def naive_bayes(train: LabelledTexts, test: LabelledTexts) -> np.ndarray:
    """Answers the class that is likeliest by the words of each text.

    The multinomial naive Bayes, add-one smoothed, on which lower-cased words,
    marks and pairs of neighbours occur in a text, however often; a pair of
    texts is joined to one.

    Args:
        train: Texts to learn from.
        test: Texts to answer.

    Returns:
        A class id for each text of test.

    Example:

    ```python
    train = LabelledTexts(["a b", "c d", "c"], [0, 1, 1], ["x", "y"])
    naive_bayes(train, LabelledTexts(["a"], [0], ["x", "y"])).tolist()
    # [0]
    ```
    """
    counter = CountVectorizer(
        ngram_range=(1, 2), token_pattern=_WORD.pattern, binary=True
    )
    model = MultinomialNB().fit(
        counter.fit_transform(_joined(train)), train.labels
    )
    return model.predict(counter.transform(_joined(test)))


def usual_classes(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Answers the most frequent set of classes of train to every text.

    Args:
        train: Zeros and ones, `(texts, classes)`.
        test: Likewise.

    Returns:
        Zeros and ones of the shape of test.
    """
    rows, counts = np.unique(train, axis=0, return_counts=True)
    return np.tile(rows[counts.argmax()], (len(test), 1))


def word_overlap(pairs: LabelledTexts) -> np.ndarray:
    """Answers the share of words that the texts of a pair have in common.

    Args:
        pairs: Pairs of texts.

    Returns:
        The Jaccard similarity of the sets of lower-cased words and marks.

    Example:

    ```python
    pairs = LabelledTexts(["a b"], [1.0], [], ["b c"])
    word_overlap(pairs).tolist()
    # [0.3333333333333333]
    ```
    """
    overlaps = []
    for first, second in zip(pairs.texts, pairs.text_pairs, strict=True):
        first, second = _words(first), _words(second)
        overlaps.append(len(first & second) / max(len(first | second), 1))
    return np.array(overlaps)


def usual_tags(train: TaggedWords, test: TaggedWords) -> list[list[str]]:
    """Answers the tag that each word has most often in train.

    Args:
        train: Sentences to learn from.
        test: Sentences to answer.

    Returns:
        The names of the tags, `"O"` for words that train does not have.
    """
    counts = collections.defaultdict(collections.Counter)
    for words, tags in zip(train.words, train.tags, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts[word][train.tag_names[tag]] += 1
    usual = {word: c.most_common(1)[0][0] for word, c in counts.items()}
    return [[usual.get(word, "O") for word in words] for words in test.words]


def best_sentences(questions: Questions) -> dict[str, str]:
    """Answers the sentence that has most words of the question.

    Args:
        questions: The questions.

    Returns:
        A sentence of its context for each question, by id.
    """
    answers = {}
    for name, question, context in zip(
        questions.ids, questions.questions, questions.contexts, strict=True
    ):
        asked = _words(question)
        sentences = re.split(r"(?<=[.!?])\s+", context)
        answers[name] = max(sentences, key=lambda s: len(_words(s) & asked))  # noqa: B023
    return answers


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _joined(split: LabelledTexts) -> list[str]:
    if split.text_pairs is None:
        return split.texts
    return [
        f"{first} {second}"
        for first, second in zip(split.texts, split.text_pairs, strict=True)
    ]
