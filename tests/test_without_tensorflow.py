"""The package on JAX, on a machine on which TensorFlow cannot be imported."""

import importlib.util
import os
import subprocess
import sys

import pytest

HIDE_TENSORFLOW = """
import sys


class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tensorflow_text"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hide())
"""

IMPORTS = """
import keras_mixattn.conversion
import keras_mixattn.layers
import keras_mixattn.models
import keras_mixattn.pretraining
"""

# Every family: `fit` of a model of one's own, a classifier of raw texts, a step
# of the masked LM. The `fit` of tasks is KerasHub's, which asks for `grain`.
USE = """
import keras
import numpy as np
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import layer_wise_rates
from tests.models.builders import LABELS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_inputs
from tests.models.builders import small_masked_lm

assert keras.backend.backend() == "jax"
family = sys.argv[1]
backbone = small_backbone(family)
inputs = small_inputs(4)


def compiled(model):
    rates = layer_wise_rates(backbone, 0.8)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(adamw(0.01, 50, rates=rates), loss)
    return model


head = keras.layers.Dense(2)(backbone.output["pooled_output"])
model = compiled(keras.Model(backbone.input, head))
history = model.fit(inputs, LABELS, epochs=9, verbose=0).history
assert history["loss"][-1] < history["loss"][0]

classifier = small_classifier(backbone, family)
rows = classifier.preprocessor(["a good film", "bad"])
assert classifier(rows).shape == (2, 2)

masked_lm = compiled(small_masked_lm(backbone, family))
masked_lm.preprocessor = None
positions = np.array([[1, 2, 0]] * 4)
labels = inputs["token_ids"][:, [1, 2, 0]]
inputs = {**inputs, "mask_positions": positions}
assert np.all(np.isfinite(masked_lm.train_on_batch(inputs, labels)))
"""

NOTHING_LOADED = """
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"tensorflow", "tensorflow_text"}
"""


def run_on_jax(program: str, *arguments: str) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("needs jax, which `make test-parity` installs")
    result = subprocess.run(
        [sys.executable, "-c", HIDE_TENSORFLOW + program, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.mark.parity
def test_the_package_is_imported():
    run_on_jax(IMPORTS + NOTHING_LOADED)


@pytest.mark.parity
@pytest.mark.parametrize("family", ["conv_bert", "hybrid_bert"])
def test_encoders_and_tasks_are_trained(family):
    run_on_jax(USE + NOTHING_LOADED, family)
