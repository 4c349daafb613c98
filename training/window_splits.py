"""The windows of token ids of a pre-training run."""

import itertools
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import SentenceStructureExamples
from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.data import masked_records_dataset
from keras_mixattn.data import read_documents
from keras_mixattn.data import sentence_structure_examples
from keras_mixattn.data import token_windows
from keras_mixattn.errors import InputError
from training.files import remove_leftovers
from training.files import written_whole
from training.pretrain_config import PretrainConfig
from training.run_directory import RunDirectory

# Runs that differ in their seed are measured on the same masked windows.
HELD_OUT_SEED = 1

_MANIFEST = "manifest.json"

# Windows of one text each, pairs of texts, or records that stay on disk.
Windows = np.ndarray | SentenceStructureExamples | PretrainingRecords


def read_windows(
    config: PretrainConfig, tokenizer, run: RunDirectory
) -> dict[str, Windows]:
    """Reads the text as windows, or those that the run kept.

    A directory of `training.build_pretraining_data` is taken as it is.

    Args:
        config: The configuration.
        tokenizer: Cuts the text into tokens.
        run: Where `keep_windows` kept them, if it did.

    Returns:
        The windows to train on and those to measure on, as `"train"` and
        `"validation"`.

    Raises:
        InputError: A source cannot be read or holds too little text, or
            records do not fit the configuration.
    """
    return {
        name: _read(config, tokenizer, run, name)
        for name in ("train", "validation")
    }


def _read(
    config: PretrainConfig, tokenizer, run: RunDirectory, name: str
) -> Windows:
    records = _records(getattr(config, name))
    if records is not None:
        records.check(tokenizer, config.sequence_length)
        if config.sentence_structure:
            raise InputError(
                f"'{records.directory}' holds records, whose texts are in "
                "their order; for `sentence_structure` give their text."
            )
        return _checked(config, name, records)
    if config.pooling_segments == "given" and not config.sentence_structure:
        raise InputError(
            "`pooling_segments` can be 'given' only with "
            "`sentence_structure` or records, whose texts are cut into "
            "sentences."
        )
    if run.has(_file(name)):
        return _load(run / _file(name))
    return _windows_of(config, tokenizer, name)


def record_manifests(config: PretrainConfig) -> dict[str, Path]:
    """Returns the manifests of the splits that are records.

    Args:
        config: The configuration.

    Returns:
        The files, by name of the split.
    """
    return {
        name: Path(source, _MANIFEST)
        for name in ("train", "validation")
        for source in getattr(config, name)[:1]  # they cannot be joined
        if _is_records(source)
    }


def _is_records(source: str) -> bool:
    return Path(source, _MANIFEST).exists()


def _records(sources: list[str]) -> PretrainingRecords | None:
    """Opens the sources if they are a directory of records."""
    is_records = [_is_records(source) for source in sources]
    if not any(is_records):
        return None
    if len(sources) > 1:
        raise InputError(
            f"'{sources[is_records.index(True)]}' holds records, which cannot "
            "be joined with other sources; build records of all the text."
        )
    return PretrainingRecords(sources[0])


def keep_windows(windows: dict[str, Windows], run: RunDirectory) -> None:
    """Writes the windows that the run has not kept yet.

    Args:
        windows: What `read_windows` returned.
        run: The run, which has claimed its directory.

    Raises:
        InputError: They cannot be written.
    """
    remove_leftovers((run / _file("train")).parent)
    for name, rows in windows.items():
        if isinstance(rows, PretrainingRecords):
            continue
        if not run.has(_file(name)):
            with written_whole(run / _file(name)) as partial:
                with open(partial, "wb") as opened:
                    np.savez(opened, **_columns(rows))


def count_windows(windows: Windows) -> int:
    """Returns the number of windows.

    Args:
        windows: Windows of one split.
    """
    if isinstance(windows, PretrainingRecords):
        return len(windows)
    return len(_columns(windows)["token_ids"])


def masked_batches(
    windows: Windows, masker: TokenMasker, batch_size: int, seed: int, **options
) -> tf.data.Dataset:
    """Makes masked batches of windows of any kind.

    Args:
        windows: Windows of one split.
        masker: Chooses and hides tokens.
        batch_size: Windows of a step.
        seed: Of order and masks.
        **options: Others of `masked_lm_dataset` and `masked_records_dataset`.

    Returns:
        A dataset of (inputs, labels, weights).
    """
    make = masked_lm_dataset
    if isinstance(windows, PretrainingRecords):
        make = masked_records_dataset
    return make(windows, masker, batch_size, seed, **options)


def _columns(windows: Windows) -> dict[str, np.ndarray]:
    if isinstance(windows, SentenceStructureExamples):
        return windows._asdict()
    return {"token_ids": windows}


def _rows(windows: Windows, rows) -> Windows:
    if isinstance(windows, PretrainingRecords):
        return windows.pick(rows)
    if isinstance(windows, SentenceStructureExamples):
        return SentenceStructureExamples(*(x[rows] for x in windows))
    return windows[rows]


def _load(path) -> Windows:
    with np.load(path) as file:
        columns = dict(file)
    if len(columns) == 1:
        return columns["token_ids"]
    return SentenceStructureExamples(**columns)


def _file(name: str) -> str:
    return f"windows/{name}.npz"


def _windows_of(config: PretrainConfig, tokenizer, name: str) -> Windows:
    sources = getattr(config, name)
    documents = itertools.islice(
        read_documents(sources, config.text_column), config.max_documents
    )
    documents = tqdm(documents, desc=f"Reading {name} text", unit=" documents")
    if config.sentence_structure:
        windows = sentence_structure_examples(
            documents,
            tokenizer,
            config.sequence_length,
            seed=config.seed,
            passes=config.sentence_passes if name == "train" else 1,
        )
    else:
        windows = token_windows(
            documents, tokenizer, config.sequence_length, config.min_tokens
        )
    return _checked(config, name, windows)


def _checked(config: PretrainConfig, name: str, windows: Windows) -> Windows:
    """Returns enough windows to train on, or some to measure on."""
    count = count_windows(windows)
    needed = config.batch_size if name == "train" else 1
    if count < needed:
        raise InputError(
            f"The {name} text, {', '.join(getattr(config, name))}, gives "
            f"{count} windows, but at least {needed} are needed; give more "
            "text, or lower `batch_size`"
            f"{'' if config.sentence_structure else ' or `min_tokens`'}."
        )
    if name == "validation":
        pick = np.random.default_rng(HELD_OUT_SEED).permutation(count)
        windows = _rows(windows, pick[: config.validation_windows])
    return windows
