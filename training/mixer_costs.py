"""Measures what a pre-training step of each compared encoder costs.

    python -m training.mixer_costs costs.json --config CONFIG --vocabulary FILE

All encoders take turns in one process on one thread, without DropMask. Writes,
by mask rate and mixer, the median processor time of a step in milliseconds and
the most it holds in tensors, in megabytes.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import exit_on_input_error
from training.config import read_config
from training.measured_steps import measure_steps
from training.measured_steps import use_one_thread
from training.mixer_grid import MIXERS
from training.pretrain_config import PretrainConfig
from training.report import write_metrics


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["costs.json", "--config", "a.json", "--vocabulary", "vocab.txt"])
    ```
    """
    parser = argparse.ArgumentParser(prog="python -m training.mixer_costs")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--mask_rates", type=float, nargs="+", default=[0.15])
    arguments, rest = parser.parse_known_args(argv)
    config, _ = read_config(PretrainConfig, rest, parser.prog, {})
    use_one_thread()
    costs = {}
    for rate in arguments.mask_rates:
        configs = {
            name: dataclasses.replace(config, mask_rate=rate, mixers=mixers)
            for name, mixers in MIXERS.items()
        }
        costs[str(rate)] = measure_steps(configs)
    write_metrics(costs, arguments.output)
    print(f"Wrote {arguments.output}.")


if __name__ == "__main__":
    main()
