"""What a step costs: of mixers and of the encoders of a study."""

import json

import pytest

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import save_vocabulary
from training import study_costs
from training.compare_tasks import cost_stage
from training.measured_steps import measure_steps
from training.pretrain_config import OBJECTIVES
from training.pretrain_config import PretrainConfig
from training.studies import STUDIES


@pytest.fixture
def vocabulary(tmp_path):
    words = [*SPECIAL_TOKENS, *"abcdefg"]
    save_vocabulary(words, tmp_path / "vocab.txt")
    return str(tmp_path / "vocab.txt")


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_encoders_take_turns(vocabulary, objective):
    sizes = {
        "num_layers": 1,
        "num_heads": 4,
        "hidden_dim": 24,
        "intermediate_dim": 22,
        "embedding_dim": 10,
        "max_sequence_length": 16,
        "sequence_length": 11,
        "batch_size": 3,
    }
    configs = {
        name: PretrainConfig(
            vocabulary=vocabulary,
            objective=objective,
            mixers=[mixers],
            **sizes,
        )
        for name, mixers in (
            ("attention", {"attention": 4}),
            ("ConvBERT", {"attention": 2, "span_conv": 2}),
        )
    }
    costs = measure_steps(configs, rounds=1)
    assert list(costs) == list(configs)
    for cost in costs.values():
        assert cost["milliseconds"] > 0 and cost["windows"] == 3
        assert cost["megabytes"] > 0


@pytest.mark.parametrize("name", STUDIES)
def test_the_command_of_a_study(name, tmp_path, monkeypatch, vocabulary):
    given = []

    def measured(configs):
        given.append(configs)
        return {name: {"milliseconds": 1.0} for name in configs}

    monkeypatch.setattr(study_costs, "measure_steps", measured)
    monkeypatch.setattr(study_costs, "use_one_thread", lambda: None)
    stage = cost_stage(STUDIES[name], tmp_path)
    module, *words = stage.arguments[1:]
    assert module == study_costs.__spec__.name
    study_costs.main(words)
    costs = json.loads((tmp_path / "costs.json").read_text())
    assert list(costs) == list(STUDIES[name].encoders)
    assert stage.outputs == (tmp_path / "costs.json",)
    for config in given[0].values():
        assert config.vocabulary == vocabulary
    assert len({str(config.mixers) for config in given[0].values()}) > 1
