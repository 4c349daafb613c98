"""New versions under traffic, versions that do not load, and warm-up."""

import concurrent.futures
import shutil
import threading

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.local_server.loaded_model import LoadedModel
from keras_mixattn.serving.local_server.server import LocalServer
from tests.serving_clients.stub_models import save_stub
from tests.serving_clients.waiting import wait_for


def serve(directory):
    return LocalServer(directory, port=0, rest_port=0, poll_seconds=0.05)


def publish(kind, directory, version, **options):
    """As an export does: written beside, then renamed."""
    save_stub(kind, directory / ".tmp", **options)
    (directory / ".tmp").rename(directory / str(version))


def warm_up_record(**inputs):
    log = prediction_log_pb2.PredictionLog()
    for name, value in inputs.items():
        request = log.predict_log.request
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log.SerializeToString()


def test_a_new_version_takes_over_under_traffic(tmp_path):
    directory = tmp_path / "stub"
    save_stub("classes", directory / "1")
    seen, is_over = [], threading.Event()

    def ask(client):
        # No second attempt: none must be needed.
        with client:
            while not is_over.is_set():
                seen.append(max(client.classify(["a"])[0].probabilities))

    with serve(directory) as server:
        clients = [
            kind(where, "stub", retries=Retries(attempts=1))
            for kind, where in (
                (RestClient, server.rest_url),
                (GrpcClient, server.grpc_address),
            )
            for _ in range(2)
        ]
        pool = concurrent.futures.ThreadPoolExecutor(len(clients))
        futures = [pool.submit(ask, one) for one in clients]
        wait_for(lambda: len(seen) > 20)
        publish("less_sure_classes", directory, 2)
        with GrpcClient(server.grpc_address, "stub") as client:
            states = {2: "AVAILABLE", 1: "END"}
            wait_for(lambda: client.version_states() == states)
            count = len(seen)
            wait_for(lambda: len(seen) > count + 20)
            is_over.set()
            for future in futures:
                future.result()  # raises if one request failed
            with pytest.raises(ServingError, match=r"Specific\(stub, 1\)"):
                GrpcClient(server.grpc_address, "stub", 1).classify(["a"])
            # Back to the version before.
            shutil.rmtree(directory / "2")
            states = {2: "END", 1: "AVAILABLE"}
            wait_for(lambda: client.version_states() == states)
    old, new = round(0.5 + 1 / 6, 4), round(0.25 + 1 / 6, 4)
    assert {round(one, 4) for one in seen} == {old, new}
    assert (round(seen[0], 4), round(seen[-1], 4)) == (old, new)


@pytest.mark.parametrize("fault", ["damaged", "warm-up", "empty"])
def test_a_version_that_does_not_load_changes_nothing(tmp_path, fault):
    directory = tmp_path / "stub"
    save_stub("classes", directory / "1")
    with serve(directory) as server:
        if fault == "warm-up":
            record = warm_up_record(texts=["a"])
            publish("classes", directory, 2, warm_up=[record])
        elif fault == "empty":
            (directory / "2").mkdir()
        else:
            save_stub("classes", directory / ".tmp")
            (directory / ".tmp" / "saved_model.pb").write_bytes(b"\xff" * 99)
            (directory / ".tmp").rename(directory / "2")
        with RestClient(server.rest_url, "stub") as client:
            states = {2: "END", 1: "AVAILABLE"}
            wait_for(lambda: client.version_states() == states)
            assert client.classify(["a"])[0].label == "one"


def test_warm_up_is_replayed_before_the_ports_open(tmp_path, capsys):
    directory = tmp_path / "stub"
    save_stub(
        "classes", directory / "1", [warm_up_record(text=["a", "b c"])] * 2
    )
    with serve(directory) as server:
        assert server._versions._servables[1].warm_up_requests == 2
    assert "This is not TensorFlow Serving" in capsys.readouterr().err


def test_too_many_warm_up_requests_are_not_run(tmp_path, monkeypatch):
    save_stub("classes", tmp_path / "1", [warm_up_record(text=["a"])] * 1001)
    runs = []
    monkeypatch.setattr(LoadedModel, "run", lambda *words: runs.append(words))
    with pytest.raises(InputError, match="not become available: .*1000") as e:
        serve(tmp_path).start()
    assert runs == [] and "\n" not in str(e.value)


def test_a_foreign_error_is_quoted_by_its_first_line(tmp_path):
    save_stub("classes", tmp_path / "1")
    shutil.rmtree(tmp_path / "1" / "variables")
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff" * 99)
    with pytest.raises(InputError, match="did not become available: ") as e:
        serve(tmp_path).start()
    assert "\n" not in str(e.value) and ".." not in str(e.value)


def test_no_versions_and_ports_in_use(tmp_path):
    (tmp_path / "not_a_number").mkdir()
    with pytest.raises(InputError, match="No versions of servable found"):
        serve(tmp_path).start()
    save_stub("classes", tmp_path / "1")
    with serve(tmp_path) as server:
        port, rest_port = (
            int(where.rsplit(":", 1)[1])
            for where in (server.grpc_address, server.rest_url)
        )
        with pytest.raises(InputError, match=f"Port {port} of gRPC cannot"):
            LocalServer(tmp_path, port=port, rest_port=0).start()
        with pytest.raises(InputError, match=f"Port {rest_port} of REST cann"):
            LocalServer(tmp_path, port=0, rest_port=rest_port).start()
