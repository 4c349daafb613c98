"""Models on disk and servers, each made once for all tests."""

import keras
import pytest

from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.local_server.server import LocalServer
from tests.models.builders import small_classifier
from tests.serving_clients.stub_models import save_stub


@pytest.fixture(scope="session")
def classifier():
    keras.utils.set_random_seed(3)
    made = small_classifier()
    for index, weight in enumerate(made.weights):
        noise = keras.random.normal(weight.shape, stddev=0.4, seed=index)
        weight.assign_add(keras.ops.cast(noise, weight.dtype))
    return made


@pytest.fixture(scope="session")
def exported(classifier, tmp_path_factory):
    """The directory of a ConvBERT classifier's versions."""
    directory = tmp_path_factory.mktemp("saved_models") / "films"
    export_saved_model(classifier, directory, verify=False)
    return directory


@pytest.fixture(scope="session")
def film_server(exported):
    with LocalServer(exported, port=0, rest_port=0) as server:
        yield server


@pytest.fixture(scope="session")
def stub_server(tmp_path_factory):
    """Returns a function from a kind of stub to its server."""
    servers = {}

    def start(kind):
        if kind not in servers:
            directory = tmp_path_factory.mktemp("stubs") / kind
            save_stub(kind, directory / "1")
            servers[kind] = LocalServer(
                directory, "stub", port=0, rest_port=0, poll_seconds=0.05
            ).start()
        return servers[kind]

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture(params=["rest", "grpc"])
def make_client(request):
    """Returns a function from a server to its client of either protocol."""
    clients = []

    def make(server, model=None, **options):
        kind, where = RestClient, server.rest_url
        if request.param == "grpc":
            kind, where = GrpcClient, server.grpc_address
        clients.append(kind(where, model or server.model, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
