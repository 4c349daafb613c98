"""Bodies by REST, right and wrong, as TensorFlow Serving answers them."""

import json

import httpx
import pytest

PREDICT = "/v1/models/stub:predict"


@pytest.fixture
def ask(stub_server):
    def send(kind, path, body=None, method=None):
        url = stub_server(kind).rest_url + path
        if not isinstance(body, bytes | None):
            body = json.dumps(body).encode()
        method = method or ("GET" if body is None else "POST")
        with httpx.Client(trust_env=False) as client:
            return client.request(method, url, content=body)

    return send


def answered(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert "not TensorFlow Serving" in response.headers["x-server"]
    return response.json()


def test_row_and_column_format(ask):
    one = {"label": "one", "label_id": 1}
    rows = answered(ask("classes", PREDICT, {"instances": ["a", "b"]}))
    assert [{k: row[k] for k in one} for row in rows["predictions"]] == [
        one,
        one,
    ]
    named = answered(ask("classes", PREDICT, {"instances": [{"text": "a"}]}))
    assert named["predictions"] == rows["predictions"][:1]
    columns = answered(ask("classes", PREDICT, {"inputs": ["a b", ""]}))
    assert columns["outputs"]["label"] == ["many", "none"]
    more = {"inputs": {"text": ["a b", ""], "more": 3}}
    assert answered(ask("classes", PREDICT, more)) == columns


def test_a_single_output_stands_by_itself(ask):
    assert answered(ask("score", PREDICT, {"instances": ["a"]})) == {
        "predictions": [0.125]
    }
    assert answered(ask("score", PREDICT, {"inputs": ["a"]})) == {
        "outputs": [0.125]
    }
    assert answered(ask("score", PREDICT, {"inputs": []})) == {"outputs": []}


def test_floats_have_the_digits_of_float32(ask):
    body = answered(ask("classes", PREDICT, {"instances": ["a"]}))
    assert 0.16666667 in body["predictions"][0]["probabilities"]


def test_base64_and_bytes_that_are_no_utf8(ask):
    value = {"b64": "YSBi"}
    body = answered(ask("classes", PREDICT, {"instances": [value]}))
    assert body["predictions"][0]["label"] == "many"
    span = b'{"instances": [{"question": "q", "context": "\xff is"}]}'
    response = ask("span", PREDICT, span)
    assert response.status_code == 200
    assert b'"answer": "\xff is"' in response.content


def nested(depth):
    value = "a"
    for _ in range(depth):
        value = [value]
    return value


BAD = [
    ("classes", b"", "JSON Parse error: The document is empty."),
    ("classes", b'{"instances": [', "JSON Parse error: "),
    ("classes", b"[" * 100_000, "JSON Parse error: "),
    ("classes", [], "JSON Value: [] Is not object"),
    ("classes", {}, "Missing 'inputs' or 'instances' key"),
    ("classes", {"instances": []}, "No values in 'instances' array"),
    ("classes", {"instances": 3}, "Excepting 'instances' to be an list/array"),
    (
        "classes",
        {"instances": ["a"], "inputs": ["a"]},
        "expecting only one of 'inputs' or 'instances' keys",
    ),
    ("classes", {"instances": [3]}, "Value: 3 Type: Number is not of expected"),
    ("classes", {"instances": [None]}, "Type: Null is not of expected type"),
    (
        "classes",
        {"instances": ["a", ["b"]]},
        "element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting "
        "shape [] but got: [1]",
    ),
    (
        "classes",
        {"instances": ["a", ["b", "c"]]},
        "Expecting tensor size: 1 but got: 2",
    ),
    (
        "classes",
        {"instances": ["a", {"text": "b"}]},
        "but got object at item 1",
    ),
    ("classes", {"instances": [{"text": "b"}, "a"]}, "but got list at item 1"),
    ("classes", {"instances": [{"x": "a"}]}, "does not have named input: x"),
    ("classes", {"instances": [{}]}, "keys must be equal to: text"),
    ("classes", {"instances": [{"b64": "?"}]}, "Unable to base64 decode"),
    ("classes", {"inputs": [["a"]]}, "[1,1] is not compatible with expected"),
    ("classes", {"inputs": [["a"], ["b", "c"]]}, "unexpected size: 2 at level"),
    ("classes", {"inputs": nested(65)}, "lists in more than 32 levels"),
    ("classes", {"instances": [nested(65)]}, "lists in more than 32 levels"),
    ("classes", {"inputs": nested(900)}, "lists in more than 32 levels"),
    ("span", {"inputs": nested(900)}, "inputs is a plain value/list"),
    ("classes", {"inputs": {"x": nested(900)}}, "Missing named input: text"),
    ("classes", {"inputs": {"x": ["a"]}}, "Missing named input: text"),
    (
        "classes",
        {"inputs": ["a"], "signature_name": "x"},
        'Serving signature name: "x" not found in signature def',
    ),
    (
        "classes",
        {"inputs": ["a"], "signature_name": 3},
        "'signature_name' key must be a string value",
    ),
    ("span", {"instances": ["a"]}, "instances is a plain list, but expecting"),
    ("span", {"inputs": ["a"]}, "inputs is a plain value/list, but expecting"),
]


@pytest.mark.parametrize(("kind", "body", "words"), BAD)
def test_bad_bodies_are_invalid_arguments(ask, kind, body, words):
    response = ask(kind, PREDICT, body)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_classify_and_regress(ask):
    examples = [{"text": "a b"}, {"text": ["c"]}]
    body = {"signature_name": "classify", "examples": examples}
    path = "/v1/models/stub:classify"
    results = answered(ask("classes", path, body))["results"]
    assert results[1] == [
        ["none", 0.16666667],
        ["one", 0.6666667],
        ["many", 0.16666667],
    ]
    body["context"] = {"text": "c"}
    body["examples"] = [{}]
    assert answered(ask("classes", path, body))["results"] == [results[1]]
    body = {"signature_name": "regress", "examples": examples}
    path = "/v1/models/stub:regress"
    assert answered(ask("score", path, body)) == {"results": [0.25, 0.125]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"examples": [{"text": "a"}]}, "one or two output Tensors, found 3"),
        ({"signature_name": "classify"}, "key 'examples' is expected"),
        ({"signature_name": "classify", "examples": []}, "is an empty array"),
        ({"signature_name": "x", "examples": [{}]}, "No signature was found"),
        (
            {"signature_name": "classify", "examples": [3]},
            "must be JSON object",
        ),
        (
            {"signature_name": "classify", "examples": [{"text": 3}]},
            "Data types don't match",
        ),
        (
            b'{"signature_name": "classify", "examples": [{"\xff": 3}]}',
            "is not UTF-8",
        ),
        (
            {"signature_name": "classify", "examples": [{"text": ["a", 3]}]},
            "Unexpected element type in feature: text",
        ),
    ],
)
def test_bad_examples(ask, body, words):
    response = ask("classes", "/v1/models/stub:classify", body)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_status_and_metadata(ask):
    status = answered(ask("classes", "/v1/models/stub"))
    assert status["model_version_status"] == [
        {
            "version": "1",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
    assert answered(ask("classes", "/v1/models/stub/versions/1")) == status
    head = ask("classes", "/v1/models/stub", method="HEAD")
    assert head.status_code == 200 and not head.content
    metadata = answered(ask("classes", "/v1/models/stub/metadata"))
    assert metadata["model_spec"] == {
        "name": "stub",
        "signature_name": "",
        "version": "1",
    }
    definitions = metadata["metadata"]["signature_def"]["signature_def"]
    text = definitions["serving_default"]["inputs"]["text"]
    assert text["dtype"] == "DT_STRING"
    assert text["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models/x", 404, "Could not find any versions of model x"),
        ("GET", "/v1/models/stub/versions/7", 404, "find version 7 of model"),
        (
            "POST",
            "/v1/models/x:predict",
            404,
            "not found for request: Latest(x)",
        ),
        (
            "POST",
            "/v1/models/stub/versions/7:predict",
            404,
            "Servable not found for request: Specific(stub, 7)",
        ),
        (
            "POST",
            "/v1/models/stub/labels/x:predict",
            400,
            "Unrecognized servable version label: x",
        ),
        (
            "GET",
            "/v1/models/stub:predict",
            400,
            "Malformed request: GET /v1/mo",
        ),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", f"/v1/models/stub/versions/{2**70}", 400, "to numeric"),
        ("GET", f"/v1/models/stub/versions/{'9' * 5000}", 400, "to numeric"),
        ("POST", f"/v1/models/stub/versions/{2**63}:predict", 400, "to numer"),
        (
            "POST",
            f"/v1/models/stub/versions/{'0' * 5000}7:predict",
            404,
            "Specific(stub, 7)",
        ),
    ],
)
def test_paths(ask, method, path, status, words):
    body = None if method == "GET" else b'{"instances": ["a"]}'
    response = ask("classes", path, body)
    assert response.status_code == status
    assert words in response.json()["error"]
