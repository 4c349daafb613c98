"""Stages of the demo: skipped when finished, resumed or begun anew."""

import pytest

from keras_mixattn.errors import InputError
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
        output = self.directory / name
        code = (
            f"import os, sys; os.chdir({str(self.directory)!r}); "
            f"open('runs', 'a').write(f'{name} {{sys.argv[1:]}}\\n'); "
            f"{statement}; open({str(output)!r}, 'w')"
        )
        return Stage(
            name, name, ("-c", code), (output,), configs, can_resume=True
        )

    def take_runs(self):
        path = self.directory / "runs"
        runs = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return runs


@pytest.fixture
def stages(tmp_path):
    return Stages(tmp_path)


FIRST, SECOND = "first ['--fresh']", "second ['--fresh']"


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
    assert stages.take_runs() == ["second []"]


def test_a_changed_configuration_redoes_its_stage(stages):
    stages.run()
    stages.take_runs()
    stages.config.write_text("2")
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
    assert stages.take_runs() == [FIRST]


def test_a_stage_is_heard_without_greetings(tmp_path, capfd):
    code = (
        "import os, time\n"
        "for piece in (b'I0000 00:00 port', b'.cc\\nIs it', b' so?\\n',"
        " b'\\r 1%', b'\\r 2%', b'\\nW0000 00 cpu\\nTo enable the following"
        " instructions: x\\nE0000 bad\\nerror: end'):\n"
        "    os.write(2, piece); time.sleep(0.05)"
    )
    stages = [Stage("one", "One", ("-c", code))]
    run_stages(stages, tmp_path / "stages.json", "1", fresh=False)
    heard = capfd.readouterr().err
    assert heard == "Is it so?\n\r 1%\r 2%\nE0000 bad\nerror: end"


def test_the_stages_of_the_demo_name_existing_configurations(tmp_path):
    stages = demo_stages(tmp_path / "run", tmp_path / "saved_model")
    assert [stage.name for stage in stages] == [
        "data",
        "vocabulary",
        "pretrain",
        "finetune",
        "export",
    ]
    for stage in stages:
        assert all(path.is_file() for path in stage.configs)
