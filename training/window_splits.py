"""The windows of token ids of a pre-training run."""

import itertools
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from keras_mixattn.data import MANIFEST
from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import read_documents
from keras_mixattn.data import sentence_structure_examples
from keras_mixattn.data import token_windows
from keras_mixattn.errors import InputError
from training.files import remove_leftovers
from training.pretrain_config import PretrainConfig
from training.pretraining_plan import PLAN
from training.run_directory import RunDirectory
from training.team import Team
from training.windows import ArrayWindows
from training.windows import RecordWindows
from training.windows import Windows

# Runs that differ in their seed are measured on the same masked windows.
HELD_OUT_SEED = 1

_SPLITS = ("train", "validation")
_SECONDS = 60  # a file in a network may be seen so much later


def shared_windows(
    config: PretrainConfig, tokenizer, run: RunDirectory, team: Team
) -> dict[str, Windows]:
    """Lets the chief read the text and keep it, and the others load that.

    The run is claimed when the text is read.

    Args:
        config: The configuration.
        tokenizer: Cuts the text into tokens.
        run: The run.
        team: The processes that train together.

    Returns:
        What `read_windows` returns.

    Raises:
        InputError: As `read_windows` raises it; or a worker does not see
            what the chief kept.
    """
    if team.is_chief:
        windows = read_windows(config, tokenizer, run)
        run.claim()
        keep_windows(windows, run)
    team.wait()
    if not team.is_chief:
        run.join()
        _wait_for_windows(config, run)
        windows = read_windows(config, tokenizer, run)
    return windows


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
    return {name: _read(config, tokenizer, run, name) for name in _SPLITS}


def _read(
    config: PretrainConfig, tokenizer, run: RunDirectory, name: str
) -> Windows:
    records = _records(getattr(config, name))
    if records is not None:
        records.check(tokenizer, config.sequence_length)
        if config.sentence_passes > 1:
            raise InputError(
                f"`sentence_passes` is {config.sentence_passes}, but of "
                f"'{records.directory}', which holds records, each pass makes "
                "other pairs by itself; leave it at 1."
            )
        structured = config.sentence_structure
        if structured and not records.manifest["counts"]["two_segments"]:
            raise InputError(
                f"The records in '{records.directory}' have one segment each, "
                "without any order; for `sentence_structure` build others "
                "with a `--single_rate` below 1."
            )
        return _checked(config, name, RecordWindows(records, structured))
    if config.pooling_segments == "given" and not config.sentence_structure:
        raise InputError(
            "`pooling_segments` can be 'given' only with "
            "`sentence_structure` or records, whose texts are cut into "
            "sentences."
        )
    if run.has(_file(name)):
        return ArrayWindows(run.read_arrays(_file(name)))
    return _windows_of(config, tokenizer, name)


def record_manifests(config: PretrainConfig) -> dict[str, Path]:
    """Returns the manifests of the splits that are records.

    Args:
        config: The configuration.

    Returns:
        The files, by name of the split.
    """
    return {
        name: Path(source, MANIFEST)
        for name in _SPLITS
        for source in getattr(config, name)[:1]  # they cannot be joined
        if Path(source, MANIFEST).exists()
    }


def _is_records(source: str) -> bool:
    """Tells records, even if they are not complete, from text."""
    return any(Path(source, name).exists() for name in (MANIFEST, PLAN))


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
        if not run.has(_file(name)):
            rows.keep(run, _file(name))


def _wait_for_windows(config: PretrainConfig, run: RunDirectory) -> None:
    deadline = time.monotonic() + _SECONDS
    for name in _SPLITS:
        if any(map(_is_records, getattr(config, name))):
            continue
        while not run.has(_file(name)):
            if time.monotonic() > deadline:
                raise InputError(
                    f"'{run / _file(name)}' is not there, though the first "
                    "worker wrote it; give a run_directory that all of them "
                    "share."
                )
            time.sleep(0.1)


def _file(name: str) -> str:
    return f"windows/{name}.npz"


def _windows_of(config: PretrainConfig, tokenizer, name: str) -> Windows:
    sources = getattr(config, name)
    documents = itertools.islice(
        read_documents(sources, config.text_column), config.max_documents
    )
    documents = tqdm(documents, desc=f"Reading {name} text", unit=" documents")
    if config.sentence_structure:
        pairs = sentence_structure_examples(
            documents,
            tokenizer,
            config.sequence_length,
            seed=config.seed,
            passes=config.sentence_passes if name == "train" else 1,
        )
        columns = pairs._asdict()
    else:
        token_ids = token_windows(
            documents, tokenizer, config.sequence_length, config.min_tokens
        )
        columns = {"token_ids": token_ids}
    return _checked(config, name, ArrayWindows(columns))


def _checked(config: PretrainConfig, name: str, windows: Windows) -> Windows:
    """Returns enough windows to train on, or some to measure on."""
    count = len(windows)
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
        windows = windows.pick(pick[: config.validation_windows])
    return windows
