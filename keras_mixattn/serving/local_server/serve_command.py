"""`python -m keras_mixattn.serving serve`: a server for trying out."""

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client.optional_packages import optional_module
from keras_mixattn.serving.local_server import memory
from keras_mixattn.serving.local_server import real_server
from keras_mixattn.serving.model_directory import check_model_directory

_SERVERS = ("auto", "tensorflow_model_server", "docker", "local")


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "serve",
        help="serve an export on this machine, to try it out",
        description="Serves the newest version of an export: by TensorFlow "
        "Serving if it is installed, else by its official image if docker "
        "runs, else by a local server that is not TensorFlow Serving.",
    )
    parser.add_argument("directory", help="such as saved_models/NAME")
    parser.add_argument("--model", help="defaults to the directory's name")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8500, help="of gRPC")
    parser.add_argument("--rest_port", type=int, default=8501, help="of REST")
    parser.add_argument("--server", choices=_SERVERS, default="auto")
    local = parser.add_argument_group("options of the local server")
    local.add_argument(
        "--max_batch_size",
        type=int,
        default=32,
        help="most rows that are run together; 1 for no batches",
    )
    local.add_argument(
        "--batch_timeout_ms",
        type=float,
        default=2.0,
        help="how long a batch that is not full waits",
    )
    local.add_argument(
        "--num_batch_threads",
        type=int,
        help="batches at once; defaults to the number of processors",
    )
    local.add_argument(
        "--poll_seconds",
        type=float,
        default=1.0,
        help="how often a new version is looked for",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Serves until it is told to stop, by SIGTERM or Ctrl-C.

    Args:
        options: What the parser of `add_parser` read.

    Raises:
        InputError: The directory, an option or a port cannot be used.
    """
    directory = Path(options.directory)
    check_model_directory(directory)
    model = options.model or directory.absolute().name
    command = _real_server(options, directory, model)
    if command is not None:
        if real_server.listens_everywhere(command):
            print(
                "it listens at every address of this machine, whatever --host "
                "says",
                file=sys.stderr,
            )
        print("starting " + " ".join(command), file=sys.stderr, flush=True)
        os.execv(command[0], command)  # signals then reach it directly
    _serve_locally(options, directory, model)


def _real_server(options, directory, model):
    found = {
        "tensorflow_model_server": real_server.binary_command,
        "docker": real_server.docker_command,
    }
    if options.server in found:
        found = {options.server: found[options.server]}
    elif options.server == "local":
        return None
    for find in found.values():
        command = find(
            directory, model, options.host, options.port, options.rest_port
        )
        if command is not None:
            return command
    if options.server != "auto":
        problem = "is not on PATH"
        if options.server == "docker":
            problem += ", or its daemon does not answer"
        raise InputError(
            f"Server '{options.server}' {problem}; leave --server out to take "
            "what there is."
        )
    return None


def _serve_locally(options, directory, model):
    for name in (
        "grpc",
        "tensorflow_serving.apis",
        "starlette.applications",
        "uvicorn",
    ):
        optional_module(name)
    memory.use_one_heap()
    from keras_mixattn.serving.local_server.batching import BatchingOptions
    from keras_mixattn.serving.local_server.loaded_model import disable_xla
    from keras_mixattn.serving.local_server.server import LocalServer

    for name, least in (
        ("max_batch_size", 1),
        ("num_batch_threads", 1),
        ("batch_timeout_ms", 0),
        ("poll_seconds", 0.01),
    ):
        value = getattr(options, name)
        if value is not None and value < least:
            raise InputError(
                f"--{name} must be at least {least}; received {value}."
            )
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("keras_mixattn").setLevel(logging.INFO)
    # It warns that its loader of sessions is deprecated.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    server = LocalServer(
        directory,
        model,
        options.host,
        options.port,
        options.rest_port,
        BatchingOptions(
            options.max_batch_size,
            options.batch_timeout_ms / 1000,
            options.num_batch_threads,
        ),
        options.poll_seconds,
    )
    disable_xla()
    # What is imported stays: unloading a version then looks through its own
    # objects alone, and holds up no request.
    gc.collect()
    gc.freeze()
    is_told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_told.set())
    with server:
        print(
            f"serving '{model}': gRPC at {server.grpc_address}, REST and a "
            f"page at {server.rest_url}",
            flush=True,
        )
        is_told.wait()
        print("stopping", flush=True)
