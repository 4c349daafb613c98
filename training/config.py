"""Flat configurations: a dataclass, a JSON file, `--key value` over both."""

import argparse
import dataclasses
import json
import types
import typing
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import InputError

Value = bool | int | float | str | list | dict | None


def key(default, help: str, may_change: bool = False):
    """Declares a key of a configuration with its help text.

    Args:
        default: The value if neither the file nor the command line has one.
        help: One line for `--help`.
        may_change: Whether an interrupted run may go on with another value.
            Defaults to `False`.

    Returns:
        A dataclass field.

    Example:

    ```python
    @dataclasses.dataclass(frozen=True)
    class Config:
        steps: int = key(100, "optimizer steps")
    Config().steps
    # 100
    ```
    """
    metadata = {"help": help, "may_change": may_change}
    if isinstance(default, list):
        return dataclasses.field(
            default_factory=lambda: list(default), metadata=metadata
        )
    return dataclasses.field(default=default, metadata=metadata)


def read_config(
    config_class: type,
    argv: Sequence[str] | None,
    program: str,
    debug: dict[str, Value],
    implied: Callable[[dict], dict] = lambda values: {},
) -> tuple[object, bool]:
    """Reads the command line of a training script.

    `--config FILE` names a JSON object of keys; of several files a later one
    replaces the keys of those before it. Every `--KEY VALUE` replaces one;
    `--debug` replaces some by small values and the run directory by
    `<run_directory>-debug`. A value other than text is written as JSON, a
    list of texts also with commas.

    Args:
        config_class: A dataclass whose fields are made by `key`, one of them
            `run_directory`.
        argv: The arguments, by default those of the command line.
        program: The command, for the help text.
        debug: What `--debug` sets.
        implied: A function from the given values to further ones, which the
            given ones replace.

    Returns:
        The configuration and whether `--fresh` was given.

    Raises:
        InputError: A key is unknown or has a value of the wrong kind.

    Example:

    ```python
    config, fresh = read_config(Config, ["--steps", "5"], "train", {})
    config.steps
    # 5
    ```
    """
    arguments, overrides = _parse(config_class, argv, program)
    values = {}
    for path in arguments.config:
        values.update(_values_of_file(config_class, path))
    values.update(overrides)
    values = {**implied(values), **values}
    if arguments.debug:
        values.update(debug)
    config = config_class(**values)
    if arguments.debug:
        run_directory = f"{config.run_directory}-debug"
        config = dataclasses.replace(config, run_directory=run_directory)
    return config, arguments.fresh or arguments.debug


def config_text(config) -> str:
    """Returns a configuration as JSON, one key a line, as `--config` reads it.

    Args:
        config: An instance of a configuration dataclass.

    Returns:
        The text, with a line feed at the end.
    """
    return json.dumps(dataclasses.asdict(config), indent=2) + "\n"


def _parse(config_class, argv, program):
    parser = argparse.ArgumentParser(
        prog=program, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        help="JSON file of the keys below; a further one replaces some",
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        default=False,
        help="a run of 20 small steps that tries everything out",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        default=False,
        help="start over instead of resuming an interrupted run",
    )
    defaults = config_class()
    for field in dataclasses.fields(config_class):
        parser.add_argument(
            f"--{field.name}",
            help=f"{field.metadata['help']} "
            f"(default: {json.dumps(getattr(defaults, field.name))})",
        )
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no argument; legal are --config, --debug, "
            f"--fresh and --KEY VALUE with {_legal_keys(config_class)}."
        )
    overrides = {
        field.name: _parsed(getattr(arguments, field.name), field)
        for field in dataclasses.fields(config_class)
        if hasattr(arguments, field.name)
    }
    return arguments, overrides


def _values_of_file(config_class, path: str) -> dict[str, Value]:
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"Configuration '{path}' cannot be read: "
            f"{error.strerror or error}; check the path."
        ) from error
    except ValueError as error:
        raise InputError(
            f"Configuration '{path}' is no valid JSON: {error}."
        ) from error
    if not isinstance(values, dict):
        raise InputError(
            f"Configuration '{path}' must be one JSON object of keys and "
            "values."
        )
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    for name, value in values.items():
        if name not in fields:
            raise InputError(
                f"Configuration '{path}' has the unknown key {name!r}; legal "
                f"keys are {_legal_keys(config_class)}."
            )
        values[name] = _checked(value, fields[name])
    return values


def _legal_keys(config_class) -> str:
    return ", ".join(field.name for field in dataclasses.fields(config_class))


def _kinds(field) -> tuple:
    """Returns the types that a field is a union of, or the one it has."""
    if isinstance(field.type, types.UnionType):
        return typing.get_args(field.type)
    return (field.type,)


def _parsed(text: str, field) -> Value:
    kinds = _kinds(field)
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, str | int | float) and list[str] in kinds:
        value = [part for part in text.split(",") if part]
    # A file may well be named 12, and a text column be number 0.
    if str in kinds and not _is_any(value, kinds):
        value = text
    return _checked(value, field)


def _checked(value: Value, field) -> Value:
    kinds = _kinds(field)
    if type(value) is int and float in kinds and int not in kinds:
        return float(value)
    if isinstance(value, str) and list[str] in kinds and str not in kinds:
        return [value]
    if isinstance(value, list) and list[float] in kinds:
        value = [float(x) if type(x) is int else x for x in value]
    if _is_any(value, kinds):
        return value
    raise InputError(
        f"The key {field.name!r} must be {' or '.join(map(_name, kinds))} "
        f"({field.metadata['help']}); it is {json.dumps(value)}."
    )


def _is_any(value: Value, kinds: tuple) -> bool:
    if isinstance(value, bool):  # in Python an int too
        return bool in kinds
    if isinstance(value, list):
        return any(
            all(_is_any(element, typing.get_args(kind)) for element in value)
            for kind in kinds
            if typing.get_origin(kind) is list
        )
    return any(type(value) is kind for kind in kinds)


def _name(kind) -> str:
    if typing.get_origin(kind) is list:
        return f"list of {_name(*typing.get_args(kind))}"
    return "null" if kind is types.NoneType else kind.__name__
