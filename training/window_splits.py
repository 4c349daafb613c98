"""The windows of token ids of a pre-training run."""

import itertools

import numpy as np
from tqdm import tqdm

from keras_mixattn.data import SentenceStructureExamples
from keras_mixattn.data import read_documents
from keras_mixattn.data import sentence_structure_examples
from keras_mixattn.data import token_windows
from keras_mixattn.errors import InputError
from training.files import written_whole
from training.pretrain_config import PretrainConfig
from training.run_directory import RunDirectory

# Runs that differ in their seed are measured on the same masked windows.
HELD_OUT_SEED = 1

# Windows of one text each, or pairs of texts.
Windows = np.ndarray | SentenceStructureExamples


def read_windows(
    config: PretrainConfig, tokenizer, run: RunDirectory
) -> dict[str, Windows]:
    """Reads the text as windows, or those that the run kept.

    Args:
        config: The configuration.
        tokenizer: Cuts the text into tokens.
        run: Where `keep_windows` kept them, if it did.

    Returns:
        The windows to train on and those to measure on, as `"train"` and
        `"validation"`.

    Raises:
        InputError: A source cannot be read or holds too little text.
    """
    return {
        name: _load(run / _file(name))
        if run.has(_file(name))
        else _windows_of(config, tokenizer, name)
        for name in ("train", "validation")
    }


def keep_windows(windows: dict[str, Windows], run: RunDirectory) -> None:
    """Writes the windows that the run has not kept yet.

    Args:
        windows: What `read_windows` returned.
        run: The run, which has claimed its directory.

    Raises:
        InputError: They cannot be written.
    """
    for name, rows in windows.items():
        if not run.has(_file(name)):
            with written_whole(run / _file(name)) as partial:
                with open(partial, "wb") as opened:
                    np.savez(opened, **_columns(rows))


def count_windows(windows: Windows) -> int:
    """Returns the number of windows.

    Args:
        windows: Windows of one split.
    """
    return len(_columns(windows)["token_ids"])


def _columns(windows: Windows) -> dict[str, np.ndarray]:
    if isinstance(windows, SentenceStructureExamples):
        return windows._asdict()
    return {"token_ids": windows}


def _rows(windows: Windows, rows) -> Windows:
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
    pairs = config.sentence_structure
    if pairs:
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
    count = count_windows(windows)
    needed = config.batch_size if name == "train" else 1
    if count < needed:
        raise InputError(
            f"The {name} text, {', '.join(sources)}, gives {count} "
            f"windows, but at least {needed} are needed; give more text, or "
            f"lower `batch_size`{'' if pairs else ' or `min_tokens`'}."
        )
    if name == "validation":
        pick = np.random.default_rng(HELD_OUT_SEED).permutation(count)
        windows = _rows(windows, pick[: config.validation_windows])
    return windows
