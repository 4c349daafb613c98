"""WordPiece vocabularies: learn one from text, load one, save one."""

import os
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

from keras_mixattn.data.text_files import text_lines
from keras_mixattn.errors import InputError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def learn_vocabulary(
    texts: Iterable[str],
    vocabulary_size: int,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    min_frequency: int = 2,
) -> list[str]:
    """Learns a WordPiece vocabulary; the same texts give the same result.

    The special tokens come first, then the characters, then the longer
    pieces in the order in which they were merged. Characters are kept from
    the most frequent on, while they fill at most half of the vocabulary and
    leave room for the special tokens.

    Args:
        texts: Documents in any language. They are read twice, so an iterator
            is held in memory.
        vocabulary_size: Most tokens, the special ones included.
        lowercase: Whether to lowercase the texts.
        strip_accents: Whether to remove accents; by default as `lowercase`.
        min_frequency: Fewest occurrences of a character or a pair to merge.

    Returns:
        The tokens; the index of each is its id.

    Raises:
        InputError: The size is too small or the texts hold no characters.

    Example:

    ```python
    tokens = learn_vocabulary(["low lower", "low slow"], 14)
    assert tokens[:6] == [*SPECIAL_TOKENS, "##l"]
    ```
    """
    smallest = len(SPECIAL_TOKENS) + 2  # a character, alone and with `##`
    if vocabulary_size < smallest:
        raise InputError(
            f"`vocabulary_size` is {vocabulary_size}; it must be {smallest} "
            f"or greater, to hold {len(SPECIAL_TOKENS)} special tokens and a "
            "character."
        )
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(
        lowercase=lowercase, strip_accents=strip_accents
    )
    tokenizer.pre_tokenizer = BertPreTokenizer()
    texts = list(texts)
    room = min(vocabulary_size // 2, vocabulary_size - len(SPECIAL_TOKENS))
    characters = _characters(texts, tokenizer, room, min_frequency)
    # The trainer numbers `##` characters in the order of a hash map that
    # differs in every process, and breaks ties between merges by number.
    # Handed over as special tokens, all characters have a number beforehand.
    trainer = WordPieceTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=[*SPECIAL_TOKENS, *characters],
        limit_alphabet=0,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = tokenizer.get_vocab(with_added_tokens=False)
    return sorted(ids, key=ids.get)


def _characters(
    texts: list[str], tokenizer: Tokenizer, limit: int, min_frequency: int
) -> list[str]:
    """Returns the kept characters, and with `##` those that continue words."""
    counts = Counter()
    for text in texts:
        counts.update(tokenizer.normalizer.normalize_str(text))
    tokens = []
    for character, count in sorted(
        counts.items(), key=lambda item: (-item[1], item[0])
    ):
        if character.isspace() or count < min_frequency:
            continue
        pieces = [character]
        # Punctuation and Chinese characters are words of their own.
        word = tokenizer.normalizer.normalize_str(f"a{character}a")
        if len(tokenizer.pre_tokenizer.pre_tokenize_str(word)) == 1:
            pieces.append(f"##{character}")
        if len(tokens) + len(pieces) > limit:
            break
        tokens += pieces
    if not tokens:
        raise InputError(
            "The texts hold no character that occurs at least "
            f"`min_frequency`={min_frequency} times; give more text."
        )
    return sorted(tokens)


def load_vocabulary(path: str | Path) -> list[str]:
    """Reads a `vocab.txt`: one token a line, the line number is its id.

    No line is dropped, so every id keeps its meaning. A line that repeats a
    token or is empty becomes `[line N]`, which no text ever produces.

    Args:
        path: A vocabulary file.

    Returns:
        The tokens, all different; the index of each is its id.

    Raises:
        InputError: The file is missing, empty or not UTF-8, or lacks a
            special token.

    Warns:
        UserWarning: the file is damaged; one sentence says how.

    Example:

    ```python
    save_vocabulary([*SPECIAL_TOKENS, "a", "##b"], "vocab.txt")
    assert load_vocabulary("vocab.txt")[5:] == ["a", "##b"]
    ```
    """
    lines = [line.removesuffix("\n") for line in text_lines(path)]
    tokens = [line.removesuffix("\r") for line in lines]
    missing = [token for token in SPECIAL_TOKENS if token not in tokens]
    if missing:
        raise InputError(
            f"Vocabulary '{path}' lacks the special tokens "
            f"{' '.join(missing)}; add a line for each or give another file."
        )
    first_line = {}
    for number, token in enumerate(tokens):
        first_line.setdefault(token, number)
    is_copy = [
        token != "" and first_line[token] < number
        for number, token in enumerate(tokens)
    ]
    damage = {
        "end in CR LF": sum(line.endswith("\r") for line in lines),
        "are empty": tokens.count(""),
        "repeat an earlier token": sum(is_copy),
        "hold a replacement character (U+FFFD)": sum(
            "\ufffd" in token for token in tokens
        ),
        "were decoded with a wrong character set": sum(
            map(_is_misread, tokens)
        ),
    }
    found = [f"{n} lines {fault}" for fault, n in damage.items() if n]
    if found:
        warnings.warn(
            f"Vocabulary '{path}' is damaged: {', '.join(found)}; every "
            "id is kept, but repeated and garbled lines match no text: use "
            "an undamaged copy.",
            stacklevel=2,
        )
    return [
        token if token and not is_copy[number] else f"[line {number}]"
        for number, token in enumerate(tokens)
    ]


def _is_misread(token: str) -> bool:
    """Whether the token is UTF-8 that was read as Windows-1252: `Ã©`."""
    try:
        return len(token.encode("cp1252").decode("utf-8")) < len(token)
    except UnicodeError:
        return False


def save_vocabulary(tokens: Iterable[str], path: str | Path) -> None:
    """Writes a `vocab.txt` in one step: there is never half a file.

    Args:
        tokens: The tokens in the order of their ids, all different.
        path: Where to write; missing directories are made.

    Raises:
        InputError: A token repeats, is empty or holds a line break, or the
            file cannot be written.

    Example:

    ```python
    save_vocabulary([*SPECIAL_TOKENS, "a", "##b"], "vocab.txt")
    ```
    """
    tokens = list(tokens)
    wrong = [token for token in tokens if not token or {*token} & {*"\r\n"}]
    wrong += [token for token, count in Counter(tokens).items() if count > 1]
    if wrong:
        raise InputError(
            f"The vocabulary holds {wrong[0]!r}, which is repeated, empty or "
            "broken into lines; every token must be one line of its own."
        )
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(
                "".join(f"{token}\n" for token in tokens),
                encoding="utf-8",
                newline="\n",
            )
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"Vocabulary '{path}' cannot be written: "
            f"{error.strerror or error}; choose another path."
        ) from error
