"""Where a run keeps its state, so that it survives an interruption.

Re-running a command resumes from the last state.
"""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_mixattn.errors import InputError
from training.config import config_text
from training.files import remove_leftovers
from training.files import removed
from training.files import written_whole
from training.states import DAMAGE
from training.states import States

_CONFIG = "config.json"
_INPUTS = "inputs.json"
_FINISHED = "metrics.json"
_VARIABLES = "variables"
_VERSIONS = "versions"


class RunDirectory:
    """The files of one run, and the state it resumes from.

    Nothing is written or removed before `claim`.

    Args:
        config: The configuration, a dataclass with `run_directory`.
        inputs: Digests of what the run starts from, by name.
        fresh: Whether the run replaces an earlier one.
        outputs: Names of the files and directories that the run makes.
        keep: How many of the last states are kept. Defaults to 1.

    Raises:
        InputError: An earlier run there has another configuration or other
            inputs, and is not to be replaced.
    """

    def __init__(
        self,
        config,
        inputs: dict[str, str],
        fresh: bool,
        outputs: tuple[str, ...],
        keep: int = 1,
    ):
        self.path = Path(config.run_directory)
        self._states = States(self.path, keep)
        self._may_differ = {
            field.name
            for field in dataclasses.fields(config)
            if field.metadata.get("may_change")
        }
        self.fresh = fresh
        self.outputs = outputs
        self._texts = {
            _CONFIG: config_text(config),
            _INPUTS: json.dumps(inputs, indent=2) + "\n",
        }
        if not fresh:
            for name, text in self._texts.items():
                self._check_same(name, json.loads(text))

    def claim(self) -> None:
        """Makes the directory this run's: writes what it was started with.

        Files that a killed process left half written are removed.

        Raises:
            InputError: The directory cannot be written.
        """
        if self.fresh:
            # Killed in between, what is left is neither finished nor this run.
            removed(self / _FINISHED)
            self._states.remove()
            for name in ("logs", *self.outputs, *self._texts):
                removed(self / name)
            self.fresh = False
        remove_leftovers(self.path)
        for name, text in self._texts.items():
            with written_whole(self / name) as partial:
                partial.write_text(text, encoding="utf-8")

    def join(self) -> None:
        """Takes part in a run whose directory another process has claimed."""
        self.fresh = False

    def has(self, name: str) -> bool:
        """Whether an output is there that this run need not make again.

        Args:
            name: Of a file or directory.
        """
        return (self / name).exists() and not self.fresh

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def _check_same(self, name: str, values: dict) -> None:
        try:
            earlier = json.loads((self / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise InputError(
                f"'{self / name}' cannot be read: {error}; add --fresh to "
                "start over."
            ) from error
        other = [
            f"{key} was {json.dumps(earlier.get(key))}, now "
            f"{json.dumps(values.get(key))}"
            for key in sorted({*earlier, *values})
            if earlier.get(key) != values.get(key)
            and key not in self._may_differ
        ]
        if other:
            raise InputError(
                f"'{self.path}' holds another run ({'; '.join(other)}); add "
                "--fresh to replace it, or choose another --run_directory."
            )

    def save_state(self, model, record: dict) -> None:
        """Writes all that training goes on from, see `States`.

        Args:
            model: A compiled Keras model. Its weights, the states of its
                random generators and its optimizer's variables are kept.
            record: What else to keep, as JSON.
        """
        arrays = {
            f"{number:05}": np.asarray(variable)
            for number, variable in enumerate(_variables(model))
        }
        about = {_VARIABLES: _paths(model), _VERSIONS: _versions()}
        self._states.save(arrays, {**record, **about})

    def load_state(self, model) -> dict | None:
        """Puts the last saved state into a model.

        What wrote it in another version is said.

        Args:
            model: The model as it was when it was compiled, its optimizer
                built.

        Returns:
            The record, or `None` if there is no state.

        Raises:
            InputError: All states are damaged, or belong to another model.
        """
        state = self._states.load()
        if state is None:
            return None
        arrays, record = state
        versions = record.pop(_VERSIONS, _versions())  # older ones lack them
        if versions != _versions():
            print(
                f"The state in '{self.path}' is one of {_listed(versions)}; it "
                f"goes on with {_listed(_versions())}."
            )
        if record.pop(_VARIABLES, _paths(model)) != _paths(model):
            raise self._other_model("state.npz")
        self._assign(_variables(model), arrays, "state.npz")
        return record

    def save_weights(self, model, name: str) -> None:
        """Writes the weights of a model, without the optimizer's variables.

        Args:
            model: A Keras model.
            name: Of the file, with `.npz`.
        """
        arrays = {
            f"{number:05}": np.asarray(weight)
            for number, weight in enumerate(model.weights)
        }
        self.write_arrays(name, arrays)

    def load_weights(self, model, name: str) -> None:
        """Puts weights written by `save_weights` into a model.

        Args:
            model: A Keras model of the same architecture.
            name: Of the file.

        Raises:
            InputError: The file is missing, damaged or of another model.
        """
        self._assign(model.weights, self.read_arrays(name), name)

    def save_preset(self, model) -> None:
        """Writes a trained model as `preset`.

        Args:
            model: A KerasHub task; its optimizer's state is lost, as a
                preset is not to hold any.
        """
        model.compile()
        with written_whole(self / "preset") as partial:
            model.save_to_preset(str(partial))

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Writes arrays.

        Args:
            name: Of the file, with `.npz`.
            arrays: The arrays by name.

        Raises:
            InputError: They cannot be written.
        """
        with written_whole(self / name) as partial:
            with open(partial, "wb") as file:
                np.savez(file, **arrays)

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Reads what `write_arrays` wrote.

        Args:
            name: Of the file.

        Returns:
            The arrays by name.

        Raises:
            InputError: The file is missing or damaged.
        """
        try:
            with np.load(self / name, allow_pickle=False) as file:
                return dict(file)
        except DAMAGE as error:
            raise InputError(
                f"'{self / name}' is damaged ({error}); add --fresh to start "
                "over."
            ) from error

    def _assign(self, variables: list, arrays: dict, name: str) -> None:
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [array.shape for array in arrays.values()]:
            raise self._other_model(name)
        for variable, array in zip(variables, arrays.values(), strict=True):
            variable.assign(array)

    def _other_model(self, name: str) -> InputError:
        return InputError(
            f"'{self / name}' belongs to another model; add --fresh to start "
            "over."
        )


def open_run(
    config,
    inputs: dict[str, str],
    fresh: bool,
    outputs: tuple[str, ...],
    keep: int = 1,
) -> RunDirectory | None:
    """Opens the directory of a run and prints its configuration.

    Args:
        config: See `RunDirectory`.
        inputs: See `RunDirectory`.
        fresh: See `RunDirectory`.
        outputs: See `RunDirectory`; with `metrics.json` a run is finished.
        keep: See `RunDirectory`.

    Returns:
        The directory, not claimed yet, or `None` if its run is finished.

    Raises:
        InputError: An earlier run there has another configuration or other
            inputs, and is not to be replaced.
    """
    run = RunDirectory(config, inputs, fresh, outputs, keep)
    print(config_text(config), end="")
    if run.has(_FINISHED):
        print(f"'{run.path}' is finished; add --fresh to start over.")
        return None
    return run


def _variables(model) -> list:
    """Returns weights, random generators' states and optimizer variables."""
    return [*model.variables, *model.optimizer.variables]


def _paths(model) -> list[str]:
    """Returns what tells variables of one shape apart."""
    return [variable.path for variable in _variables(model)]


def _versions() -> dict[str, str]:
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {one}" for name, one in versions.items())
