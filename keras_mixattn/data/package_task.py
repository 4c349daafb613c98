"""The demo's labelled task: which package does this sentence document?"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator

from keras_mixattn.data.docstrings import PACKAGES
from keras_mixattn.data.docstrings import SPLITS
from keras_mixattn.data.docstrings import Document
from keras_mixattn.data.docstrings import module_split
from keras_mixattn.data.labelled_texts import LabelledTexts
from keras_mixattn.data.sentences import SENTENCE_END
from keras_mixattn.errors import InputError

MASK_WORD = "library"

# TensorFlow carries an old copy of Keras, which would belong to both classes.
_LEFT_OUT = "tensorflow.python.keras"

_PACKAGE_NAME = re.compile(
    r"(?i:tensor[ _-]?flow|keras|numpy|c?python)\w*"
    r"|(?i:(?<![a-z])(?:tf|np|py)(?![a-z]))"
    r"|(?<![A-Za-z])TF(?=[A-Z][a-z])"
)
_NO_PROSE = re.compile(r">>>|```|::|\||^[-*=~.+#@:\[]")
# The start of `name: what it is.` or `name (type): what it is.`
_ARGUMENT = re.compile(r"(?:[-*] )?[`*]*\w+[`*]*(?: \([^()]*\))?: +(?=\w)")
_LETTERS = re.compile(r"[^\W\d_]+")
_SHARED_WORDS = 8


def package_sentences(
    documents: Iterable[Document],
    max_per_class: int = 4000,
    min_words: int = 6,
    max_words: int = 50,
) -> tuple[LabelledTexts, LabelledTexts, LabelledTexts]:
    """Makes a labelled task from docstrings: sentence in, package out.

    Only whole sentences of running prose are taken, those that describe an
    argument included; code, tables and headings are not. Package names and
    their short forms are replaced by the word "library". A sentence that
    occurs in two packages is dropped, and of equal ones (but for case, digits
    and marks) only the first is kept. The splits share no module, and no
    sentence of dev or test shares eight words in a row with train. Every
    class of a split has the same number of sentences.

    Args:
        documents: Docstrings of at least two packages.
        max_per_class: Most train sentences of a class; dev and test have at
            most an eighth and a quarter of it.
        min_words: Fewest words of a sentence.
        max_words: Most words of a sentence.

    Returns:
        The splits train, dev and test, each in a fixed, well-mixed order.

    Raises:
        InputError: A class has no sentence in some split.

    Example:

    ```python
    from keras_mixattn.data import docstring_documents

    documents = docstring_documents(["numpy", "keras"])
    train, dev, test = package_sentences(documents, max_per_class=40)
    assert train.label_names == ["keras", "numpy"]
    assert len(train) == 80
    ```
    """
    sentences = _distinct_sentences(documents, min_words, max_words)
    label_names = sorted({package for package, _, _ in sentences})
    splits = {split: defaultdict(list) for split in SPLITS}
    for package, module, text in sentences:
        splits[module_split(module)][package].append(text)
    known = set()
    for texts in splits["train"].values():
        known.update(*map(_word_runs, texts))
    for split in ("dev", "test"):
        for package, texts in splits[split].items():
            splits[split][package] = [
                text for text in texts if known.isdisjoint(_word_runs(text))
            ]
    limits = (max_per_class, max_per_class // 8, max_per_class // 4)
    return tuple(
        _balanced(split, splits[split], label_names, limit)
        for split, limit in zip(SPLITS, limits, strict=True)
    )


def _distinct_sentences(
    documents: Iterable[Document], min_words: int, max_words: int
) -> list[tuple[str, str, str]]:
    """Returns (package, module, text) of every sentence of one package."""
    found = {}
    shared = set()
    for package, module, document in documents:
        if module.startswith(_LEFT_OUT):
            continue
        for text in _prose_sentences(document):
            if not min_words <= len(text.split()) <= max_words:
                continue
            key = " ".join(_words(text))
            first_package = found.setdefault(key, (package, module, text))[0]
            if first_package != package:
                shared.add(key)
    return [found[key] for key in found if key not in shared]


def _prose_sentences(document: str) -> Iterator[str]:
    """Yields the sentences of all running prose, package names replaced."""
    for block in _blocks(document):
        if _NO_PROSE.search(block) or not block.endswith((".", "!")):
            continue
        text = _PACKAGE_NAME.sub(MASK_WORD, block)
        for sentence in SENTENCE_END.split(text):
            letters = sum(map(len, _words(sentence)))
            if sentence[0].isupper() and letters >= 0.7 * len(sentence):
                yield sentence


def _blocks(document: str) -> Iterator[str]:
    """Joins the lines that one indentation, or one argument, holds together."""
    block, indent, hanging = [], 0, False
    for line in document.split("\n"):
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        argument = _ARGUMENT.match(text)
        if hanging and depth > indent and not argument:
            indent, hanging = depth, False
        elif not text or depth != indent or argument or hanging:
            yield " ".join(block)
            block, indent, hanging = [], depth, bool(argument)
        block.append(text[argument.end() :] if argument else text)
    yield " ".join(block)


def _words(text: str) -> list[str]:
    return _LETTERS.findall(text.lower())


def _word_runs(text: str) -> set[tuple[str, ...]]:
    words = _words(text)
    starts = range(max(1, len(words) - _SHARED_WORDS + 1))
    return {tuple(words[start : start + _SHARED_WORDS]) for start in starts}


def _balanced(
    split: str,
    texts_of: dict[str, list[str]],
    label_names: list[str],
    limit: int,
) -> LabelledTexts:
    """Takes equally many sentences of each class, in the order of a hash."""
    size = min([limit, *(len(texts_of[name]) for name in label_names)])
    if len(label_names) < 2 or not size:
        raise InputError(
            f"The {split} split of the package sentences lacks a class; give "
            f"the docstrings of at least two of {', '.join(PACKAGES)}."
        )
    rows = [
        (text, label)
        for label, name in enumerate(label_names)
        for text in sorted(texts_of[name], key=_text_hash)[:size]
    ]
    rows.sort(key=lambda row: _text_hash(row[0]))
    texts, labels = zip(*rows, strict=True)
    return LabelledTexts(list(texts), list(labels), label_names)


def _text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
