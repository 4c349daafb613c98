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


def window_splits(
    config: PretrainConfig, model, run: RunDirectory
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the text as windows, from the run's cache if it is there.

    The run claims its directory when all text could be read.

    Args:
        config: The configuration.
        model: The masked language model, for its tokenizer.
        run: Where the windows are kept, as `windows/train.npy` and
            `windows/validation.npy`.

    Returns:
        The windows to train on and those to measure on.

    Raises:
        InputError: A source cannot be read or holds too little text.
    """
    splits = []
    for name in ("train", "validation"):
        file = f"windows/{name}.npy"
        if run.has(file):
            splits.append(np.load(run / file))
        else:
            sources = getattr(config, name)
            splits.append(_windows_of(config, model, sources, name))
    run.claim()
    for name, windows in zip(("train", "validation"), splits, strict=True):
        with written_whole(run / "windows" / f"{name}.npy") as partial:
            with open(partial, "wb") as opened:
                np.save(opened, windows)
    train, validation = splits
    pick = np.random.default_rng(config.seed).permutation(len(validation))
    return train, validation[pick[: config.validation_windows]]


def _windows_of(config, model, sources, name) -> np.ndarray:
    documents = itertools.islice(
        read_documents(sources, config.text_column), config.max_documents
    )
    windows = token_windows(
        tqdm(documents, desc=f"Reading {name} text", unit=" documents"),
        model.preprocessor.tokenizer,
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
    return windows
