"""Steps of several models in turn, timed by the processor's clock.

The models share one process and take one step each per round, in an order
that rotates: whatever else the machine does hits all alike.
"""

import functools
import statistics
import time
from collections.abc import Callable
from collections.abc import Sequence

import keras
import tensorflow as tf

from benchmarks.turns import rotated

WARM_UP_STEPS = 2


def alternate(
    steps: dict[str, Callable], rounds: int
) -> dict[str, list[float]]:
    """Times every step once per round, after a few untimed ones.

    Args:
        steps: A function without arguments for each name.
        rounds: Timed steps of each.

    Returns:
        For each name the seconds of its steps by round: those of the
        processor, of all threads together.

    Example:

    ```python
    seconds = alternate({"sum": lambda: sum(range(99))}, rounds=3)
    assert len(seconds["sum"]) == 3
    ```
    """
    for step in steps.values():
        for _ in range(WARM_UP_STEPS):
            step()
    seconds = {name: [] for name in steps}
    for number in range(rounds):
        for name in rotated(list(steps), number):
            start = time.process_time()
            steps[name]()
            seconds[name].append(time.process_time() - start)
    return seconds


def train_steps(
    models: dict[str, keras.Model], batches: Sequence
) -> dict[str, Callable]:
    """Makes a function of each model that trains it by one batch.

    It is the compiled train function of `keras.Model.fit`. The batches are
    in memory before: no step waits for data or pays for their preparation.

    Args:
        models: Compiled models by name.
        batches: What `fit` takes for a batch, such as `(inputs, labels)`,
            all of the same shapes. The models are given them in this order,
            over and over.

    Returns:
        A function without arguments for each model.
    """
    stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *batches)
    steps = {}
    for name, model in models.items():
        model.make_train_function()
        data = tf.data.Dataset.from_tensor_slices(stacked).repeat()
        steps[name] = functools.partial(model.train_function, iter(data))
    return steps


def step_costs(
    models: dict[str, keras.Model], batches: Sequence, rounds: int
) -> dict[str, float]:
    """Measures what a training step of each model costs, side by side.

    In a round every model is given the same batch. The seconds are those of
    all threads, so set TensorFlow to one thread first. The models are trained
    by it, `rounds` and two untimed steps: hand in ones that are not needed
    any more, or copies.

    Args:
        models: Compiled models by name.
        batches: See `train_steps`.
        rounds: Timed steps of each model.

    Returns:
        The median of the processor's seconds of a step for each model.

    Example:

    ```python
    models = {}
    for name in ("narrow", "wide"):
        models[name] = keras.Sequential([keras.layers.Dense(1)])
        models[name].compile("sgd", "mean_squared_error")
    batch = (np.ones((2, 3)), np.zeros((2, 1)))
    assert set(step_costs(models, [batch], rounds=3)) == {"narrow", "wide"}
    ```
    """
    seconds = alternate(train_steps(models, batches), rounds)
    return {name: statistics.median(x) for name, x in seconds.items()}
