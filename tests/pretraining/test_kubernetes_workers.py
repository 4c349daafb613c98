"""Which of the pods of a Job this is, asked of a cluster that is not there."""

import sys
from types import ModuleType
from types import SimpleNamespace

import keras
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.pretraining import strategy_of
from keras_mixattn.pretraining.kubernetes_workers import kubernetes_resolver

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="strategies are TensorFlow's",
)
INDEX = "JOB_COMPLETION_INDEX"
SUFFIXES = ("x7k2p", "4dq9z", "mm2ct")


class Cluster:
    """Lists the pods of an indexed Job, in no order."""

    def __init__(self, count, phase="Running"):
        self.pods = [
            SimpleNamespace(
                metadata=SimpleNamespace(
                    name=f"tensorflow-{index}-{SUFFIXES[index % 3]}"
                ),
                status=SimpleNamespace(phase=phase, host_ip=f"10.0.0.{index}"),
            )
            for index in reversed(range(count))
        ]

    def list_pod_for_all_namespaces(self, label_selector):
        assert label_selector == "job-name=tensorflow"
        return SimpleNamespace(items=self.pods)


def address_of(resolver):
    spec = resolver.cluster_spec()
    return spec.task_address(resolver.task_type, resolver.task_id)


@pytest.mark.parametrize("count", [1, 2, 23, 101])
def test_every_pod_finds_its_own_address(count, monkeypatch):
    found = set()
    for index in range(count):
        monkeypatch.setenv(INDEX, str(index))
        resolver = kubernetes_resolver(override_client=Cluster(count))
        assert address_of(resolver) == f"10.0.0.{index}:8470"
        found.add(resolver.task_id)
    assert found == set(range(count))


def test_the_strategy_asks_the_cluster_of_its_pod(monkeypatch):
    import tensorflow as tf

    kubernetes, client, config = map(
        ModuleType, ("kubernetes", "kubernetes.client", "kubernetes.config")
    )
    loaded = []
    kubernetes.client, kubernetes.config = client, config
    client.CoreV1Api = lambda: Cluster(3)
    config.load_incluster_config = lambda: loaded.append("this pod's")
    config.ConfigException = KeyError
    for module in (kubernetes, client, config):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv(INDEX, "2")
    monkeypatch.setattr(
        tf.distribute,
        "MultiWorkerMirroredStrategy",
        lambda cluster_resolver: cluster_resolver,
    )
    resolver = strategy_of("multi_worker", cluster="kubernetes")
    assert address_of(resolver) == "10.0.0.2:8470"
    assert loaded == ["this pod's"]


@pytest.mark.parametrize("index", [None, "", "-1", "3", "x"])
def test_an_index_of_no_pod_is_refused(index, monkeypatch):
    monkeypatch.delenv(INDEX, raising=False)
    if index is not None:
        monkeypatch.setenv(INDEX, index)
    with pytest.raises(InputError, match=f"{INDEX} must be below .* 3"):
        kubernetes_resolver(override_client=Cluster(3))


def test_pods_that_do_not_run_yet_are_named(monkeypatch):
    monkeypatch.setenv(INDEX, "0")
    client = Cluster(2, phase="Pending")
    with pytest.raises(InputError, match='tensorflow-0-.*"Pending"'):
        kubernetes_resolver(override_client=client)


def test_the_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(InputError, match="needs the package kubernetes"):
        strategy_of("multi_worker", cluster="kubernetes")
