"""Measures what a pre-training step of each encoder of a study costs.

    python -m training.study_costs costs.json --study tasks --vocabulary FILE

Writes by encoder what `training.measured_steps` measures.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import exit_on_input_error
from training.config import read_config
from training.measured_steps import measure_steps
from training.measured_steps import use_one_thread
from training.pretrain_config import PretrainConfig
from training.report import write_metrics
from training.studies import STUDIES


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["costs.json", "--study", "tasks", "--vocabulary", "vocab.txt"])
    ```
    """
    parser = argparse.ArgumentParser(prog="python -m training.study_costs")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--study", choices=STUDIES, required=True)
    parser.add_argument("--vocabulary", required=True)
    arguments = parser.parse_args(argv)
    configs = {}
    for name, encoder in STUDIES[arguments.study].encoders.items():
        words = ["--config", f"{encoder.config}", *encoder.options]
        words += ["--vocabulary", arguments.vocabulary]
        configs[name], _ = read_config(PretrainConfig, words, parser.prog, {})
    use_one_thread()
    write_metrics(measure_steps(configs), arguments.output)
    print(f"Wrote {arguments.output}.")


if __name__ == "__main__":
    main()
