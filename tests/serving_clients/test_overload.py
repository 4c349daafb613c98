"""More requests than the local server takes are refused, not kept waiting."""

import collections
import concurrent.futures
import time

import pytest

from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.local_server import rest
from keras_mixattn.serving.local_server import server as server_module
from keras_mixattn.serving.local_server.batching import BatchingOptions
from keras_mixattn.serving.local_server.rest import RestApi
from keras_mixattn.serving.local_server.service import Service
from tests.serving_clients.stub_models import save_stub


@pytest.fixture
def slow_server(tmp_path, monkeypatch):
    """A server that answers two requests at once, each after two seconds."""
    save_stub("classes", tmp_path / "1")
    for module in (rest, server_module):
        monkeypatch.setattr(module, "MOST_REQUESTS", 2)
    with server_module.LocalServer(
        tmp_path, "stub", port=0, rest_port=0, batching=BatchingOptions(8, 2.0)
    ) as server:
        yield server


@pytest.mark.parametrize(
    ("kind", "code"), [("rest", "UNAVAILABLE"), ("grpc", "RESOURCE_EXHAUSTED")]
)
def test_what_is_too_much_is_refused_at_once(slow_server, kind, code):
    make, where = RestClient, slow_server.rest_url
    if kind == "grpc":
        make, where = GrpcClient, slow_server.grpc_address
    with make(where, "stub", retries=Retries(1)) as client:
        client.signatures()

        def ask(_):
            start = time.monotonic()
            try:
                answer = client.classify(["a"])[0].label
            except ServingError as error:
                answer = error.code
            return answer, time.monotonic() - start

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            answers = pool.map(ask, range(3))
            time.sleep(0.3)
            start = time.monotonic()
            with RestClient(slow_server.rest_url, "stub") as other:
                assert other.is_ready()  # whoever waits
            assert time.monotonic() - start < 1
            answers = list(answers)
    assert collections.Counter(one for one, _ in answers) == {"one": 2, code: 1}
    assert all(seconds < 1.5 for one, seconds in answers if one == code)


def test_the_version_that_reads_a_request_answers_it(stub_server):
    """Between two loans of a version, another could take its place."""
    versions = stub_server("classes")._versions
    loans = []

    class Counted:
        def use(self, *words):
            loans.append(words)
            return versions.use(*words)

    api = RestApi(Service("stub", Counted()))
    body = b'{"instances": ["a"]}'
    assert b'"one"' in api.answer("POST", "/v1/models/stub:predict", body, 9.0)
    assert loans == [("stub", None)]
