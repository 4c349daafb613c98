"""Faults that `tf.saved_model.load` does not see, each seen by one check."""

import json
import shutil

import pytest
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.serving import runtime_checks
from keras_mixattn.serving import verification
from keras_mixattn.serving import verify
from keras_mixattn.serving.extra_assets import MANIFEST
from keras_mixattn.serving.extra_assets import describe_files
from keras_mixattn.serving.keras_answers import keras_answers
from keras_mixattn.serving.keras_comparison import raw_texts
from keras_mixattn.serving.names import WARM_UP_FILE
from keras_mixattn.serving.runtime_checks import check_against_keras
from keras_mixattn.serving.runtime_checks import check_answers
from keras_mixattn.serving.static_checks import Export
from keras_mixattn.serving.warm_up import read_warm_up
from keras_mixattn.serving.warm_up import write_warm_up

RUNTIME = "C++ runtime, 2.13 to 2.19"
KIND = "text_embedder"  # two signatures, and the smallest graph


@pytest.fixture
def copy(exported_task, tmp_path):
    """A copy of an export, to be harmed."""
    return shutil.copytree(exported_task(KIND)[1], tmp_path / "model" / "1")


def relist(path):
    """Writes the manifest anew, as an export with this fault would."""
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"] = describe_files(path)
    (path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def save(module, functions, path):
    """Puts another graph into an export."""
    shutil.rmtree(path / "variables")
    extra = shutil.move(path / "assets.extra", path.parent / "extra")
    tf.saved_model.save(module, str(path), signatures=functions)
    shutil.move(extra, path / "assets.extra")
    relist(path)


def signatures(answer):
    """The signatures of an embedder, with another way to an embedding."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def texts(text):
        size = tf.shape(text)[0]
        return {"embedding": answer(tf.ones([size, 3], tf.int32))}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32, "token_ids"),
            tf.TensorSpec([None], tf.int32, "lengths"),
        ]
    )
    def tokens(token_ids, lengths):
        return {"embedding": answer(token_ids + 0 * lengths[:, None])}

    return {"serving_default": texts, "serving_tokens": tokens}


def test_an_export_passes(exported_task):
    task, path = exported_task(KIND)
    report = verify(path.parent, task)
    assert report.passed and report.failed == []
    assert [check.name for check in report.checks] == [
        "signatures",
        "operations",
        "weights",
        "warm_up",
        "manifest",
        RUNTIME,
        "C++ runtime, 2.20 and later",
        "same as Keras",
    ]
    assert "ok      weights" in str(report)
    assert report.figures["bytes of weights"] == 4 * task.count_params()
    first, last = (
        report.figures[f"seconds of the {which} serving_default"]
        for which in ("first", "last")
    )
    assert first > last


def test_answers_that_differ_from_keras(exported_task, monkeypatch):
    task, path = exported_task(KIND)
    export = Export(path)
    texts = [
        text
        for signature, inputs in export.warm_up
        if signature == "serving_default"
        for text in raw_texts(inputs)["text"]
    ]
    expected = keras_answers(task, {"text": texts}, 17)
    given = []
    monkeypatch.setattr(
        runtime_checks, "keras_answers", lambda *a: given.append(a) or expected
    )
    rows = iter([one["embedding"].values.tolist() for one in 2 * expected])
    answers = [
        [next(rows)] if signature == "serving_default" else []
        for signature, _ in 2 * export.warm_up
    ]
    report = {"answers": [{"outputs": {"embedding": one}} for one in answers]}
    assert check_against_keras(export, report, task) == ([], 0.0)
    assert given == [(task, {"text": texts}, 17)]
    second = answers[6][0]  # of the second round
    second[5] += 0.25
    (problem,), largest = check_against_keras(export, report, task)
    assert "record 2: an answer differs from Keras by 0.25, more" in problem
    assert largest == pytest.approx(0.25)
    second.pop()
    (problem,), _ = check_against_keras(export, report, task)
    assert problem.endswith("embedding of example 0 has not the shape [14]")
    report = {"answers": [{"error": {}} for _ in answers]}
    assert check_against_keras(export, report, task) == ([], 0.0)


def test_answers_that_no_client_can_use(exported_task):
    export = Export(exported_task(KIND)[1])
    answers = [
        {"outputs": {"embedding": [[0.5]]}},
        {"outputs": {"embedding": [[0.5], [0.5]]}},
        {"outputs": {"embedding": [[float("nan")]]}},
        {"error": {"code": "INTERNAL", "message": "it fell"}},
    ]
    again = [*answers[:1], {"outputs": {"embedding": []}}]
    assert check_answers(export, {"answers": answers + again}) == [
        "record 1, serving_tokens: embedding has 2 rows for 1",
        "record 2, serving_default: embedding is not finite",
        "record 3, serving_tokens: INTERNAL: it fell",
        "record 1, serving_tokens: embedding has 0 rows for 1",
    ]


def test_a_module_that_holds_the_model(exported_task, copy, one_set):
    task, _ = exported_task(KIND)
    naive = tf.Module()
    naive.task = task

    def answer(token_ids):
        names = ("token_ids", "segment_ids", "padding_mask")
        inputs = dict.fromkeys(names, tf.minimum(token_ids, 1))
        return tf.cast(task(inputs, training=False), tf.float32)

    naive.functions = signatures(answer)
    save(naive, naive.functions, copy)
    loaded = tf.saved_model.load(str(copy)).signatures["serving_default"]
    assert loaded(text=tf.constant(["sea"]))["embedding"].shape == (1, 14)
    report = verify(copy)
    assert report.failed[-1] == RUNTIME
    assert "Could not find variable" in str(report)


def test_an_operation_of_newer_servers(copy, no_runtime):
    from tensorflow_text import RoundRobinTrimmer

    def answer(token_ids):
        rows = RoundRobinTrimmer(7).trim(
            [tf.RaggedTensor.from_tensor(token_ids)]
        )[0]
        return tf.ones([rows.nrows(), 14])

    module = tf.Module()
    module.functions = signatures(answer)
    save(module, module.functions, copy)
    report = verify(copy)
    assert "operations" in report.failed
    assert "TFText>RoundRobinTrim is not among" in str(report)


@pytest.mark.parametrize(
    ("decorate", "words"),
    [
        (tf.function(jit_compile=True), "asks for XLA"),
        (
            lambda function: (
                lambda x: tf.ensure_shape(
                    tf.py_function(function, [x], tf.float32), [None, 14]
                )
            ),
            "operation EagerPyFunc is not for a server",
        ),
        (
            lambda function: lambda x: function(x) + tf.random.normal([14]),
            "operation RandomStandardNormal is not for a server",
        ),
        (
            lambda function: (
                lambda x: (
                    function(x)
                    + tf.cast(
                        tf.random.categorical(tf.ones([1, 14]), 1), tf.float32
                    )
                )
            ),
            "operation Multinomial is not for a server",
        ),
        (
            lambda function: (
                lambda x: (
                    function(x)
                    + tf.cast(
                        tf.strings.length(tf.io.read_file("secrets")),
                        tf.float32,
                    )
                )
            ),
            "operation ReadFile is not for a server",
        ),
    ],
)
def test_what_a_server_does_not_run(copy, no_runtime, decorate, words):
    module = tf.Module()
    module.functions = signatures(
        decorate(lambda token_ids: tf.ones([tf.shape(token_ids)[0], 14]))
    )
    save(module, module.functions, copy)
    report = verify(copy)
    assert "operations" in report.failed
    assert words in str(report)


def test_other_signatures(copy, no_runtime):
    module = tf.Module()
    functions = signatures(lambda ids: tf.ones([1, 14], tf.float64))
    module.functions = {"serving_default": functions["serving_tokens"]}
    save(module, module.functions, copy)
    report = verify(copy)
    assert {"signatures", "warm_up"} <= set(report.failed)
    problems = "\n".join(report.checks[0].problems)
    for words in (
        "signatures are ['serving_default'], not",
        "text is None, not ('string', 1)",
        "embedding is ('float64', 2), not ('float32', 2)",
        "embedding has a fixed batch",
    ):
        assert words in problems


def test_missing_variables(copy, one_set):
    shutil.rmtree(copy / "variables")
    relist(copy)
    report = verify(copy)
    assert report.failed == ["weights", RUNTIME]
    assert "bytes of weights" not in report.figures


@pytest.mark.parametrize("name", [None, "index", "data-00000-of-00001"])
def test_damaged_variables(copy, no_runtime, name):
    for file in (copy / "variables").iterdir():
        if name is None:
            file.unlink()
        elif file.name.endswith(name):
            file.write_bytes(file.read_bytes()[:20])
    relist(copy)
    # The bytes of the weights themselves are read by the runtime only.
    found = [] if name and name.startswith("data") else ["weights"]
    assert verify(copy).failed == found


@pytest.mark.parametrize("dtype", ["bfloat16", "float3"])
def test_weights_of_another_data_type(copy, exported_task, no_runtime, dtype):
    manifest = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    manifest["dtype"] = dtype
    (copy / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    report = verify(copy)
    assert report.failed == ["weights"]
    count = exported_task(KIND)[0].count_params()
    words = f"{count} floats take {4 * count} bytes, not {2 * count} as in"
    if dtype == "float3":
        words = "the manifest names no data type:"
    assert words in report.summary()


def test_a_process_that_takes_too_long(copy, one_set):
    report = verify(copy, timeout=0.01)
    assert report.failed == [RUNTIME]
    assert "did not answer within 0.01 seconds" in report.summary()


def test_weights_stored_twice(copy, exported_task, no_runtime):
    task, _ = exported_task(KIND)
    module = tf.Module()
    module.functions = signatures(
        lambda ids: tf.ones([tf.shape(ids)[0], 14], tf.float32)
    )
    module.weights = [tf.Variable(weight.value) for weight in 2 * task.weights]
    save(module, module.functions, copy)
    count = task.count_params()
    assert f"{2 * count} floats are stored for {count}" in str(verify(copy))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda requests: requests[:1], "no record of serving_tokens"),
        (lambda requests: requests * 251, "1004 records"),
        (
            lambda requests: [*requests, ("serving", requests[0][1])],
            "record 4: there is no signature 'serving'",
        ),
        (
            lambda requests: [
                *requests,
                ("serving_default", {"texts": requests[0][1]["text"]}),
            ],
            "record 4, serving_default: texts is ('string', 1), not None",
        ),
        (
            lambda requests: [
                *requests,
                ("serving_default", {"text": tf.constant([1.5])}),
            ],
            "text is ('float32', 1), not ('string', 1)",
        ),
    ],
)
def test_warm_up_that_fails_the_load(copy, no_runtime, change, words):
    requests = [
        (name, {key: tf.constant(value) for key, value in inputs.items()})
        for name, inputs in read_warm_up(copy)
    ]
    assert len(requests) == 4
    write_warm_up(copy / "assets.extra" / WARM_UP_FILE, change(requests))
    relist(copy)
    report = verify(copy)
    assert report.failed == ["warm_up"]
    assert words in str(report)


def test_damaged_warm_up(copy, no_runtime):
    file = copy / "assets.extra" / WARM_UP_FILE
    file.write_bytes(file.read_bytes()[:-3])
    assert verify(copy).failed == ["warm_up", "manifest"]
    file.unlink()
    assert verify(copy).failed == ["warm_up", "manifest"]


def test_files_that_are_not_those_of_the_manifest(copy, no_runtime):
    (copy / "assets.extra" / "vocabulary.txt").write_text("sea\n")
    (copy / "notes.txt").write_text("new")
    (copy / "fingerprint.pb").unlink()
    assert verify(copy).checks[-1].problems == [
        "'assets.extra/vocabulary.txt' was changed",
        "'fingerprint.pb' is missing",
        "'notes.txt' is not listed",
    ]
    (copy / MANIFEST).unlink()
    assert {"signatures", "manifest"} <= set(verify(copy).failed)


@pytest.mark.parametrize("name", ["dtype", "max_length", None])
def test_a_manifest_that_says_too_little(
    copy, exported_task, one_set, name, monkeypatch
):
    monkeypatch.setattr(
        verification, "run_warm_up", lambda export, *_, **__: {}
    )
    monkeypatch.setattr(verification, "check_answers", lambda *_: [])
    monkeypatch.setattr(verification, "_times", lambda *_: {})
    manifest = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    manifest.pop(name, None)
    content = [] if name is None else manifest
    (copy / MANIFEST).write_text(json.dumps(content), encoding="utf-8")
    report = verify(copy, exported_task(KIND)[0])
    assert "manifest" in report.failed
    assert "same as Keras" not in [check.name for check in report.checks]
    if name is not None:
        assert report.summary() == f"manifest: '{MANIFEST}' names no {name}"


def test_no_saved_model(copy, tmp_path):
    (copy / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(InputError, match="saved_model.pb' is damaged"):
        verify(copy)
    tmp_path = tmp_path / "model" / "1" / "assets.extra"
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="holds no SavedModel"):
            verify(path)
