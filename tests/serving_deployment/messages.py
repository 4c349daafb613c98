"""Protocol buffers of TensorFlow Serving that its Python package lacks."""

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import wrappers_pb2

_KINDS = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "check"
_SCALARS = {
    "bool": _KINDS.TYPE_BOOL,
    "int64": _KINDS.TYPE_INT64,
    "string": _KINDS.TYPE_STRING,
}
# Message -> its fields in the order of their numbers, with the type of each.
_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "allowed_batch_sizes": "repeated int64",
        "pad_variable_length_inputs": "bool",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "SSLConfig": {
        "server_key": "string",
        "server_cert": "string",
        "custom_ca": "string",
        "client_verify": "bool",
    },
}


def message_class(name):
    """Returns the class of a message."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="check.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for message, fields in _MESSAGES.items():
        definition = file.message_type.add(name=message)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            _add_field(definition, field, number, kind)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    )


def _add_field(definition, name, number, kind):
    kind, repeated = kind.removeprefix("repeated "), " " in kind
    field = definition.field.add(name=name, number=number)
    field.label = _KINDS.LABEL_REPEATED if repeated else _KINDS.LABEL_OPTIONAL
    field.type = _SCALARS.get(kind, _KINDS.TYPE_MESSAGE)
    if kind.endswith("Value"):
        field.type_name = f".google.protobuf.{kind}"
    elif kind not in _SCALARS:
        field.type_name = f".{_PACKAGE}.{kind}"
