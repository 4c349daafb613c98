"""Answers in JSON, read by a signature."""

import pytest

from keras_mixattn.serving.client.json_outputs import OtherOutputsError
from keras_mixattn.serving.client.json_outputs import read_outputs
from keras_mixattn.serving.signature_info import TensorInfo

ONE = {"score": TensorInfo("", "float32", (-1,))}
TWO = {
    "label": TensorInfo("", "string", (-1,)),
    "probabilities": TensorInfo("", "float32", (-1, 3)),
}


def test_rows_and_columns():
    row = {"label": "é", "probabilities": [0.5, 0.25, 0.25]}
    for answer in (
        {"predictions": [row]},
        {"outputs": {name: [value] for name, value in row.items()}},
    ):
        outputs = read_outputs(answer, TWO)
        assert outputs["label"].tolist() == ["é"]
        assert outputs["probabilities"].tolist() == [[0.5, 0.25, 0.25]]
        assert outputs["probabilities"].dtype == "float32"
    for answer in ({"predictions": []}, {"outputs": []}):
        assert read_outputs(answer, ONE)["score"].shape == (0,)
    empty = {"outputs": {"label": [], "probabilities": []}}
    assert read_outputs(empty, TWO)["probabilities"].shape == (0, 3)


@pytest.mark.parametrize("infos", [ONE, TWO])
@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"outputs": None},
        {"outputs": {"label": ["a"]}},
        {"outputs": {"label": ["a"], "probabilities": [[1]], "more": [1]}},
        {"outputs": [{"label": "a"}]},
        {"predictions": [{"label": "a"}]},
        {"predictions": [["a", "b"]]},
        {"predictions": 7},
    ],
)
def test_other_outputs_are_an_error(answer, infos):
    with pytest.raises(OtherOutputsError, match="metadata name") as caught:
        read_outputs(answer, infos)
    assert caught.value.code == "INTERNAL"
