"""`python -m keras_mixattn.serving serve`: which server, and how it ends."""

import argparse
import os
import signal
import subprocess
import sys
import threading

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.local_server import serve_command
from tests.serving_clients.stub_models import save_stub

PROGRAM = """
import argparse, sys
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.serving.local_server import serve_command

parser = argparse.ArgumentParser()
serve_command.add_parser(parser.add_subparsers())
exit_on_input_error(serve_command.run)(parser.parse_args(sys.argv[1:]))
"""


XLA = """
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_mixattn.serving.local_server.loaded_model import LoadedModel
from keras_mixattn.serving.local_server.loaded_model import disable_xla

module = tf.Module()
module.double = tf.function(
    lambda x: {"y": 2 * x},
    jit_compile=True,
    input_signature=[tf.TensorSpec([None], tf.float32, "x")],
)
tf.saved_model.save(module, sys.argv[1], {"serving_default": module.double})
assert disable_xla()
LoadedModel(Path(sys.argv[1])).run("serving_default", {"x": np.ones(2, "f")})
"""


def options(*words):
    parser = argparse.ArgumentParser()
    serve_command.add_parser(parser.add_subparsers())
    return parser.parse_args(["serve", *map(str, words)])


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """Returns a function that puts a program on PATH, where nothing is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, code):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{code}\n")
        path.chmod(0o755)
        return str(path)

    return put


@pytest.fixture
def started(monkeypatch):
    """Returns the words of commands that would take the process over."""
    words = []

    def execv(path, command):
        words.extend(command)
        raise SystemExit

    monkeypatch.setattr(serve_command.os, "execv", execv)
    return words


def test_the_real_server_comes_first(tmp_path, only_path, started, capsys):
    only_path("docker", "exit 0")
    binary = only_path("tensorflow_model_server", "exit 0")
    with pytest.raises(SystemExit):
        serve_command.run(options(tmp_path, "--port", 1, "--rest_port", 2))
    assert started == [
        binary,
        "--port=1",
        "--rest_api_port=2",
        f"--model_name={tmp_path.name}",
        f"--model_base_path={tmp_path}",
    ]
    said = capsys.readouterr().err
    assert "starting" in said
    assert "it listens at every address of this machine" in said


def test_the_image_comes_second(tmp_path, only_path, started, capsys):
    docker = only_path("docker", '[ "$1" = info ]')
    with pytest.raises(SystemExit):
        serve_command.run(options(tmp_path, "--model", "demo"))
    assert started[:2] == [docker, "run"]
    assert f"--volume={tmp_path}:/models/demo:ro" in started
    assert "--publish=127.0.0.1:8501:8501" in started
    assert started[-1].startswith("tensorflow/serving:")
    assert "every address" not in capsys.readouterr().err


def test_the_local_server_comes_last(tmp_path, only_path, monkeypatch):
    only_path("docker", "exit 1")  # no daemon answers
    served = []
    monkeypatch.setattr(
        serve_command, "_serve_locally", lambda *words: served.append(words[1:])
    )
    serve_command.run(options(tmp_path))
    serve_command.run(options(tmp_path, "--server", "local"))
    assert served == [(tmp_path, tmp_path.name)] * 2
    with pytest.raises(
        InputError, match="'docker' is not on PATH, or its daemon"
    ):
        serve_command.run(options(tmp_path, "--server", "docker"))
    name = "tensorflow_model_server"
    with pytest.raises(InputError, match=f"'{name}' is not on PATH; leave"):
        serve_command.run(options(tmp_path, "--server", name))


def test_wrong_directories_and_options(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is not a directory"):
        serve_command.run(options(tmp_path / "none"))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    with pytest.raises(InputError, match="is one version of a model"):
        serve_command.run(options(tmp_path / "1"))
    with pytest.raises(InputError, match="--max_batch_size must be at least"):
        serve_command.run(
            options(tmp_path, "--server", "local", "--max_batch_size", 0)
        )


def test_it_says_what_it_is_and_ends_after_the_last_answer(tmp_path):
    save_stub("classes", tmp_path / "1")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "serve", str(tmp_path)]
        + ["--model", "stub", "--port", "0", "--rest_port", "0"]
        + ["--server", "local", "--batch_timeout_ms", "1500"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    line = process.stdout.readline()
    assert line.startswith("serving 'stub': gRPC at 127.0.0.1:")
    address = line.split()[4].rstrip(",")
    url = line.split()[-1]
    answers = []

    def ask(client):
        with client:
            answers.extend(client.classify(["a"]))

    clients = [
        GrpcClient(address, "stub", retries=Retries(1)),
        RestClient(url, "stub", retries=Retries(1)),
    ]
    for client in clients:
        client.signatures()
    threads = [threading.Thread(target=ask, args=[one]) for one in clients]
    for thread in threads:
        thread.start()
    # Both wait in a batch for 1.5 s, the server ends in the midst of it.
    threads[0].join(0.4)
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [one.label for one in answers] == ["one", "one"]
    assert "This is not TensorFlow Serving" in said


def test_no_version_is_one_sentence_and_exit_code_2(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "serve", str(tmp_path)]
        + ["--server", "local"],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: No versions of servable found under")


def test_a_graph_that_asks_for_xla_fails_as_on_the_real_server(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", XLA, str(tmp_path / "1")],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert result.returncode == 1
    assert "XLA compilation disabled" in result.stderr
