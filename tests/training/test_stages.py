"""Stages of the demo: skipped when finished, resumed or begun anew."""

import json
import multiprocessing
import os
import sys

import pytest

from keras_mixattn.errors import InputError
from training import stages as stages_module
from training.demo import demo_stages
from training.stages import Stage
from training.stages import run_stages


class Stages:
    """Two stages that note each run, and the command to run them."""

    def __init__(self, directory):
        self.directory = directory
        self.config = directory / "config.json"
        self.config.write_text("1")
        self.second_succeeds = True

    def run(self, fresh=False, version="1"):
        stages = [
            self._stage("first", "pass"),
            self._stage("second", "open('allowed')", self.config),
        ]
        if self.second_succeeds:
            (self.directory / "allowed").write_text("")
        return run_stages(
            stages, self.directory / "stages.json", version, fresh
        )

    def _stage(self, name, statement, *configs):
        work, output = self.directory / f"{name}_run", self.directory / name
        code = (
            f"import os; os.chdir({str(self.directory)!r}); "
            f"how = 'resumed' if os.path.exists({work.name!r}) else 'anew'; "
            f"os.makedirs({work.name!r}, exist_ok=True); "
            f"open('runs', 'a').write(f'{name} {{how}}\\n'); "
            f"{statement}; open({name!r}, 'w')"
        )
        return Stage(name, name, ("-c", code), (output,), configs, work)

    def take_runs(self):
        path = self.directory / "runs"
        runs = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return runs


@pytest.fixture
def stages(tmp_path):
    return Stages(tmp_path)


FIRST, SECOND = "first anew", "second anew"


def test_finished_stages_are_skipped(stages):
    stamps = stages.run()
    assert stages.take_runs() == [FIRST, SECOND]
    assert stages.run() == stamps
    assert stages.take_runs() == []
    assert all(stamp["seconds"] > 0 for stamp in stamps.values())


def test_a_failed_stage_is_resumed(stages):
    stages.second_succeeds = False
    with pytest.raises(InputError, match="'second' ended with code 1"):
        stages.run()
    assert stages.take_runs() == [FIRST, SECOND]
    stages.second_succeeds = True
    stages.run()
    assert stages.take_runs() == ["second resumed"]


def test_a_stage_is_resumed_after_everything_was_killed(stages):
    stages.second_succeeds = False
    with pytest.raises(InputError):
        stages.run()
    stages.take_runs()
    path = stages.directory / "stages.json"
    stamps = json.loads(path.read_text())
    stamps["second"]["seconds"] = 0.0  # written when a stage ends
    path.write_text(json.dumps(stamps))
    stages.second_succeeds = True
    stages.run()
    assert stages.take_runs() == ["second resumed"]


def test_a_changed_configuration_redoes_its_stage(stages):
    stages.run()
    stages.take_runs()
    stages.config.write_text("2")
    stages.run()
    assert stages.take_runs() == [SECOND]


def test_so_it_does_if_interrupted_before_it_began(stages, monkeypatch):
    def interrupt(stage, stamp):
        raise KeyboardInterrupt

    stages.run()
    stages.take_runs()
    stages.config.write_text("2")
    with monkeypatch.context() as patch:
        patch.setattr(stages_module, "_run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            stages.run()
    stages.run()
    assert stages.take_runs() == [SECOND]


def test_another_version_redoes_everything_and_so_does_fresh(stages):
    stages.run()
    stages.run(version="2")
    stages.run(version="2", fresh=True)
    assert stages.take_runs() == [FIRST, SECOND] * 3


def test_a_missing_output_redoes_its_stage(stages):
    stages.run()
    stages.take_runs()
    (stages.directory / "first").unlink()
    stages.run()
    assert stages.take_runs() == ["first resumed"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to do it")
def test_a_killed_demo_takes_its_command_along(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = (
        "import sys, time; pipe = open(sys.argv[1], 'w', buffering=1); "
        "print('begun', file=pipe); time.sleep(30); print('ended', file=pipe)"
    )
    stage = Stage("one", "One", ("-c", code, str(pipe)))
    process = multiprocessing.get_context("fork").Process(
        target=run_stages, args=([stage], tmp_path / "stages.json", "1", False)
    )
    process.start()
    with open(pipe) as lines:
        assert lines.readline() == "begun\n"
        process.kill()
        assert lines.read() == ""
    process.join()


def test_a_stage_is_heard_without_greetings(tmp_path, capsys):
    code = (
        "import os, time\n"
        "for piece in (b'I0000 00:00 port', b'.cc\\nIs it', b' so?\\n',"
        " b'\\r 1%', b'\\r 2%', b'\\nW0000 00 cpu\\nTo enable the following"
        " instructions: x\\nE0000 bad\\nerror: end'):\n"
        "    os.write(2, piece); time.sleep(0.05)"
    )
    stages = [Stage("one", "One", ("-c", code))]
    run_stages(stages, tmp_path / "stages.json", "1", fresh=False)
    heard = capsys.readouterr().err
    assert heard == "Is it so?\n\r 1%\r 2%\nE0000 bad\nerror: end"


def test_the_stages_of_the_demo_name_existing_configurations(tmp_path):
    stages = demo_stages(
        "conv_bert", tmp_path / "run", tmp_path / "saved_model"
    )
    assert [stage.name for stage in stages] == [
        "data",
        "vocabulary",
        "pretrain",
        "finetune",
        "export",
    ]
    for stage in stages:
        assert all(path.is_file() for path in stage.configs)
