"""What every objective of pre-training refuses and keeps."""

import pytest

from keras_mixattn.pretraining import MaskedLanguageModeling
from keras_mixattn.pretraining import adamw
from tests.models.builders import small_backbone
from tests.models.builders import small_masked_lm


@pytest.fixture(scope="module")
def objective():
    return MaskedLanguageModeling(small_masked_lm(small_backbone(num_layers=1)))


@pytest.mark.parametrize(
    "given",
    [
        {"loss": "mse"},
        {"loss_weights": [2.0]},
        {"metrics": ["mae"]},
        {"weighted_metrics": ["mae"]},
    ],
)
def test_losses_and_metrics_of_others_are_refused(objective, given):
    [(name, value)] = given.items()
    with pytest.raises(ValueError) as error:
        objective.compile("sgd", **given)
    assert str(error.value).endswith(f"Received: {name}={value}")


def test_what_keras_keeps_of_compile_is_accepted(objective):
    objective.compile(adamw(0.1, 5), None, steps_per_execution=3)
    kept = objective.get_compile_config()
    assert {"loss", "loss_weights", "metrics", "weighted_metrics"} <= set(kept)
    objective.compile_from_config(kept)
    assert objective.steps_per_execution == 3
    assert objective.optimizer.built
