"""The Beam pipeline from texts to files of records.

One worker reads a volume of text from its start to its end and writes a file
for each of its parts; nothing is shuffled between workers, and no more than
one part is held in memory.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import create_runner

from keras_mixattn.data import MANIFEST
from keras_mixattn.data import RecordBuilder
from keras_mixattn.data import describe_shard
from keras_mixattn.data import read_documents
from keras_mixattn.data import record_manifest
from keras_mixattn.data import shard_content
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import ConvBertTokenizer
from training.beam_files import is_remote
from training.beam_files import join
from training.beam_files import local_copy
from training.beam_files import read_whole
from training.beam_files import write_whole
from training.pretraining_plan import RecordPlan
from training.pretraining_plan import Task
from training.pretraining_plan import parts

FAULT = "fault.json"


def checked_options(options: Sequence[str]) -> None:
    """Checks options of Beam, which passes over what it does not know.

    Args:
        options: Such as `["--runner", "DataflowRunner", "--project", "p"]`.

    Raises:
        InputError: Beam knows no option or no runner of this name.
    """
    parsed = PipelineOptions(list(options))
    known = parsed.get_all_options(drop_default=True)
    unknown = set(
        parsed.get_all_options(drop_default=True, retain_unknown_options=True)
    ).difference(known)
    if unknown:
        raise InputError(
            f"Beam knows no option {', '.join(sorted(unknown))}; see the "
            "documentation of the runner."
        )
    runner = known["runner"]
    try:
        create_runner(runner)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"Beam cannot start the runner {runner!r}: {first_line(error)}; "
            "install what it needs, or name another."
        ) from error


def run_pipeline(
    plan: RecordPlan,
    tasks: Sequence[Task],
    output: str,
    options: Sequence[str],
) -> None:
    """Builds all records, then writes the manifest.

    Args:
        plan: What determines the records.
        tasks: The work on them.
        output: The directory to write to.
        options: Those of Beam, such as `--runner`.

    Raises:
        InputError: A source cannot be read, the records cannot be written,
            or an option is missing.
    """
    described = plan.described()
    # Workers need no list of all files, which may be long.
    plan = dataclasses.replace(plan, input=(), sources=())
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(list(options)))
    except ValueError as error:
        raise InputError(
            f"Beam refuses the options: {' '.join(str(error).split())}; see "
            "the documentation of the runner."
        ) from error
    with pipeline:
        _ = (
            pipeline
            | "Tasks" >> beam.Create(list(tasks))
            | "Spread" >> beam.Reshuffle()
            | "Build" >> beam.ParDo(BuildShards(plan, output))
            | "Gather" >> beam.combiners.ToList()
            | "Finish" >> beam.Map(finish, plan, described, output)
        )
    fault = read_whole(join(output, FAULT))
    if fault is not None:
        raise InputError(json.loads(fault)["fault"])


class BuildShards(beam.DoFn):
    """Writes the files of a task, and yields what the manifest says of them.

    A fault of the input, or a full disk, is yielded too: an exception would
    be tried again, and reach the user within a trace of Beam's. One of a store
    is raised, as it may pass.

    Args:
        plan: What determines the records.
        output: The directory to write to.
    """

    def __init__(self, plan: RecordPlan, output: str):
        super().__init__()
        self.plan = plan
        self.output = output
        self._builder = None

    def setup(self):
        self._builder = record_builder(self.plan)

    def process(self, task: Task):
        try:
            yield from self._shards(task)
        except InputError as error:
            yield {"fault": str(error)}

    def _shards(self, task: Task) -> Iterator[dict]:
        plan = self.plan
        with contextlib.ExitStack() as stack:
            names = [
                stack.enter_context(local_copy(name)) for name in task.names
            ]
            documents = read_documents(
                names, plan.text_column, plan.split, plan.data_dir
            )
            cut = parts(documents, plan.shard_characters)
            for number, (first, some) in enumerate(cut):
                if number % task.stripes == task.stripe:
                    yield self._shard(task.volume, number, first, some)

    def _shard(
        self, volume: int, number: int, first: int, documents: list[str]
    ) -> dict:
        name = f"records-{volume:05d}-{number:05d}.npy"
        path = join(self.output, name)
        entry = self._finished(path)
        if entry is None:
            content = shard_content(self._builder(documents, (volume, first)))
            self._write(path, content)
            entry = self._described(content)
        return {
            "name": name,
            "documents": len(documents),
            "characters": sum(map(len, documents)),
            **entry,
        }

    def _write(self, path: str, content: bytes) -> None:
        try:
            write_whole(path, content)
        except (OSError, BeamIOError) as error:
            if is_remote(path):
                raise
            raise InputError(
                f"'{self.output}' cannot be written: {error}; free some space "
                "or choose another directory."
            ) from error

    def _finished(self, path: str) -> dict | None:
        """Describes the file of an earlier run, if it is whole."""
        content = read_whole(path)
        try:
            return None if content is None else self._described(content)
        except (ValueError, EOFError):
            return None

    def _described(self, content: bytes) -> dict:
        return describe_shard(content, self._builder.tokenizer.pad_token_id)


def finish(
    results: list[dict], plan: RecordPlan, described: dict, output: str
) -> None:
    """Writes the manifest, or the first fault.

    Args:
        results: What `BuildShards` yielded.
        plan: What determines the records.
        described: The plan as the manifest holds it.
        output: The directory to write to.
    """
    faults = sorted(result["fault"] for result in results if "fault" in result)
    if faults:
        text = json.dumps({"fault": faults[0]})
        write_whole(join(output, FAULT), text.encode())
        return
    text = record_manifest(
        results,
        record_builder(plan),
        plan=described,
    )
    write_whole(join(output, MANIFEST), text.encode())


def record_builder(plan: RecordPlan) -> RecordBuilder:
    """Returns what builds the records of a plan.

    Args:
        plan: What determines the records.

    Returns:
        The builder, with a tokenizer.
    """
    return RecordBuilder(
        ConvBertTokenizer(plan.vocabulary, lowercase=plan.lowercase),
        plan.sequence_length,
        plan.seed,
        plan.min_tokens,
        plan.single_rate,
        plan.short_rate,
    )
