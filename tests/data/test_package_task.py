"""The demo's task: prose only, names masked, nothing leaks between splits."""

import random
from collections import Counter

import pytest

from keras_mixattn.data import module_split
from keras_mixattn.data import package_sentences
from keras_mixattn.data.docstrings import Document
from keras_mixattn.data.package_task import _prose_sentences
from keras_mixattn.errors import InputError

DOCSTRING = """Computes a thing with `tf.Tensor` and NumPy, e.g. Fast
sums of rows. See KerasTensor (np.ndarray) for python2.7's copy!

A heading
---------

>>> np.sum([3, 5])

Args:
  axis: An integer, the axis along which the
    sum is taken. Optional.
  name (str): Not a sentence because of its end
x : array_like
    Values to be summed over the axis.

    code = keras.Model(x)
    x[3:5] == {"a": 1, "b": (2, 3), **kwargs}.
* A bullet point is not running prose.
"""


def test_prose_sentences():
    assert list(_prose_sentences(DOCSTRING)) == [
        "Computes a thing with `library.Tensor` and library, e.g. Fast sums "
        "of rows.",
        "See library (library.ndarray) for library.7's copy!",
        "An integer, the axis along which the sum is taken.",
        "Optional.",
        "Values to be summed over the axis.",
    ]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Use TensorFlow, tensor flow or a tf_export.", "library, library"),
        ("Reads TFRecord files with TF 2 and CPython.", "libraryRecord"),
        ("Give np.nan and NUMPY_MADVISE to Python.", "library.nan"),
    ],
)
def test_names_are_masked(text, masked):
    (sentence,) = _prose_sentences(text)
    assert masked in sentence
    for name in ("tensor", "tf", "np.", "numpy", "python", "TF"):
        assert name.lower() not in sentence.lower()


def sentence(rng, length=11):
    words = ["".join(rng.choices("aeioustrnl", k=5)) for _ in range(length)]
    return " ".join(words).capitalize() + "."


def corpus(packages, seed=7):
    """Forty modules for each package, each with five sentences of its own."""
    rng = random.Random(seed)
    return [
        Document(package, f"{package}.module{number}", sentence(rng))
        for package in packages
        for number in range(40)
        for _ in range(5)
    ]


def test_splits_are_balanced_repeatable_and_share_no_module():
    documents = corpus(["numpy", "python", "keras"])
    splits = package_sentences(documents, max_per_class=16)
    assert splits == package_sentences(documents, max_per_class=16)
    module_of = {document.text: document.module for document in documents}
    for name, split, limit in zip(
        ("train", "dev", "test"), splits, (16, 2, 4), strict=True
    ):
        assert split.label_names == ["keras", "numpy", "python"]
        assert Counter(split.labels) == {0: limit, 1: limit, 2: limit}
        assert split.labels != sorted(split.labels)
        for text, label in zip(split.texts, split.labels, strict=True):
            assert module_of[text].startswith(split.label_names[label])
            assert module_split(module_of[text]) == name


def texts_of(documents):
    return [
        text for split in package_sentences(documents) for text in split.texts
    ]


def test_a_sentence_of_two_packages_is_dropped():
    documents = corpus(["numpy", "keras"])
    shared = documents[0].text
    assert shared in texts_of(documents)
    documents.append(Document("keras", "keras.x", shared.upper()))
    assert shared not in texts_of(documents)


def test_the_old_keras_inside_tensorflow_is_left_out():
    documents = corpus(["tensorflow", "keras"])
    legacy = Document("tensorflow", "tensorflow.python.keras.x", "")
    text = sentence(random.Random(3))
    assert text not in texts_of([*documents, legacy._replace(text=text)])


def test_no_long_run_of_words_is_both_in_train_and_in_test():
    # All of the smaller class is used, so what is missing was dropped.
    documents = corpus(["keras"]) + corpus(["numpy"], seed=3)[:150]
    numpy_documents = documents[200:]
    in_train = next(
        d for d in numpy_documents if module_split(d.module) == "train"
    )
    in_test = next(
        d for d in numpy_documents if module_split(d.module) == "test"
    )
    copy = f"Note that {in_train.text.lower()}"
    other = sentence(random.Random(5))
    documents += [in_test._replace(text=copy), in_test._replace(text=other)]
    _, _, test = package_sentences(documents)
    assert in_test.text in test.texts
    assert other in test.texts
    assert copy not in test.texts


def test_length_limits():
    documents = corpus(["numpy", "keras"])
    with pytest.raises(InputError, match="lacks a class.*keras, numpy"):
        package_sentences(documents, min_words=12)
    with pytest.raises(InputError, match="lacks a class"):
        package_sentences(documents, max_words=10)


def test_one_package_is_no_task():
    with pytest.raises(InputError, match="at least two of keras, numpy"):
        package_sentences(corpus(["numpy"]))
    with pytest.raises(InputError, match="at least two of"):
        package_sentences([])
