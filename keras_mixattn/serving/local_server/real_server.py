"""Finding TensorFlow Serving itself on this machine."""

import shutil
import subprocess
from pathlib import Path

from keras_mixattn.serving.deployment.deploy import SERVING_IMAGE

_BINARY = "tensorflow_model_server"


def binary_command(
    directory: Path, model: str, host: str, port: int, rest_port: int
) -> list[str] | None:
    """Returns the command that starts the installed server.

    Args:
        directory: Holds the versions.
        model: Name of the model.
        host: Not used: the binary listens at every address of the machine.
        port: Port of gRPC.
        rest_port: Port of REST.

    Returns:
        Its words, or `None` if it is not on PATH.
    """
    binary = shutil.which(_BINARY)
    if binary is None:
        return None
    return [
        binary,
        f"--port={port}",
        f"--rest_api_port={rest_port}",
        f"--model_name={model}",
        f"--model_base_path={directory.absolute()}",
    ]


def docker_command(
    directory: Path, model: str, host: str, port: int, rest_port: int
) -> list[str] | None:
    """Returns the command that starts the official image.

    Args:
        directory: Holds the versions.
        model: Name of the model.
        host: Address that the ports are published at.
        port: Port of gRPC.
        rest_port: Port of REST.

    Returns:
        Its words, or `None` if no docker daemon answers.
    """
    docker = shutil.which("docker")
    if docker is None or not _daemon_answers(docker):
        return None
    return [
        docker,
        "run",
        "--rm",
        "--init",
        f"--publish={host}:{port}:8500",
        f"--publish={host}:{rest_port}:8501",
        f"--volume={directory.absolute()}:/models/{model}:ro",
        f"--env=MODEL_NAME={model}",
        SERVING_IMAGE,
    ]


def listens_everywhere(command: list[str]) -> bool:
    """Returns whether a command starts a server at every address.

    Args:
        command: Its words.
    """
    return Path(command[0]).name == _BINARY


def _daemon_answers(docker):
    try:
        result = subprocess.run(
            [docker, "info"], capture_output=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
