"""A run of the pipeline that builds records: what is before and after it."""

import argparse
import contextlib
import json
import time
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_mixattn.data import MANIFEST
from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import load_vocabulary
from keras_mixattn.errors import InputError
from training.beam_files import PARTIAL
from training.beam_files import is_remote
from training.beam_files import join
from training.beam_files import matched
from training.beam_files import read_whole
from training.beam_files import remote_sources
from training.beam_files import remove
from training.beam_files import write_whole
from training.beam_screen import counted_examples
from training.beam_screen import without_worker_log
from training.pretraining_pipeline import FAULT
from training.pretraining_pipeline import checked_options
from training.pretraining_pipeline import record_builder
from training.pretraining_pipeline import run_pipeline
from training.pretraining_plan import PLAN
from training.pretraining_plan import RecordPlan
from training.pretraining_plan import local_sources

_RECORDS = "records-*.npy"


def build_records(
    arguments: argparse.Namespace, options: Sequence[str] | None
) -> None:
    """Builds the records that are missing.

    Args:
        arguments: Those of `training.build_pretraining_data`.
        options: Those of Beam, or `None` for all cores of this machine.

    Raises:
        InputError: An argument is not legal, the text cannot be read, or the
            directory holds other records.
    """
    plan = _plan(arguments)
    builder = record_builder(plan)
    tasks = plan.tasks(arguments.workers)
    is_local = options is None
    if is_local:
        options = _local_options(min(arguments.workers, len(tasks)))
    checked_options(options)
    output = arguments.output
    if not _claim(plan, output, arguments.fresh):
        print(f"'{output}' is complete; nothing to do.")
        return
    start = time.monotonic()
    with (
        counted_examples(join(output, _RECORDS), builder.record_size),
        without_worker_log() if is_local else contextlib.nullcontext(),
    ):
        run_pipeline(plan, tasks, output, options)
    manifest = json.loads(read_whole(join(output, MANIFEST)))
    _report(manifest, output, time.monotonic() - start)


def _local_options(workers: int) -> list[str]:
    mode = "in_memory" if workers == 1 else "multi_processing"
    return [
        *("--runner", "FnApiRunner"),
        *("--direct_running_mode", mode),
        *("--direct_num_workers", str(workers)),
    ]


def _plan(arguments: argparse.Namespace) -> RecordPlan:
    vocabulary = load_vocabulary(arguments.vocabulary)
    sources = []
    for name in tqdm(arguments.input, desc="Checking", leave=False):
        if is_remote(name):
            sources += remote_sources(name)
        else:
            sources += local_sources(name, arguments.data_dir)
    return RecordPlan(
        input=tuple(arguments.input),
        sources=tuple(sources),
        text_column=arguments.text_column,
        split=arguments.split,
        data_dir=arguments.data_dir,
        vocabulary=vocabulary,
        lowercase=not arguments.cased,
        sequence_length=arguments.sequence_length,
        seed=arguments.seed,
        min_tokens=arguments.min_tokens,
        single_rate=arguments.single_rate,
        short_rate=arguments.short_rate,
        shard_characters=round(arguments.shard_megabytes * 1e6),
    )


def _claim(plan: RecordPlan, output: str, fresh: bool) -> bool:
    """Makes the directory this plan's; tells whether records are missing."""
    if not is_remote(output):
        with _writing(output):
            Path(output).mkdir(parents=True, exist_ok=True)
    path = join(output, PLAN)
    described, earlier = plan.described(), read_whole(path)
    if fresh and earlier is not None:
        # With a manifest they are complete, without a plan somebody else's.
        for patterns in ((MANIFEST,), (_RECORDS, FAULT, PARTIAL), (PLAN,)):
            remove(output, patterns)
        earlier = None
    if earlier is None:
        remove(output, (f"{PARTIAL}-{PLAN}",))
        if matched(join(output, "*")):
            raise InputError(
                f"'{output}' holds other files; give an empty directory."
            )
        with _writing(output):
            text = json.dumps(described, indent=1) + "\n"
            write_whole(path, text.encode())
        return True
    _check_same(described, json.loads(earlier), output)
    remove(output, (FAULT, PARTIAL))
    return not _is_complete(output)


def _check_same(described: dict, earlier: dict, output: str) -> None:
    changed = [
        name
        for name in {**described, **earlier}
        if described.get(name) != earlier.get(name)
    ]
    if changed:
        raise InputError(
            f"'{output}' holds records that differ in {', '.join(changed)}; "
            "give another directory, or `--fresh` to replace them."
        )


def _is_complete(output: str) -> bool:
    if read_whole(join(output, MANIFEST)) is None:
        return False
    try:
        if not is_remote(output):
            PretrainingRecords(output)
    except InputError:  # a file was lost since: it is built again
        return False
    return True


@contextlib.contextmanager
def _writing(output: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"'{output}' cannot be written: {error.strerror or error}; choose "
            "another directory."
        ) from error


def _report(manifest: dict, output: str, seconds: float) -> None:
    counts = manifest["counts"]
    if not counts["examples"]:
        raise InputError(
            f"The text, {', '.join(manifest['plan']['input'])}, gives no "
            "example; give more text, or a smaller `--min_tokens`."
        )
    megabytes = counts["characters"] / 1e6
    print(
        f"Wrote {output}: {counts['examples']} examples, "
        f"{counts['two_segments'] / counts['examples']:.0%} of them of two "
        f"segments, {counts['tokens']} tokens from {counts['documents']} "
        f"documents, {megabytes:.1f} million characters, in {seconds:.1f} "
        f"seconds ({megabytes / seconds:.1f} million a second)."
    )
