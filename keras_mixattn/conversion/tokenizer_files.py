"""HuggingFace's files of a BERT tokenizer, read and written."""

from pathlib import Path
from typing import NamedTuple

from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.conversion.json_file import write_json
from keras_mixattn.conversion.vocabulary import SPECIAL_TOKENS
from keras_mixattn.conversion.vocabulary import check_vocabulary
from keras_mixattn.conversion.vocabulary import read_vocabulary
from keras_mixattn.errors import InputError
from keras_mixattn.models.word_pieces import LONGEST_WORD

VOCABULARY = "vocab.txt"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"

_SUFFIX_INDICATOR = "##"

# HuggingFace's classes that cut texts as this library does. Those of the first
# row take a default where `tokenizer_config.json` says nothing, whatever
# `tokenizer.json` says.
_BERTS = (None, "BertTokenizer", "BertTokenizerFast")
_CLASSES = (
    *_BERTS,
    *("ConvBertTokenizer", "ConvBertTokenizerFast"),
    *("ElectraTokenizer", "ElectraTokenizerFast"),
    *("PreTrainedTokenizerFast", "TokenizersBackend"),
)

# Our flags -> their names in `tokenizer_config.json`, in `tokenizer.json`.
_FLAGS = {
    "lowercase": ("do_lower_case", "lowercase"),
    "strip_accents": ("strip_accents", "strip_accents"),
    "split_on_cjk": ("tokenize_chinese_chars", "handle_chinese_chars"),
}


class TokenizerSettings(NamedTuple):
    """A vocabulary, and what is done to a text before it is looked up.

    Attributes:
        vocabulary: The tokens in the order of their ids.
        lowercase: Whether text is lower-cased.
        strip_accents: Whether accents are stripped; `None` if it is as
            `lowercase` says.
        split_on_cjk: Whether Chinese characters are words of their own.
        file: Where the vocabulary is from.
    """

    vocabulary: list[str]
    lowercase: bool
    strip_accents: bool | None
    split_on_cjk: bool
    file: Path


def read_tokenizer(
    directory: Path,
    vocabulary: str | Path | None = None,
    lowercase: bool | None = None,
    strip_accents: bool | None = None,
) -> TokenizerSettings:
    """Reads the tokenizer of a directory.

    `tokenizer.json` holds all of it, `vocab.txt` and `tokenizer_config.json`
    the same in two parts. HuggingFace's classes differ in which they obey, so
    where both are there they must agree.

    Args:
        directory: Directory of a model in HuggingFace's format.
        vocabulary: A `vocab.txt` that replaces the directory's.
        lowercase: What the user says instead. Defaults to `None`, nothing.
        strip_accents: Likewise.

    Returns:
        The settings, without what the user says.

    Raises:
        InputError: If there is no tokenizer, it is damaged, not BERT's, or
            its files contradict each other.
    """
    path, fast = directory / TOKENIZER_CONFIG, directory / TOKENIZER
    lines = Path(vocabulary or directory / VOCABULARY)
    config = _read_config(path) if path.exists() else {}
    if not fast.exists():
        tokens = read_vocabulary(lines)
        return TokenizerSettings(tokens, **_flags(path, config, 0), file=lines)
    settings = _from_json(fast)
    if path.exists():
        given = {"lowercase": lowercase, "strip_accents": strip_accents}
        _check_agreement(path, config, settings, given)
    if vocabulary is None and not lines.exists():
        return settings
    tokens = read_vocabulary(lines)
    if vocabulary is None and tokens != settings.vocabulary:
        raise InputError(
            f"'{lines}' and '{fast}' hold different vocabularies; give the "
            "one that the model was trained with by `vocabulary`."
        )
    return settings._replace(vocabulary=tokens, file=lines)


def _read_config(path):
    config = read_json(path)
    for name, legal in (
        ("tokenizer_class", _CLASSES),
        ("do_basic_tokenize", (True, None)),
        ("never_split", ([], None)),
    ):
        if config.get(name) not in legal:
            raise InputError(
                f"'{path}' has {name}={config[name]!r}, texts are not cut so "
                "here; only BERT's own tokenizer can be converted."
            )
    return config


def _flags(path, content, column):
    """Returns our flags, by the names in a column of `_FLAGS`."""
    flags = {}
    for ours, names in _FLAGS.items():
        is_open = ours == "strip_accents"
        value = content.get(names[column], None if is_open else True)
        if not isinstance(value, bool) and not (is_open and value is None):
            raise InputError(
                f"'{names[column]}' of '{path}' must be true or false. "
                f"Received: {value!r}."
            )
        flags[ours] = value
    return flags


