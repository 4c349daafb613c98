"""The JSON schemas accept what the model takes and gives, and nothing else."""

import json

import jsonschema
import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.serving.deployment import deploy
from keras_mixattn.serving.deployment.json_schemas import request_schema
from keras_mixattn.serving.deployment.json_schemas import response_schema
from keras_mixattn.serving.deployment.saved_signatures import saved_signatures
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import TensorInfo
from tests.serving_deployment.exports import CLS
from tests.serving_deployment.exports import MODELS
from tests.serving_deployment.exports import SEP

CASES = [
    (model, signature)
    for model, signatures in MODELS.items()
    if model not in ("half", "nameless")
    for signature in signatures
]


def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def accepts(schema, document):
    return validator(schema).is_valid(document)


@pytest.fixture(scope="module")
def contract(export, tmp_path_factory):
    """Returns a function to the schemas and examples in a model's kit."""
    made = {}
    root = tmp_path_factory.mktemp("contract")

    def read(model, signature):
        if model not in made:
            made[model] = deploy(export(model), root / model)
        kit = made[model]
        (path,) = kit.glob(f"schemas/{signature}.*.request.json")
        verb = path.name.split(".")[-3]
        answer = kit / "schemas" / f"{signature}.{verb}.response.json"
        example = kit / "examples" / f"{signature}.{verb}.json"
        return (
            json.loads(path.read_text()),
            json.loads(answer.read_text()),
            json.loads(example.read_text()) if example.exists() else None,
        )

    return read


def rest_answer(signature, outputs):
    """The server's answer to a request in rows, and to one in columns."""
    columns = {
        name: np.char.decode(value.numpy().astype(bytes), "utf-8").tolist()
        if value.dtype == tf.string
        else value.numpy().tolist()
        for name, value in outputs.items()
    }
    if signature == "classify":
        pairs = zip(columns["classes"], columns["scores"], strict=True)
        return [{"results": [list(zip(*pair, strict=True)) for pair in pairs]}]
    if signature == "regress":
        return [{"results": columns["outputs"]}]
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    if len(columns) == 1:
        (columns,) = columns.values()
        rows = columns
    return [{"predictions": rows}, {"outputs": columns}]


@pytest.mark.parametrize(("model", "signature"), CASES)
def test_an_example_and_its_answer_fit_the_schemas(
    export, contract, model, signature
):
    request_schema, response_schema, request = contract(model, signature)
    if signature == "pixels":
        assert request is None  # nothing is known of what it takes
        return
    assert accepts(request_schema, request)
    assert request["signature_name"] == signature
    function = tf.saved_model.load(str(export(model) / "1")).signatures[
        signature
    ]
    if "examples" in request:
        (example,) = request["examples"]
        inputs = {"inputs": [tf.constant(str(example)).numpy()] * 2}
    else:
        (row,) = request["instances"]
        names = list(function.structured_input_signature[1])
        row = row if isinstance(row, dict) else {names[0]: row}
        inputs = {name: [row[name]] * 2 for name in names}
    specs = function.structured_input_signature[1]
    outputs = function(
        **{
            name: tf.constant(value, specs[name].dtype)
            for name, value in inputs.items()
        }
    )
    for answer in rest_answer(signature, outputs):
        answer = json.loads(json.dumps(answer))
        validator(response_schema).validate(answer)
        (key,) = answer
        assert not accepts(response_schema, {key: "text"})
        assert not accepts(response_schema, {**answer, "more": 1})
    assert accepts(response_schema, {"error": "Malformed request"})
    assert not accepts(response_schema, {})


