"""Deadlines, proxies, passwords and TLS, with servers that misbehave."""

import http.server
import shutil
import ssl
import subprocess
import threading
import time
from concurrent import futures

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc

from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import ServingError

STATUS = b'{"model_version_status": [{"version": "1", "state": "AVAILABLE"}]}'
SECRET = {"Authorization": "Basic YTpi"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status of a model, or worse."""

    code, pause, delay = 200, 0.0, 0.0

    def do_GET(self):
        self.server.seen.append((self.path, self.headers["authorization"]))
        time.sleep(self.delay)
        self.send_response(self.code)
        self.send_header("Content-Length", str(len(STATUS)))
        self.end_headers()
        for one in STATUS:
            self.wfile.write(bytes([one]))
            time.sleep(self.pause)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Returns a function that starts an HTTP server and returns it."""
    servers = []

    def start(context=None, **behaviour):
        handler = type("Handler", (Handler,), behaviour)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.seen = []
        server.handle_error = lambda *_: None  # a client that went away
        scheme = "http"
        if context is not None:
            scheme = "https"
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.url = f"{scheme}://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Files of a certificate for 127.0.0.1 and of its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [openssl, *"req -x509 -newkey rsa:2048 -nodes -days 2".split()]
        + ["-subj", "/CN=localhost", "-keyout", "tls.key", "-out", "tls.crt"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "tls.crt", folder / "tls.key"


@pytest.mark.parametrize(
    "behaviour", [{"pause": 0.1}, {"delay": 0.3, "pause": 0.01}, {"delay": 9}]
)
def test_an_answer_that_trickles_is_given_up(serve, behaviour):
    start = time.monotonic()
    with RestClient(serve(**behaviour).url, "m", timeout=0.4) as client:
        with pytest.raises(ServingError, match="No answer within") as caught:
            client.version_states()
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("code", [502, 503])
def test_a_proxy_without_its_server_is_asked_again(serve, code):
    server = serve(code=code)
    with RestClient(server.url, "m", retries=Retries(3, 0.01)) as client:
        with pytest.raises(ServingError, match="UNAVAILABLE"):
            client.version_states()
    assert len(server.seen) == 3


def test_labels_and_headers_by_rest(serve):
    server = serve()
    with RestClient(server.url, "m", label="a/b", headers=SECRET) as client:
        assert client.version_states() == {1: "AVAILABLE"}
    assert server.seen == [("/v1/models/m/labels/a%2Fb", "Basic YTpi")]


def test_tls_by_rest(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = serve(context)
    trust = ssl.create_default_context(cafile=certificate[0])
    with RestClient(server.url, "m", ssl_context=trust) as client:
        assert client.is_ready()
    with RestClient(server.url, "m", retries=Retries(1)) as client:
        with pytest.raises(ServingError, match="CERTIFICATE_VERIFY_FAILED"):
            client.version_states()


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Notes what it is asked with."""

    def GetModelStatus(self, request, context):
        metadata = dict(context.invocation_metadata())
        self.seen = request.model_spec.version_label, metadata["authorization"]
        answer = get_model_status_pb2.GetModelStatusResponse()
        answer.model_version_status.add(version=1, state="AVAILABLE")
        return answer


def test_labels_headers_and_tls_by_grpc(certificate):
    pem, key = (path.read_bytes() for path in certificate)
    server, service = grpc.server(futures.ThreadPoolExecutor(2)), ModelService()
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([(key, pem)])
    )
    server.start()
    address = f"127.0.0.1:{port}"
    trust = grpc.ssl_channel_credentials(pem)
    try:
        with GrpcClient(
            address, "m", label="stable", headers=SECRET, credentials=trust
        ) as client:
            assert client.version_states() == {1: "AVAILABLE"}
        assert service.seen == ("stable", "Basic YTpi")
        with GrpcClient(address, "m", timeout=2.0) as client:
            assert not client.is_ready()  # not without TLS
    finally:
        server.stop(0).wait()
