"""The scripts of a kit, run against doubles of docker and the server."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import pytest

from tests.serving_deployment import doubles
from tests.serving_deployment.test_files import model_config

SCRIPTS = ["config/ready.sh", "config/start.sh", "release.sh", "smoke.sh"]
# The flags of tensorflow_model_server that a kit uses, from its source: it
# prints others as unknown and goes on.
FLAGS = {
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "monitoring_config_file",
    "port",
    "rest_api_port",
    "rest_api_timeout_in_ms",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
}


def run(*command, **environment):
    return subprocess.run(
        ["bash", *command],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env=os.environ | environment,
    )


def executable(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path.parent


@pytest.fixture
def own_kit(canary_kit, tmp_path):
    """A copy of the kit with two versions, to be changed."""
    return Path(shutil.copytree(canary_kit, tmp_path / "deploy" / "demo"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_syntax(kit, name):
    assert run("-n", kit / name).returncode == 0
    text = (kit / name).read_text()
    assert text.startswith("#!/bin/bash\n")
    assert "\nset -eu" in text


def test_start_gives_the_server_flags_it_knows(kit, tmp_path):
    folder = executable(
        tmp_path / "bin" / "tensorflow_model_server",
        '#!/bin/bash\nprintf "%s\\n" "$@"\n',
    )
    path = f"{folder}:{os.environ['PATH']}"
    result = run(kit / "config" / "start.sh", "--more", PATH=path)
    *flags, more = result.stdout.split()
    assert more == "--more"
    flags = dict(flag.removeprefix("--").split("=") for flag in flags)
    assert set(flags) == FLAGS
    assert flags["port"] != flags["rest_api_port"]
    assert flags["tensorflow_intra_op_parallelism"] == "4"
    for value in flags.values():
        if value.startswith("/config/"):
            assert (kit / value[1:]).is_file()


@pytest.mark.parametrize("fault", [None, "loading"])
def test_ready_says_whether_the_double_is_available(kit, fault):
    server = doubles.start(kit / "config" / "models.config", fault)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    script = kit / "config" / "ready.sh"
    try:
        result = run(script, REST_PORT=str(server.server_port))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (result.returncode == 0) == (fault is None), result.stderr
    assert run(script, REST_PORT=str(server.server_port)).returncode != 0


def release(kit, *arguments):
    result = run(kit / "release.sh", *arguments)
    model = model_config(kit)
    return (
        result,
        list(model.model_version_policy.specific.versions),
        dict(model.version_labels),
    )


def test_a_release_and_a_roll_back(own_kit):
    before = (own_kit / "config" / "models.config").read_text()
    for arguments, versions, stable, canary in (
        (("show",), [11, 3], 3, 11),
        (("load", "2"), [11, 2, 3], 3, 11),
        (("load", "13"), [11, 13, 2, 3], 3, 11),
        (("canary", "13"), [11, 13, 2, 3], 3, 13),
        (("unload", "11"), [13, 2, 3], 3, 13),
        (("stable", "13"), [13, 2, 3], 13, 13),
        (("stable", "3"), [13, 2, 3], 3, 13),
        (("canary", "3"), [13, 2, 3], 3, 3),
        (("unload", "13"), [2, 3], 3, 3),
        (("unload", "2"), [3], 3, 3),
        (("load", "11"), [3, 11], 3, 3),
        (("canary", "11"), [3, 11], 3, 11),
    ):
        result, found, labels = release(own_kit, *arguments)
        assert result.returncode == 0, result.stderr
        assert sorted(found) == sorted(versions), arguments
        assert labels == {"stable": stable, "canary": canary}, arguments
        assert f"stable: {stable}" in result.stdout
    after = (own_kit / "config" / "models.config").read_text()
    assert sorted(after.splitlines()) == sorted(before.splitlines())
    assert {path.name for path in (own_kit / "config").iterdir()} == {
        "batching_parameters.txt",
        "models.config",
        "monitoring.config",
        "ready.sh",
        "start.sh",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Usage"),
        (("load",), "Usage"),
        (("load", "two"), "Usage"),
        (("load", "02"), "Usage"),
        (("load", "3"), "loaded already"),
        (("remove", "3"), "none of show, load"),
        (("canary", "1"), "is not loaded"),
        (("unload", "1"), "is not loaded"),
        (("unload", "3"), "'stable'"),
        (("unload", "11"), "'canary'"),
    ],
)
def test_a_wrong_release_changes_nothing(own_kit, arguments, words):
    config = own_kit / "config" / "models.config"
    before = config.read_text()
    result, _, _ = release(own_kit, *arguments)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert config.read_text() == before


@pytest.fixture
def smoke(kit, tmp_path):
    """Returns a function that runs smoke.sh with a docker of ours."""
    folder = executable(
        tmp_path / "bin" / "docker",
        f'#!/bin/bash\nexec "{sys.executable}" "{doubles.__file__}" "$@"\n',
    )
    # Without TensorFlow: what it would ask is tested below.
    executable(folder / "python3", "#!/bin/bash\nexit 1\n")
    executable(folder / "sleep", "#!/bin/bash\n")  # the double is quick

    def start(fault=""):
        result = run(
            kit / "smoke.sh",
            PATH=f"{folder}:{os.environ['PATH']}",
            DOUBLE_FOLDER=str(tmp_path),
            DOUBLE_FAULT=fault,
            PYTHONPATH="",
        )
        assert (tmp_path / "removed").exists()
        return result

    return start


def test_smoke_passes_with_a_double(kit, smoke, tmp_path):
    before = (kit / "config" / "models.config").read_text()
    result = smoke()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "all checks passed with tensorflow/serving:2.20.0" in result.stdout
    assert "FAILED" not in result.stdout
    assert "SKIPPED gRPC" in result.stdout
    assert result.stdout.count("\nok ") == 15
    command = json.loads((tmp_path / "run.json").read_text())
    assert command[-2:] == ["tensorflow/serving:2.20.0", "/config/start.sh"]
    assert "--read-only" in command
    (config,) = re.findall(r"(\S+):/config:ro", " ".join(command))
    assert not Path(config).exists()  # nothing is left
    assert (kit / "config" / "models.config").read_text() == before


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("signatures", "FAILED  an unknown signature is refused"),
        ("labels", "FAILED  the canary label moves"),
    ],
)
def test_smoke_fails_with_a_wrong_double(smoke, fault, words):
    result = smoke(fault)
    assert result.returncode == 1
    assert words in result.stdout
    assert "1 checks FAILED" in result.stdout


@pytest.mark.parametrize("missing", ["docker", "daemon"])
def test_smoke_says_skipped_without_docker(kit, tmp_path, missing):
    folder = tmp_path / "bin"
    for program in ("dirname", "curl"):
        folder.mkdir(exist_ok=True)
        (folder / program).symlink_to(shutil.which(program) or "/bin/true")
    (folder / "bash").symlink_to(shutil.which("bash"))
    if missing == "daemon":
        executable(folder / "docker", "#!/bin/bash\nexit 1\n")
    result = run(kit / "smoke.sh", PATH=str(folder))
    assert result.returncode == 0
    assert result.stdout.startswith("SKIPPED: ")
    assert missing in result.stdout
    assert result.stdout.count("\n") == 1


def test_grpc_request_asks_a_double(kit, capsys):
    grpc = pytest.importorskip("grpc")
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    requests = []

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            requests.append(request)
            answer = predict_pb2.PredictResponse()
            answer.model_spec.version.value = 7
            answer.outputs["label"].CopyFrom(request.inputs["text"])
            return answer

    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Service(), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    spec = importlib.util.spec_from_file_location(
        "grpc_request", kit / "grpc_request.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        module.main(f"127.0.0.1:{port}", "canary")
    finally:
        server.stop(1).wait()
    (request,) = requests
    assert request.model_spec.name == "demo"
    assert request.model_spec.version_label == "canary"
    assert request.model_spec.signature_name == "serving_default"
    assert list(request.inputs) == ["text"]
    printed = capsys.readouterr().out
    assert "version: 7" in printed
    assert "The sea is calm." in printed
