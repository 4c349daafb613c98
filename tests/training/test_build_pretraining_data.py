"""The command that builds records: what it writes, resumes and refuses."""

import gzip
import json
import shutil
import sys
import threading

import numpy as np
import pytest

from keras_mixattn.data import PretrainingRecords
from keras_mixattn.errors import InputError
from tests.data.tfds_sets import store
from training import build_pretraining_data
from training.pretraining_plan import RecordPlan
from training.pretraining_plan import Source
from training.pretraining_plan import Task
from training.pretraining_plan import parts


@pytest.fixture
def sources(files, tmp_path):
    """Returns a directory with a packed text and a table."""
    directory = tmp_path / "text"
    directory.mkdir()
    content = (files / "train.txt").read_bytes()
    (directory / "a.txt.gz").write_bytes(gzip.compress(content))
    text = (files / "dev.txt").read_text()
    rows = [json.dumps({"text": line}) for line in text.split("\n\n")]
    (directory / "b.jsonl").write_text("\n".join(rows))
    return directory


@pytest.fixture
def build(sources, files):
    """Returns a function that runs the command into a directory."""
    pytest.importorskip("apache_beam")

    def run(output, *more, workers=1, source=sources):
        words = ["--input", str(source), "--output", str(output)]
        words += ["--vocabulary", str(files / "vocab.txt")]
        words += ["--sequence_length", "23", "--min_tokens", "2"]
        words += ["--shard_megabytes", "0.001", "--workers", str(workers)]
        build_pretraining_data.main([*words, *more])
        return output

    return run


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def assert_refused(capsys, run, said):
    with pytest.raises(SystemExit) as exit_info:
        run()
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and said in error


def test_it_writes_records_and_says_so(build, tmp_path, capsys):
    output = build(tmp_path / "records")
    records = PretrainingRecords(output)
    counts = records.manifest["counts"]
    assert counts["documents"] == 211 + 31
    assert len(records.manifest["shards"]) > 3
    printed = capsys.readouterr().out
    assert f"Wrote {output}: {len(records)} examples" in printed
    tokens = records.take(np.arange(len(records)))["token_ids"]
    assert (tokens > 0).sum() == counts["tokens"]
    # Every document is short: each gives one example.
    assert len(records) == counts["documents"]


def test_workers_change_nothing(build, tmp_path):
    alone = contents(build(tmp_path / "alone"))
    shared = contents(build(tmp_path / "shared", workers=2))
    assert alone == shared


def test_a_tensorflow_data_set(build, tmp_path, capsys):
    import tensorflow_datasets as tfds

    texts = ["dog sees cat finds", "cow hears hen seeks pig likes", "oak needs"]
    store(
        tmp_path / "sets",
        "animals",
        {"text": tfds.features.Text()},
        [{"text": text} for text in texts],
    )

    def run():
        return build(
            tmp_path / "records",
            *("--data_dir", str(tmp_path / "sets"), "--split", "train[:2]"),
            source="tfds:animals",
        )

    tokens = PretrainingRecords(run()).take([0, 1])["token_ids"]
    assert (tokens > 0).sum(axis=1).tolist() == [4 + 2, 6 + 2]
    versions = tmp_path / "sets" / "animals"
    shutil.copytree(versions / "1.0.0", versions / "1.1.0")
    info = versions / "1.1.0" / "dataset_info.json"
    info.write_text(info.read_text().replace("1.0.0", "1.1.0"))
    assert_refused(capsys, run, "that differ in sources; give")


def test_it_goes_on_where_it_was_interrupted(build, tmp_path, monkeypatch):
    whole = contents(build(tmp_path / "whole"))
    output = build(tmp_path / "records")
    (output / "manifest.json").unlink()
    (output / ".partial-0-records-00000-00001.npy").write_bytes(b"half")
    first, second, *others = sorted(output.glob("records-*.npy"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-3])
    built = []
    from training import pretraining_pipeline

    write = pretraining_pipeline.write_whole
    monkeypatch.setattr(
        pretraining_pipeline,
        "write_whole",
        lambda path, content: built.append(path) or write(path, content),
    )
    build(output)
    assert contents(output) == whole
    names = [path.rpartition("/")[2] for path in built]
    assert sorted(names) == ["manifest.json", first.name, second.name]


def test_what_is_complete_is_left_alone(build, tmp_path, capsys):
    output = build(tmp_path / "records")
    times = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    build(output)
    assert "is complete; nothing to do" in capsys.readouterr().out
    assert times == {path: path.stat().st_mtime_ns for path in output.iterdir()}
    (output / "records-00000-00001.npy").unlink()
    build(output)
    assert times.keys() == set(output.iterdir())


def test_other_arguments_or_inputs_are_refused(
    build, sources, tmp_path, capsys
):
    output = build(tmp_path / "records")
    before = contents(output)
    assert_refused(
        capsys,
        lambda: build(output, "--seed", "2"),
        "that differ in seed; give",
    )
    with open(sources / "a.txt.gz", "ab") as file:
        file.write(gzip.compress(b"a dog sees"))
    assert_refused(
        capsys, lambda: build(output), "that differ in sources; give"
    )
    assert contents(output) == before
    build(output, "--fresh", "--seed", "2")
    assert contents(output) != before


def test_fresh_that_is_killed_leaves_nothing_complete(
    build, tmp_path, monkeypatch, capsys
):
    from training import record_run

    output = build(tmp_path / "records")
    whole = contents(output)
    remove, removals = record_run.remove, []

    def killed(directory, patterns):
        if removals:
            raise KeyboardInterrupt
        removals.append(patterns)
        remove(directory, patterns)

    with monkeypatch.context() as patch:
        patch.setattr(record_run, "remove", killed)
        with pytest.raises(SystemExit):
            build(output, "--fresh")
    assert not (output / "manifest.json").exists()
    (output / "records-00000-00000.npy").unlink()
    build(output)
    assert "nothing to do" not in capsys.readouterr().out
    assert contents(output) == whole