def _check_agreement(path, config, settings, given):
    """Refuses flags that differ, but for those that the user has given."""
    said, fast = _flags(path, config, 0), settings._asdict()
    for flags in (said, fast):
        flags |= {
            name: flag for name, flag in given.items() if flag is not None
        }
        if flags["strip_accents"] is None:
            flags["strip_accents"] = flags["lowercase"]
    for ours, (name, fast_name) in _FLAGS.items():
        is_said = name in config or config.get("tokenizer_class") in _BERTS
        if is_said and said[ours] != fast[ours]:
            how = f"pass `{ours}`" if ours in given else "correct one of them"
            raise InputError(
                f"'{path}' means {name}={said[ours]}, '{settings.file}' "
                f"{fast_name}={fast[ours]}, and HuggingFace's classes differ "
                f"in which they obey; {how}."
            )


def _from_json(path):
    content = read_json(path)
    model = _part(path, content, "model", "WordPiece")
    normalizer = _part(path, content, "normalizer", "BertNormalizer")
    _part(path, content, "pre_tokenizer", "BertPreTokenizer")
    for part, name, expected in (
        (model, "unk_token", "[UNK]"),
        (model, "continuing_subword_prefix", _SUFFIX_INDICATOR),
        (model, "max_input_chars_per_word", LONGEST_WORD),
        (normalizer, "clean_text", True),
    ):
        if part.get(name, expected) != expected:
            raise InputError(
                f"'{name}' of '{path}' must be {expected!r} as in BERT's "
                f"tokenizer. Received: {part[name]!r}."
            )
    return TokenizerSettings(
        _tokens(path, model.get("vocab"), content.get("added_tokens") or []),
        **_flags(path, normalizer, 1),
        file=path,
    )


def _part(path, content, name, kind):
    part = content.get(name)
    found = part.get("type", kind) if isinstance(part, dict) else part
    if found != kind:
        raise InputError(
            f"The {name} of '{path}' must be a {kind}, BERT's tokenizer is "
            f"the one this library has. Received: {found!r}."
        )
    return part


def _tokens(path, ids, added):
    try:
        ids = {**ids, **{token["content"]: token["id"] for token in added}}
        "".join(ids)  # or they are no strings
        plain = [t["content"] for t in added if not t.get("special", False)]
        tokens = sorted(ids, key=ids.get)
    except (TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"The vocabulary of '{path}' is incomplete; fetch it anew."
        ) from error
    if plain:
        raise InputError(
            f"'{path}' adds the tokens {' '.join(plain)}, which are looked for "
            "before a text is split; this library has no such tokens."
        )
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise InputError(
            f"The ids of the vocabulary of '{path}' are not 0, 1, 2 and so "
            "on; fetch it anew."
        )
    check_vocabulary(tokens, path)
    return tokens


def write_tokenizer(tokenizer, directory: Path, model_length: int) -> None:
    """Writes the three files that HuggingFace's tokenizers are loaded from.

    Args:
        tokenizer: A `BertStyleTokenizer` with its vocabulary.
        directory: Where to write.
        model_length: Most tokens of a text.
    """
    tokens = tokenizer.get_vocabulary()
    (directory / VOCABULARY).write_text(
        "".join(f"{token}\n" for token in tokens),
        encoding="utf-8",
        newline="\n",
    )
    special = dict(
        zip(
            ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"),
            SPECIAL_TOKENS,
            strict=True,
        )
    )
    write_json(
        directory / TOKENIZER_CONFIG,
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": tokenizer.lowercase,
            "strip_accents": tokenizer.strip_accents,
            "tokenize_chinese_chars": tokenizer.split_on_cjk,
            "model_max_length": model_length,
            **special,
        },
    )
    write_json(directory / TOKENIZER, _fast_tokenizer(tokenizer))


def _fast_tokenizer(tokenizer):
    ids = {
        token: number for number, token in enumerate(tokenizer.get_vocabulary())
    }
    added = [
        {
            "id": ids[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token in SPECIAL_TOKENS
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(added, key=lambda token: token["id"]),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": tokenizer.split_on_cjk,
            "strip_accents": tokenizer.strip_accents,
            "lowercase": tokenizer.lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": _template(ids),
        "decoder": {
            "type": "WordPiece",
            "prefix": _SUFFIX_INDICATOR,
            "cleanup": True,
        },
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": _SUFFIX_INDICATOR,
            "max_input_chars_per_word": LONGEST_WORD,
            "vocab": ids,
        },
    }


def _template(ids):
    """`[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`."""

    def special(token, segment):
        return {"SpecialToken": {"id": token, "type_id": segment}}

    def text(name, segment):
        return {"Sequence": {"id": name, "type_id": segment}}

    single = [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, text("B", 1), special("[SEP]", 1)],
        "special_tokens": {
            token: {"id": token, "ids": [ids[token]], "tokens": [token]}
            for token in ("[CLS]", "[SEP]")
        },
    }
