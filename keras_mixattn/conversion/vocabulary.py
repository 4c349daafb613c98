"""The vocabulary of a published model, taken only if it is undamaged."""

from collections.abc import Iterable
from pathlib import Path

from keras_mixattn.errors import InputError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_REPLACEMENT = "\ufffd"


def read_vocabulary(path: Path) -> list[str]:
    """Reads one token a line; the line number is its id.

    Args:
        path: A `vocab.txt`.

    Returns:
        List of tokens.

    Raises:
        InputError: If the file is missing, not UTF-8 or damaged.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(
            f"Vocabulary '{path}' cannot be read: {error.strerror or error}."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"Vocabulary '{path}' is not UTF-8 at byte {error.start}; fetch "
            "it anew."
        ) from error
    # Lines end at a line feed alone: other separators may be tokens.
    lines = text.removesuffix("\n").split("\n")
    tokens = [line.removesuffix("\r") for line in lines]
    check_vocabulary(tokens, path)
    return tokens


def check_vocabulary(tokens: Iterable[str], path: Path) -> None:
    """Refuses a vocabulary that cannot be what a model was trained with.

    Args:
        tokens: The tokens in the order of their ids.
        path: The file they are from.

    Raises:
        InputError: If a special token is missing, or tokens repeat, are
            empty or were garbled.
    """
    tokens = list(tokens)
    faults = {
        "repeat an earlier one": len(tokens) - len(set(tokens)),
        "are empty": tokens.count(""),
        "hold a replacement character (U+FFFD)": sum(
            _REPLACEMENT in token and token.removeprefix("##") != _REPLACEMENT
            for token in tokens
        ),
    }
    found = [f"{count} {fault}" for fault, count in faults.items() if count]
    if found:
        raise InputError(
            f"Vocabulary '{path}' is damaged: of {len(tokens)} tokens "
            f"{', '.join(found)}; use an undamaged copy."
        )
    missing = [token for token in SPECIAL_TOKENS if token not in tokens]
    if missing:
        raise InputError(
            f"Vocabulary '{path}' lacks the special tokens "
            f"{' '.join(missing)}; give the one the model was trained with."
        )