def test_a_plan_that_was_half_written_is_passed_over(build, tmp_path):
    output = tmp_path / "records"
    output.mkdir()
    (output / ".partial-7-plan.json").write_text("{")
    names = {path.name for path in build(output).iterdir()}
    assert names >= {"plan.json", "manifest.json"}
    assert not any(name.startswith(".") for name in names)


def test_the_plan_of_another_version_is_refused(build, tmp_path, capsys):
    output = build(tmp_path / "records")
    plan = json.loads((output / "plan.json").read_text())
    del plan["short_rate"]
    (output / "plan.json").write_text(json.dumps({**plan, "older": 1}))
    assert_refused(
        capsys, lambda: build(output), "that differ in short_rate, older; give"
    )


def shards_of(output, monkeypatch, **functions):
    """Returns what a worker does, some of whose functions are replaced."""
    pytest.importorskip("apache_beam")
    from training import pretraining_pipeline

    for name, function in functions.items():
        monkeypatch.setattr(pretraining_pipeline, name, function)
    return pretraining_pipeline.BuildShards(plan(1), output)


def refuse(*_, **__):
    raise OSError("it is busy")


def test_a_source_that_cannot_be_read_is_no_full_disk(tmp_path, monkeypatch):
    shards = shards_of(str(tmp_path), monkeypatch, read_documents=refuse)
    with pytest.raises(OSError, match="it is busy"):
        list(shards.process(Task(0, ("a.txt",), 0, 1)))


def test_a_store_may_be_tried_again_and_a_full_disk_not(tmp_path, monkeypatch):
    shards = shards_of(str(tmp_path), monkeypatch, write_whole=refuse)
    with pytest.raises(InputError, match="cannot be written: it is busy; free"):
        shards._write(str(tmp_path / "a.npy"), b"")
    with pytest.raises(OSError, match="it is busy"):
        shards._write("gs://b/a.npy", b"")


def test_a_look_at_the_progress_may_fail(monkeypatch):
    pytest.importorskip("apache_beam")
    from training import beam_screen

    looks, faults, enough = [], [], threading.Event()

    def matched(pattern):
        looks.append(pattern)
        if len(looks) > 2:
            enough.set()
        raise InputError("It cannot be listed.")

    monkeypatch.setattr(beam_screen, "matched", matched)
    monkeypatch.setattr(beam_screen, "_SECONDS", 0.01)
    monkeypatch.setattr(threading, "excepthook", faults.append)
    with beam_screen.counted_examples("records-*.npy", 7):
        assert enough.wait(30)
    assert not faults
    looks.clear()
    with beam_screen.counted_examples("gs://b/records-*.npy", 7):
        threading.Event().wait(0.1)
    assert len(looks) == 1  # the last one


def test_a_fault_of_the_text_is_one_sentence(build, tmp_path, capsys):
    text = tmp_path / "a.jsonl"
    text.write_text('{"text": "a dog sees"}\n{"text": 3}\n')
    output = tmp_path / "records"
    assert_refused(
        capsys, lambda: build(output, source=text), "line 2 has no text"
    )
    assert not (output / "manifest.json").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--workers", "0"], "`--workers` is 0"),
        (["--min_tokens", "-1"], "`min_tokens` is -1; it must be 0"),
        (["--split", "test"], "`--split` belongs to tfds:NAME"),
        (["--", "--project", "p"], "takes no options such as '--project'"),
        (
            ["--runner", "FlinkRunner", "--", "--flink_mister", "x"],
            "Beam knows no option flink_mister",
        ),
        (["--runner", "FlonkRunner"], "cannot start the runner 'FlonkRunner'"),
        (["--min_tokens", "99"], "gives no example"),
    ],
)
def test_bad_arguments(build, tmp_path, more, said, capsys):
    assert_refused(capsys, lambda: build(tmp_path / "records", *more), said)


def test_a_directory_of_others_is_refused(build, sources, capsys):
    assert_refused(capsys, lambda: build(sources), "holds other files")


def test_a_missing_beam_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    arguments = ["--input", "a", "--vocabulary", "b", "--output", "c"]
    assert_refused(
        capsys,
        lambda: build_pretraining_data.main(arguments),
        "run `pip install -r requirements-pretraining.txt`",
    )


def plan(*sizes, shard_characters=100):
    sources = [Source(f"{i}.txt", n, "") for i, n in enumerate(sizes)]
    nothing = dict.fromkeys(RecordPlan.__dataclass_fields__)
    return RecordPlan(
        **{
            **nothing,
            "sources": tuple(sources),
            "shard_characters": shard_characters,
        }
    )


def test_small_files_share_a_volume():
    names = [task.names for task in plan(30, 30, 50, 10, 300, 9).tasks(1)]
    assert names == [
        ("0.txt", "1.txt", "2.txt"),
        ("3.txt", "4.txt"),
        ("5.txt",),
    ]


def test_workers_share_a_volume():
    tasks = plan(50, 80, 300, 9).tasks(4)
    stripes = [(task.volume, task.stripe, task.stripes) for task in tasks]
    assert stripes == [
        *[(0, stripe, 4) for stripe in range(4)],
        *[(1, stripe, 4) for stripe in range(4)],
        (2, 0, 1),
    ]


def test_parts_end_between_documents():
    documents = ["a" * size for size in (3, 4, 9, 1, 1)]
    assert list(parts(documents, 5)) == [
        (0, documents[:2]),
        (2, documents[2:3]),
        (3, documents[3:]),
    ]
