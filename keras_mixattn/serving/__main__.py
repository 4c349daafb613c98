"""Commands about serving.

    python -m keras_mixattn.serving export PRESET saved_models/NAME
    python -m keras_mixattn.serving verify saved_models/NAME
    python -m keras_mixattn.serving serve saved_models/NAME
    python -m keras_mixattn.serving query "some text"
    python -m keras_mixattn.serving load
    python -m keras_mixattn.serving fuzz
    python -m keras_mixattn.serving deploy saved_models/NAME

`--help` after a command lists its options.
"""

import argparse

from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.serving import export_command
from keras_mixattn.serving import verify_command
from keras_mixattn.serving.client import fuzz_command
from keras_mixattn.serving.client import load_command
from keras_mixattn.serving.client import query_command
from keras_mixattn.serving.deployment import deploy_command
from keras_mixattn.serving.local_server import serve_command

_COMMANDS = (
    export_command,
    verify_command,
    serve_command,
    query_command,
    load_command,
    fuzz_command,
    deploy_command,
)


@exit_on_input_error
def main(arguments: list[str] | None = None) -> None:
    """Runs a command.

    Args:
        arguments: Its words. Defaults to those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m keras_mixattn.serving",
        description="Commands about serving.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command in _COMMANDS:
        command.add_parser(commands).set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main()
