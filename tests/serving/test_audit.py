"""What an export is made of: operations, weights, files, warm-up."""

import hashlib
import json

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from tests.serving.classifiers import CLASS_NAMES
from tests.serving.classifiers import SEQUENCE_LENGTH
from tests.serving.classifiers import WORDS

# Operations of tf.text that TensorFlow Serving links since 2.13.
TEXT_OPERATIONS = {
    "CaseFoldUTF8",
    "FastWordpieceTokenizeWithOffsets",
    "NormalizeUTF8",
    "RegexSplitWithOffsets",
}
FORBIDDEN = ("PyFunc", "EagerPyFunc", "Xla", "Random", "Stateless", "Print")
CASES = ["mask", "leak", "bfloat16", "pooling"]


def graph_of(path):
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((path / "saved_model.pb").read_bytes())
    return saved_model.meta_graphs[0].graph_def


@pytest.mark.parametrize("case", CASES)
def test_operations(exported, case):
    graph = graph_of(exported(case)[1])
    nodes = list(graph.node)
    for function in graph.library.function:
        nodes += function.node_def
        assert not {"_XlaMustCompile", "_tf_function_jit_compile"} & {
            name for name, value in function.attr.items() if value.b or value.s
        }
        assert "internal_grad_fn" not in function.signature.name
    functions = {f.signature.name for f in graph.library.function}
    operations = {node.op for node in nodes} - functions
    assert not {op for op in operations if op.startswith(FORBIDDEN)}
    text_operations = operations & _text_operations()
    assert text_operations <= TEXT_OPERATIONS
    assert "FastWordpieceTokenizeWithOffsets" in text_operations
    for op in operations - text_operations:
        assert op_def_registry.get(op) is not None, op


def _text_operations():
    """Names known only because tensorflow_text is imported."""
    import tensorflow_text  # noqa: F401

    return {
        name
        for name in (
            "CaseFoldUTF8 FastBertNormalize FastWordpieceTokenizeWithOffsets "
            "NormalizeUTF8 RegexSplitWithOffsets TFText>RoundRobinTrim "
            "TFText>Utf8Binarize WordpieceTokenizeWithOffsets "
            "WhitespaceTokenizeWithOffsetsV2"
        ).split()
        if op_def_registry.get(name) is not None
    }


@pytest.mark.parametrize("case", CASES)
def test_each_weight_is_stored_once(exported, case):
    classifier, path = exported(case)
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    floats = sum(
        np.prod(reader.get_variable_to_shape_map()[name])
        for name, dtype in reader.get_variable_to_dtype_map().items()
        if dtype.is_floating
    )
    assert floats == classifier.count_params()
    constants = [
        node
        for function in graph_of(path).library.function
        for node in function.node_def
        if node.op == "Const"
    ]
    assert max(node.ByteSize() for node in constants) < 5000


@pytest.mark.parametrize("case", CASES)
def test_extra_assets(exported, case):
    classifier, path = exported(case)
    extra = path / "assets.extra"
    vocabulary = (extra / "vocabulary.txt").read_text(encoding="utf-8")
    assert vocabulary.splitlines() == WORDS
    assert json.loads((extra / "labels.json").read_text()) == CLASS_NAMES
    tokenizer = json.loads((extra / "tokenizer.json").read_text())
    assert tokenizer["lowercase"] == (case != "leak")
    assert tokenizer["max_length"] == SEQUENCE_LENGTH
    manifest = json.loads((extra / "manifest.json").read_text())
    assert manifest["parameters"] == classifier.count_params()
    found = {
        file.relative_to(path).as_posix(): hashlib.sha256(
            file.read_bytes()
        ).hexdigest()
        for file in path.rglob("*")
        if file.is_file() and file.name != "manifest.json"
    }
    listed = {name: f["sha256"] for name, f in manifest["files"].items()}
    assert listed == found
    assert "saved_model.pb" in listed


def prediction_log_class():
    """`tensorflow.serving.PredictionLog` with its official field numbers."""
    pool = descriptor_pool.DescriptorPool()
    for module in (tensor_pb2,):
        _add_with_dependencies(pool, module.DESCRIPTOR)
    file = descriptor_pb2.FileDescriptorProto(
        name="log.proto",
        package="serving",
        syntax="proto3",
        dependency=[tensor_pb2.DESCRIPTOR.name],
    )
    kinds = descriptor_pb2.FieldDescriptorProto

    def message(name, *fields):
        definition = file.message_type.add(name=name)
        for field, number, kind in fields:
            definition.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_OPTIONAL,
                type=kinds.TYPE_MESSAGE if kind else kinds.TYPE_STRING,
                type_name=kind,
            )
        return definition

    message("ModelSpec", ("name", 1, None), ("signature_name", 3, None))
    request = message("PredictRequest", ("model_spec", 1, ".serving.ModelSpec"))
    entry = request.nested_type.add(name="InputsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=1, type=kinds.TYPE_STRING)
    entry.field.add(
        name="value",
        number=2,
        label=1,
        type=kinds.TYPE_MESSAGE,
        type_name=".tensorflow.TensorProto",
    )
    request.field.add(
        name="inputs",
        number=2,
        label=kinds.LABEL_REPEATED,
        type=kinds.TYPE_MESSAGE,
        type_name=".serving.PredictRequest.InputsEntry",
    )
    message("PredictLog", ("request", 1, ".serving.PredictRequest"))
    message("PredictionLog", ("predict_log", 6, ".serving.PredictLog"))
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("serving.PredictionLog")
    )


def _add_with_dependencies(pool, descriptor):
    for dependency in descriptor.dependencies:
        _add_with_dependencies(pool, dependency)
    definition = descriptor_pb2.FileDescriptorProto()
    descriptor.CopyToProto(definition)
    pool.Add(definition)


@pytest.mark.parametrize("case", ["mask"])
def test_warm_up_covers_every_signature(exported, case):
    _, path = exported(case)
    records = tf.data.TFRecordDataset(
        str(path / "assets.extra" / "tf_serving_warmup_requests")
    )
    message_class = prediction_log_class()
    shapes = []
    for record in records.as_numpy_iterator():
        log = message_class.FromString(record)
        assert log.SerializeToString(deterministic=True) == record
        request = log.predict_log.request
        tensors = {
            name: tf.make_ndarray(
                tensor_pb2.TensorProto.FromString(value.SerializeToString())
            )
            for name, value in request.inputs.items()
        }
        shapes.append(
            (
                request.model_spec.signature_name,
                {name: value.shape for name, value in tensors.items()},
            )
        )
    assert shapes == [
        ("serving_default", {"text": (1,)}),
        ("serving_tokens", {"token_ids": (1, 4), "lengths": (1,)}),
        ("serving_default", {"text": (1,)}),
        (
            "serving_tokens",
            {"token_ids": (1, SEQUENCE_LENGTH), "lengths": (1,)},
        ),
    ]
