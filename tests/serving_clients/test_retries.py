"""When a request is sent again."""

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.client import optional_packages
from keras_mixattn.serving.client import retries
from keras_mixattn.serving.client.retries import Deadline


@pytest.fixture
def delays(monkeypatch):
    slept = []
    monkeypatch.setattr(retries.time, "sleep", slept.append)
    monkeypatch.setattr(retries.random, "uniform", lambda low, high: high)
    return slept


def failing(*codes):
    left = list(codes)

    def send(seconds):
        assert seconds > 0
        if left:
            raise ServingError(left.pop(0), "so")
        return "answer"

    return send


def test_delays_double_up_to_the_longest(delays):
    send = failing(*["UNAVAILABLE"] * 5)
    assert Retries(6, 1.0, 5.0).run(send, Deadline(99.0)) == "answer"
    assert delays == [1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize(
    "code", ["INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"]
)
def test_only_unavailable_is_sent_again(delays, code):
    with pytest.raises(ServingError, match=code):
        Retries().run(failing(code), Deadline(9.0))
    assert delays == []


def test_attempts_and_time_end(delays):
    with pytest.raises(ServingError, match="UNAVAILABLE"):
        Retries(2).run(failing(*["UNAVAILABLE"] * 2), Deadline(9.0))
    assert len(delays) == 1
    # Rather the last answer now than no answer later.
    with pytest.raises(ServingError, match="UNAVAILABLE"):
        Retries(9, 50.0, 50.0).run(failing("UNAVAILABLE"), Deadline(9.0))
    assert len(delays) == 1
    with pytest.raises(ServingError, match="DEADLINE_EXCEEDED"):
        Retries().run(failing(), Deadline(-1.0))


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    def no_module(name):
        raise ImportError(name)

    monkeypatch.setattr(optional_packages.importlib, "import_module", no_module)
    with pytest.raises(InputError, match=r"pip install 'keras_mixattn\[serv"):
        RestClient("http://localhost:1", "m")


def test_a_url_has_a_scheme():
    with pytest.raises(InputError, match="has no scheme"):
        RestClient("localhost:8501", "m")
