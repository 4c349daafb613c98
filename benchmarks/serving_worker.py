"""One server in a process of its own, which obeys one line at a time.

`python -m benchmarks.serving_worker NAME DTYPE FOLDER THREADS` answers each
line of its standard input with one line of JSON:

- `serve` loads the model and opens a port: the URL, seconds and memory;
- `usage` says what it took so far: seconds of the processor, peak memory.
"""

import gc
import pathlib
import socket
import sys
import threading
import time

import uvicorn

from benchmarks.serving_cells import MODEL
from benchmarks.serving_cells import OURS
from benchmarks.serving_cells import SERVERS
from benchmarks.worker import memory
from benchmarks.worker import obey
from keras_mixattn.serving.local_server.batching import BatchingOptions
from keras_mixattn.serving.local_server.rest import rest_application
from keras_mixattn.serving.local_server.service import Service


def open_versions(name: str, dtype: str, folder: pathlib.Path, threads: int):
    """Loads a contender's model.

    Args:
        name: A key of `SERVERS`.
        dtype: What it computes in.
        folder: Where `benchmarks.serving_prepare` wrote.
        threads: Threads it may use; it runs one batch at a time.

    Returns:
        What a `Service` takes.
    """
    options = BatchingOptions(num_threads=1)
    if name == OURS:
        from keras_mixattn.serving.local_server.loaded_model import disable_xla
        from keras_mixattn.serving.local_server.memory import use_one_heap
        from keras_mixattn.serving.local_server.model_versions import (
            ModelVersions,
        )

        use_one_heap()
        disable_xla()
        versions = ModelVersions(folder / "exports" / dtype, options)
        versions.start()
        return versions
    import torch

    from benchmarks.serving_hugging_face import HuggingFaceModel
    from benchmarks.serving_hugging_face import OneVersion

    torch.set_num_threads(threads)
    model = HuggingFaceModel(
        folder / "hugging_face", dtype, SERVERS[name].autocast
    )
    return OneVersion(model, options)


def serve(service: Service) -> str:
    """Answers REST on a free port of this machine, from another thread.

    Args:
        service: What answers.

    Returns:
        The URL.
    """
    # As the local server: asyncio then sends small packets at once.
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            rest_application(service),
            log_config=None,
            access_log=False,
            lifespan="off",
        )
    )
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    while not server.started:
        time.sleep(0.005)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


class Worker:
    """Serves one contender.

    Args:
        name: A key of `SERVERS`.
        dtype: What it computes in.
        folder: Where `benchmarks.serving_prepare` wrote.
        threads: Threads it may use.
    """

    def __init__(self, name: str, dtype: str, folder: str, threads: str):
        self.arguments = name, dtype, pathlib.Path(folder), int(threads)

    def serve(self) -> dict:
        """Loads the model and opens a port."""
        start = time.perf_counter()
        versions = open_versions(*self.arguments)
        seconds = time.perf_counter() - start
        gc.collect()
        gc.freeze()  # as `python -m keras_mixattn.serving serve`
        return {
            "url": serve(Service(MODEL, versions)),
            "load_seconds": seconds,
            "loaded_mb": memory("VmRSS"),
        }

    def usage(self) -> dict:
        """Returns what the process took so far."""
        return {"cpu": time.process_time(), "peak_mb": memory("VmHWM")}


if __name__ == "__main__":
    obey(lambda: Worker(*sys.argv[1:]))
