"""The clients against TensorFlow Serving itself, and our server beside it.

Without further words an export of the tests is served by the installed
`tensorflow_model_server`, or by the official image if docker runs. A server
that runs already is asked if it is named, and what it serves:

    TF_SERVING_URL=http://localhost:8501 TF_SERVING_GRPC=localhost:8500 \\
        TF_SERVING_MODEL=saved_models/demo python -m pytest -rs \\
        tests/serving_clients -k real_server
"""

import os
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.client.fuzz import fuzz
from keras_mixattn.serving.local_server import real_server
from keras_mixattn.serving.local_server.server import LocalServer
from tests.models.builders import TEXTS

URL = os.environ.get("TF_SERVING_URL")
ADDRESS = os.environ.get("TF_SERVING_GRPC", "localhost:8500")
DIRECTORY = Path(os.environ.get("TF_SERVING_MODEL", "saved_models/demo"))
# A first start may have to fetch the image.
SECONDS_TO_START = 600


@pytest.fixture(scope="module")
def real(exported):
    """The URL, the address and the directory of what a real server serves."""
    if URL is not None:
        yield URL, ADDRESS, DIRECTORY
        return
    port, rest_port = _free_port(), _free_port()
    for find in (real_server.binary_command, real_server.docker_command):
        command = find(exported, exported.name, "127.0.0.1", port, rest_port)
        if command is not None:
            break
    else:
        pytest.skip(
            "SKIPPED: TF_SERVING_URL is not set, and there is no server"
        )
    process = subprocess.Popen(command)
    try:
        where = f"http://127.0.0.1:{rest_port}", f"127.0.0.1:{port}"
        _wait_for(process, RestClient(where[0], exported.name))
        yield *where, exported
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def local(real):
    """Our server of the same export."""
    with LocalServer(real[2], port=0, rest_port=0) as server:
        yield server


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_for(process, client):
    end = time.monotonic() + SECONDS_TO_START
    with client:
        while not client.is_ready():
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < end
            time.sleep(0.5)


def _requests(signatures):
    names = signatures["serving_default"].inputs
    texts = [*TEXTS, "a calm sea", "", "a [MASK] day", "é " * 500]
    yield "serving_default", dict.fromkeys(names, texts)
    yield "serving_default", dict.fromkeys(names, [])
    rows = {
        "token_ids": np.array([[2, 1, 4, 3], [2, 3, 0, 0]]),
        "segment_ids": np.zeros((2, 4), int),
        "lengths": np.array([4, 2]),
    }
    if "serving_tokens" in signatures:
        names = signatures["serving_tokens"].inputs
        yield "serving_tokens", {name: rows[name] for name in names}


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_real_server_answers_as_the_local_one(real, local, protocol):
    url, address, directory = real
    kind, where, ours = RestClient, url, local.rest_url
    if protocol == "grpc":
        kind, where, ours = GrpcClient, address, local.grpc_address
    with kind(where, directory.name) as client, kind(ours, local.model) as own:
        assert client.is_ready()
        assert client.version_states().items() <= own.version_states().items()
        signatures = own.signatures()
        assert client.signatures() == signatures
        for name, inputs in _requests(signatures):
            expected = own.predict(name, inputs)
            assert same_answers(client.predict(name, inputs), expected), name


def test_real_server_survives_odd_requests(real):
    url, address, directory = real
    report = fuzz(url, address, directory.name, 500)
    print(report.table())
    assert report.faults == []
