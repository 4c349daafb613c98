"""The local server: both protocols over one model."""

import concurrent.futures
import socket
import sys
import threading
import time
from pathlib import Path

import grpc
import uvicorn

from keras_mixattn.errors import InputError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.batching import BatchingOptions
from keras_mixattn.serving.local_server.grpc_services import add_services
from keras_mixattn.serving.local_server.model_versions import ModelVersions
from keras_mixattn.serving.local_server.rest import MOST_REQUESTS
from keras_mixattn.serving.local_server.rest import rest_application
from keras_mixattn.serving.local_server.service import Service


class LocalServer:
    """Serves the newest version of an export; it is not TensorFlow Serving.

    Args:
        directory: Holds the versions, such as `saved_models/demo`.
        model: Name of the model. Defaults to that of the directory.
        host: Where to listen. Defaults to this machine alone.
        port: Port of gRPC; 0 takes a free one.
        rest_port: Port of REST and of the page; likewise.
        batching: How requests are run together.
        poll_seconds: How often a new version is looked for.

    Example:

    ```python
    from keras_mixattn.serving import export_saved_model
    from keras_mixattn.serving.client import RestClient

    export_saved_model(classifier, "saved_models/demo", verify=False)
    with LocalServer("saved_models/demo", port=0, rest_port=0) as server:
        with RestClient(server.rest_url, "demo") as client:
            answer = client.classify(["a calm sea"])[0]
    assert answer.label in classifier.class_names
    ```
    """

    def __init__(
        self,
        directory: str | Path,
        model: str | None = None,
        host: str = "127.0.0.1",
        port: int = 8500,
        rest_port: int = 8501,
        batching: BatchingOptions | None = None,
        poll_seconds: float = 1.0,
    ):
        directory = Path(directory).absolute()
        self.model = model or directory.name
        self._host = host
        self._port = port
        self._rest_port = rest_port
        self._versions = ModelVersions(
            directory, batching or BatchingOptions(), poll_seconds
        )
        self._service = Service(self.model, self._versions)
        self._grpc = None
        self._http = None

    def start(self) -> "LocalServer":
        """Says what it is, loads the model, then opens both ports.

        Raises:
            InputError: There is no version that can be loaded, or a port is
                taken.
        """
        print(
            f"This is {errors.BANNER}, but a server of keras_mixattn for "
            "trying out an export.",
            file=sys.stderr,
            flush=True,
        )
        self._versions.start()
        try:
            self._start_rest()
            self._start_grpc()
        except BaseException:
            self.stop()
            raise
        return self

    @property
    def grpc_address(self) -> str:
        """Where gRPC is answered, such as `"127.0.0.1:8500"`."""
        return self._at(self._port)

    @property
    def rest_url(self) -> str:
        """Where REST is answered, such as `"http://127.0.0.1:8501"`."""
        return f"http://{self._at(self._rest_port)}"

    def stop(self, grace: float = 30.0) -> None:
        """Takes no more requests and answers those that are there.

        Args:
            grace: Seconds after which they are given up.
        """
        end = time.monotonic() + grace
        calls = None
        if self._grpc is not None:
            calls = self._grpc.stop(grace)
        if self._http is not None:
            self._http.should_exit = True
            self._http_thread.join(grace)
        if calls is not None:
            calls.wait(max(end - time.monotonic(), 0))
        self._versions.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _at(self, port):
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{port}"

    def _start_rest(self):
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # Only of sockets that say they are TCP, asyncio sends small packets
        # at once.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._rest_port))
        except (OSError, OverflowError) as error:
            listener.close()
            raise _port_error("REST", self._rest_port, error) from error
        self._rest_port = listener.getsockname()[1]
        self._http = uvicorn.Server(
            uvicorn.Config(
                rest_application(self._service),
                # Its own would close the handlers of all other loggers.
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=30,
            )
        )
        self._http_thread = threading.Thread(
            target=self._http.run, args=([listener],), daemon=True
        )
        self._http_thread.start()
        while not self._http.started and self._http_thread.is_alive():
            time.sleep(0.005)

    def _start_grpc(self):
        self._grpc = grpc.server(
            concurrent.futures.ThreadPoolExecutor(MOST_REQUESTS),
            # Further ones are refused with RESOURCE_EXHAUSTED.
            maximum_concurrent_rpcs=MOST_REQUESTS,
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                # A port that another server has is an error.
                ("grpc.so_reuseport", 0),
            ],
        )
        add_services(self._grpc, self._service)
        try:
            self._port = self._grpc.add_insecure_port(self.grpc_address)
        except RuntimeError as error:
            raise _port_error("gRPC", self._port, error) from error
        self._grpc.start()


def _port_error(protocol, port, error):
    reason = getattr(error, "strerror", None) or "it cannot be bound"
    return InputError(
        f"Port {port} of {protocol} cannot be opened ({reason}); give another "
        "one, or 0 for any that is free."
    )