def test_requests_in_rows_and_columns(contract):
    schema, _, _ = contract("demo", "serving_default")
    for body in (
        {"instances": ["a", "b"]},
        {"instances": [{"text": "a"}]},
        {"instances": [{"b64": "YQ=="}, {"text": {"b64": "YQ=="}}]},
        {"inputs": ["a"]},
        {"inputs": []},
        {"inputs": {"text": ["a", {"b64": "YQ=="}]}},
        {"signature_name": "serving_default", "instances": ["a"]},
    ):
        assert accepts(schema, body), body
    for body in (
        {"instances": []},
        {"instances": "a"},
        {"instances": [1]},
        {"instances": [{"texts": "a"}]},
        {"instances": [["a"]]},
        {"inputs": {}},
        {"inputs": ["a"], "instances": ["a"]},
        {"signature_name": "serving_tokens", "instances": ["a"]},
        {},
        [],
    ):
        assert not accepts(schema, body), body


def test_token_requests(contract):
    schema, _, request = contract("demo", "serving_tokens")
    row = {"token_ids": [CLS, SEP], "lengths": 2}
    assert request["instances"] == [row]
    name = {"signature_name": "serving_tokens"}
    assert accepts(schema, name | {"inputs": {k: [v] for k, v in row.items()}})
    assert not accepts(schema, {"instances": [row]})  # of serving_default
    for change in (
        {"lengths": 2.5},
        {"lengths": True},
        {"lengths": 2**31},
        {"token_ids": 3},
        {"token_ids": ["3"]},
        {"more": 1},
    ):
        assert not accepts(schema, name | {"instances": [row | change]}), change
    schema, _, request = contract("Answers.v2_", "serving_tokens")
    (row,) = request["instances"]
    assert row == {"token_ids": [CLS, SEP], "segment_ids": [0, 0], "lengths": 2}


def test_requests_with_serialized_examples(contract):
    schema, _, request = contract("demo", "classify")
    assert list(request["examples"][0]) == ["text"]
    name = {"signature_name": "classify"}
    assert accepts(schema, name | {"examples": [{"text": ["a"]}]})
    assert not accepts(schema, name | {"examples": [{"inputs": "a"}]})
    assert not accepts(schema, name | {"examples": []})
    assert not accepts(schema, {"examples": [{"text": "a"}]})


def test_examples_suit_the_task(contract):
    _, _, request = contract("Answers.v2_", "serving_default")
    assert request["instances"][0].keys() == {"question", "context"}
    _, _, request = contract("fillings", "serving_default")
    assert "[MASK]" in request["instances"][0]


def test_fixed_sizes_and_bytes():
    signature = Signature(
        {"image_bytes": TensorInfo("", "string", (-1,))},
        {
            "vector": TensorInfo("", "float32", (-1, 2, 3)),
            "free": TensorInfo("", "int64", None),
        },
    )
    schema = response_schema("serving_default", signature)
    rows = [[0.5, 1, 2], [3, 4, 5]]
    for free in (1, [1], [[1]]):
        answer = {"predictions": [{"vector": rows, "free": free}]}
        assert accepts(schema, answer)
    for vector in (rows[:1], [[0.5, 1], [2, 3]], [rows]):
        answer = {"predictions": [{"vector": vector, "free": 1}]}
        assert not accepts(schema, answer)
    schema = request_schema("serving_default", signature, [])
    assert accepts(schema, {"instances": [{"b64": "YQ=="}]})
    assert not accepts(schema, {"instances": ["a"]})


def test_what_json_cannot_carry_is_refused(export, tmp_path):
    with pytest.raises(InputError, match="'score' of .* is bfloat16"):
        deploy(export("half"), tmp_path / "kit")
    assert not (tmp_path / "kit").exists()


def test_signatures_are_those_of_the_export(export):
    signatures = saved_signatures(export("demo") / "1")
    assert list(signatures) == ["classify", "serving_default", "serving_tokens"]
    inputs = signatures["serving_tokens"].inputs
    assert {name: (one.dtype, one.shape) for name, one in inputs.items()} == {
        "lengths": ("int32", (-1,)),
        "token_ids": ("int32", (-1, -1)),
    }
    verbs = [signature.verb for signature in signatures.values()]
    assert verbs == ["classify", "predict", "predict"]
    assert saved_signatures(export("scores") / "1")["regress"].verb == "regress"
