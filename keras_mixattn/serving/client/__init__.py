"""Clients of a model server, by REST or gRPC, with one interface."""

from keras_mixattn.serving.client.grpc_client import GrpcClient
from keras_mixattn.serving.client.load import LoadResult
from keras_mixattn.serving.client.load import run_load
from keras_mixattn.serving.client.mixed_texts import mixed_texts
from keras_mixattn.serving.client.rest_client import RestClient
from keras_mixattn.serving.client.retries import Retries
from keras_mixattn.serving.client.task_answers import Embedding
from keras_mixattn.serving.client.task_answers import Fillings
from keras_mixattn.serving.client.task_answers import Label
from keras_mixattn.serving.client.task_answers import Labels
from keras_mixattn.serving.client.task_answers import Score
from keras_mixattn.serving.client.task_answers import Span
from keras_mixattn.serving.client.task_answers import Word
from keras_mixattn.serving.client.task_answers import Words
from keras_mixattn.serving.client.task_answers import typed_answers
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import TensorInfo

__all__ = [
    "Embedding",
    "Fillings",
    "GrpcClient",
    "Label",
    "Labels",
    "LoadResult",
    "RestClient",
    "Retries",
    "Score",
    "ServingError",
    "Signature",
    "Span",
    "TensorInfo",
    "Word",
    "Words",
    "mixed_texts",
    "run_load",
    "typed_answers",
]
