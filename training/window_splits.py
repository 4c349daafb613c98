"""The windows of token ids of a pre-training run."""

import itertools

import numpy as np
from tqdm import tqdm

from keras_mixattn.data import read_documents
from keras_mixattn.data import token_windows
from keras_mixattn.errors import InputError
from training.files import written_whole
from training.pretrain_config import PretrainConfig
from training.run_directory import RunDirectory


def read_windows(
    config: PretrainConfig, tokenizer, run: RunDirectory
) -> dict[str, np.ndarray]:
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
        name: np.load(run / _file(name))
        if run.has(_file(name))
        else _windows_of(config, tokenizer, name)
        for name in ("train", "validation")
    }


def keep_windows(windows: dict[str, np.ndarray], run: RunDirectory) -> None:
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
                    np.save(opened, rows)


def _file(name: str) -> str:
    return f"windows/{name}.npy"


def _windows_of(config: PretrainConfig, tokenizer, name: str) -> np.ndarray:
    sources = getattr(config, name)
    documents = itertools.islice(
        read_documents(sources, config.text_column), config.max_documents
    )
    windows = token_windows(
        tqdm(documents, desc=f"Reading {name} text", unit=" documents"),
        tokenizer,
        config.sequence_length,
        config.min_tokens,
    )
    needed = config.batch_size if name == "train" else 1
    if len(windows) < needed:
        raise InputError(
            f"The {name} text, {', '.join(sources)}, gives {len(windows)} "
            f"windows, but at least {needed} are needed; give more text, or "
            "lower `batch_size` or `min_tokens`."
        )
    if name == "validation":
        pick = np.random.default_rng(config.seed).permutation(len(windows))
        windows = windows[pick[: config.validation_windows]]
    return windows
