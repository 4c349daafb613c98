r"""Starts several workers of a command on this machine, to try them out.

    python -m training.launch -n 2 training.pretrain --strategy multi_worker

Each has its number and the addresses of all in `TF_CONFIG`. Their lines are
printed with the number before them. When one ends with a fault, the others
end too; SIGTERM and SIGINT go to all. The exit code is that of the first that
failed, else 0.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.child_process import GREETINGS
from training.child_process import end_with_parent

# For those that learn from the network that another is gone, or save.
_GRACE_SECONDS = 20


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With the code of the first worker that failed, 2 on bad
            input.

    Example:

    ```python
    main(["-n", "2", "training.pretrain", "--strategy", "multi_worker"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.launch",
        description="Starts several workers of a command on this machine.",
        epilog="example: training.pretrain --config FILE --strategy "
        "multi_worker",
    )
    parser.add_argument("-n", type=int, default=2, help="number of workers")
    parser.add_argument("module", help="the command, as after `python -m`")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args(argv)
    command = ["-m", arguments.module, *arguments.arguments]
    workers = start_workers(command, arguments.n)
    printers = [
        threading.Thread(target=_print_lines, args=(number, worker.stdout))
        for number, worker in enumerate(workers)
    ]
    for printer in printers:
        printer.start()
    with _passed_on(workers):
        code = wait_for(workers)
    for printer in printers:
        printer.join()
    if code:
        raise SystemExit(code)


def start_workers(
    arguments: Sequence[str], count: int, **options
) -> list[subprocess.Popen]:
    """Starts the workers.

    Args:
        arguments: What follows `python`.
        count: Number of workers.
        **options: Others of `subprocess.Popen`.

    Returns:
        The processes, in the order of their numbers.

    Raises:
        InputError: There are to be none.
    """
    if count < 1:
        raise InputError(
            f"The number of workers is {count}; it must be 1 or greater."
        )
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    options = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        **options,
    }
    return [
        subprocess.Popen(
            [sys.executable, "-u", *arguments],
            env={
                **os.environ,
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": cluster,
                        "task": {"type": "worker", "index": number},
                    }
                ),
            },
            preexec_fn=end_with_parent,
            **options,
        )
        for number in range(count)
    ]


def free_ports(count: int) -> list[int]:
    """Returns ports of this machine that nobody listens on.

    Args:
        count: How many.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(workers: Sequence[subprocess.Popen]) -> int:
    """Waits for all workers, and ends them when one fails.

    Args:
        workers: The processes.

    Returns:
        The exit code of the first that failed, else 0.
    """
    code = 0
    codes = [None]
    while not code and None in codes:
        time.sleep(0.05)
        codes = [worker.poll() for worker in workers]
        code = next(filter(None, codes), 0)
    deadline = time.monotonic() + _GRACE_SECONDS
    for worker in workers:
        try:
            worker.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    # As a shell says it of a process that a signal ended.
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _passed_on(workers):
    def pass_on(number, frame):
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    old = {
        number: signal.signal(number, pass_on)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _print_lines(number, stream):
    """A progress bar goes back to the start of its line; so does ours."""
    line = b""
    while piece := stream.read1(65536):
        line += piece
        *whole, line = line.replace(b"\r", b"\n").split(b"\n")
        for one in whole:
            text = one.decode(errors="replace").rstrip()
            if text and not GREETINGS.match(one + b"\n"):
                print(f"[{number}] {text}", flush=True)
    if line:
        print(f"[{number}] {line.decode(errors='replace')}", flush=True)


if __name__ == "__main__":
    main()
