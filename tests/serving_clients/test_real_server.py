"""The clients against TensorFlow Serving itself, where `TF_SERVING_URL` is set.

    TF_SERVING_URL=http://localhost:8501 TF_SERVING_GRPC=localhost:8500 \
        TF_SERVING_MODEL=demo python -m pytest -rs tests/serving_clients \
        -k real_server
"""

import os

import pytest

from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.client.fuzz import fuzz

URL = os.environ.get("TF_SERVING_URL")
ADDRESS = os.environ.get("TF_SERVING_GRPC", "localhost:8500")
MODEL = os.environ.get("TF_SERVING_MODEL", "demo")

pytestmark = pytest.mark.skipif(
    URL is None, reason="SKIPPED: TF_SERVING_URL names no TensorFlow Serving"
)


def test_real_server_answers_both_protocols_alike():
    with RestClient(URL, MODEL) as rest, GrpcClient(ADDRESS, MODEL) as grpc:
        assert rest.is_ready() and grpc.is_ready()
        assert rest.version_states() == grpc.version_states()
        assert rest.signatures() == grpc.signatures()
        names = rest.signatures()["serving_default"].inputs
        inputs = dict.fromkeys(names, ["a calm sea", "", "é " * 500])
        assert same_answers(
            rest.predict("serving_default", inputs),
            grpc.predict("serving_default", inputs),
        )


def test_real_server_survives_odd_requests():
    report = fuzz(URL, ADDRESS, MODEL, 500)
    print(report.table())
    assert report.faults == []
