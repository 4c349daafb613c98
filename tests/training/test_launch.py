"""Workers on this machine: who they are, and that they end together."""

import json
import signal
import sys
import threading
import time

import pytest

from keras_mixattn.errors import InputError
from training.launch import main
from training.launch import start_workers
from training.launch import wait_for
from training.team import check_cluster

TELL = """
import json, os, sys
task = json.loads(os.environ["TF_CONFIG"])
print(task["task"]["index"], len(set(task["cluster"]["worker"])), sys.argv[1:])
print("half a line", end="\\rthe other half", file=sys.stderr)
"""
# The second fails, and then the first, whatever the machine is busy with.
FAIL = """
import json, os, pathlib, sys, time
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
failed = pathlib.Path(__file__).with_name("failed")
if index == 1:
    failed.touch()
    os._exit(7)
while not failed.exists():
    time.sleep(0.05)
time.sleep(0.5)
sys.exit(1)
"""
WAIT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Returns a function that writes a module and makes it known."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def test_each_knows_its_number(program, capsys):
    main(["-n", "3", program("tell", TELL), "--steps", "5"])
    lines = sorted(capsys.readouterr().out.splitlines())
    for number in range(3):
        assert f"[{number}] {number} 3 ['--steps', '5']" in lines
        assert f"[{number}] half a line" in lines
        assert f"[{number}] the other half" in lines


def test_the_first_fault_is_the_code(program):
    with pytest.raises(SystemExit) as exit_info:
        main(["-n", "2", program("fail", FAIL)])
    assert exit_info.value.code == 7


@pytest.mark.parametrize("count", ["0", "-1"])
def test_there_is_at_least_one(program, count, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["-n", count, program("tell", TELL)])
    assert exit_info.value.code == 2
    assert f"workers is {count}; it must be 1" in capsys.readouterr().err


def test_signals_go_to_all(program, capsys):
    def stop():
        while "ready" not in (said := said_so_far()):
            time.sleep(0.05)
        assert said
        time.sleep(0.5)
        signal.raise_signal(signal.SIGTERM)

    said = []

    def said_so_far():
        said.append(capsys.readouterr().out)
        return "".join(said)

    threading.Thread(target=stop).start()
    start = time.monotonic()
    with pytest.raises(SystemExit) as exit_info:
        main(["-n", "2", program("wait", WAIT)])
    assert exit_info.value.code == 75
    assert time.monotonic() - start < 30


def test_a_killed_worker_ends_the_others(program, monkeypatch):
    monkeypatch.setattr("training.launch._GRACE_SECONDS", 0.2)
    workers = start_workers(["-c", "import time; time.sleep(60)"], 2)
    workers[0].kill()
    assert wait_for(workers) == 128 + signal.SIGKILL
    assert all(worker.returncode for worker in workers)
    assert sys.executable == workers[0].args[0]


def test_workers_are_not_trained_as_if_alone(monkeypatch):
    cluster = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    check_cluster("multi_worker")
    with pytest.raises(InputError, match="names 3 processes.*multi_worker"):
        check_cluster("one")
    monkeypatch.setenv("TF_CONFIG", "[]")
    with pytest.raises(InputError, match="no description of a cluster"):
        check_cluster("one")
    monkeypatch.delenv("TF_CONFIG")
    check_cluster("one")
