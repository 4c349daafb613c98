"""What a training step holds in tensors at its peak, by the framework's count.

    python -m benchmarks.live_memory train/float32/4x128/1

A process' resident memory also counts its libraries' code and what its
allocator keeps in reserve. Here it is weights, their two moments, and the
most that the allocations of one step add to them, gradients included;
TensorFlow's trace leaves out buffers below 256 KiB. Writes
`benchmarks/measured/live_memory.json`.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks import problem
from benchmarks.cells import parse_cell
from benchmarks.contenders import CONTENDERS

RESULTS = pathlib.Path(__file__).parent / "measured" / "live_memory.json"
MEASURED = ("keras_mixattn", "bert", "pytorch")
BYTES_OF_FLOAT32 = 4


def tensorflow_changes(step) -> list[tuple[int, int]]:
    """Traces the allocations of a step in time order, in bytes.

    Buffers that were there before the step are left out when they are freed.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder, options):
            step()
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        trace = xplane_pb2.XSpace.FromString(path.read_bytes())
    events = []
    for plane in trace.planes:
        names = {key: x.name for key, x in plane.stat_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                kind = plane.event_metadata[event.metadata_id].name
                if kind in ("MemoryAllocation", "MemoryDeallocation"):
                    when = line.timestamp_ns * 1000 + event.offset_ps
                    stats = {
                        names[x.metadata_id]: x.uint64_value or x.int64_value
                        for x in event.stats
                    }
                    size = stats["requested_bytes"]
                    freed = kind == "MemoryDeallocation"
                    events.append((when, freed, stats["addr"], size))
    changes, sizes = [], {}
    for when, freed, address, size in sorted(events):
        if freed:
            changes.append((when, -sizes.pop(address, 0)))
        else:
            sizes[address] = size
            changes.append((when, size))
    return changes


def pytorch_changes(step) -> list[tuple[int, int]]:
    """Traces the allocations of a step in time order, in bytes.

    Buffers that were there before the step are left out when they are freed.
    """
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile

    with profile(
        activities=[ProfilerActivity.CPU], profile_memory=True
    ) as trace:
        step()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "trace.json")
        trace.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    events = [
        (event["ts"], event["args"]["Bytes"], event["args"]["Addr"])
        for event in events
        if event.get("name") == "[memory]"
    ]
    changes, known = [], set()
    for when, change, address in sorted(events, key=lambda event: event[0]):
        if change > 0:
            known.add(address)
        elif address not in known:
            continue
        changes.append((when, change))
    return changes


def megabytes_at_peak(weights: int, changes: list[tuple[int, int]]) -> float:
    """Returns the most that a step of AdamW holds, in megabytes.

    Weights and their two moments are float32 and there before the step.

    Args:
        weights: How many there are.
        changes: What the step allocates and frees, see `tensorflow_changes`.

    Example:

    ```python
    changes = [(1, 500_000), (2, 300_000), (3, -500_000)]
    assert megabytes_at_peak(100_000, changes) == 2.0
    ```
    """
    live = itertools.accumulate(change for _, change in changes)
    return (3 * BYTES_OF_FLOAT32 * weights + max(live, default=0)) / 1e6


def measure(name: str, cell: str, size: str) -> float:
    """Returns the peak of one contender in megabytes, in this process."""
    contender = CONTENDERS[name].build(parse_cell(cell), size, None)
    for _ in range(2):
        contender.step()
    if name == "pytorch":
        weights = sum(x.numel() for x in contender.model.parameters())
        changes = pytorch_changes(contender.step)
    else:
        weights = contender.model.count_params()
        changes = tensorflow_changes(contender.step)
    return megabytes_at_peak(weights, changes)


def main(argv: list[str] | None = None) -> None:
    """Runs the command: every contender in a process of its own.

    Args:
        argv: Arguments, or None for those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_memory")
    parser.add_argument("cells", nargs="+", help="train/DTYPE/SHAPE/THREADS")
    parser.add_argument("--size", default="base", choices=problem.SIZES)
    parser.add_argument("--only", choices=MEASURED, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    for cell in arguments.cells:
        _check_cell(parser, cell)
    if arguments.only:
        (cell,) = arguments.cells
        print(measure(arguments.only, cell, arguments.size))
        return
    peaks = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for cell in arguments.cells:
        peaks[cell] = {}
        for name in MEASURED:
            command = [sys.executable, "-m", "benchmarks.live_memory", cell]
            command += ["--size", arguments.size, "--only", name]
            output = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            peaks[cell][name] = float(output.split()[-1])
            label = CONTENDERS[name].label
            print(f"{cell}: {label} {peaks[cell][name]:,.0f} MB", flush=True)
    RESULTS.write_text(json.dumps(peaks, indent=2) + "\n")


def _check_cell(parser, cell):
    try:
        if parse_cell(cell).task == "train":
            return
    except ValueError:
        pass
    parser.error(f"{cell!r} is no cell such as train/float32/4x128/1")


if __name__ == "__main__":
    main()
