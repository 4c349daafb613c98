"""Clients of a model server, by REST or gRPC, with one interface."""

from keras_mixattn.serving.client.answers import Embedding
from keras_mixattn.serving.client.answers import Fillings
from keras_mixattn.serving.client.answers import Label
from keras_mixattn.serving.client.answers import Labels
from keras_mixattn.serving.client.answers import Score
from keras_mixattn.serving.client.answers import Span
from keras_mixattn.serving.client.answers import Word
from keras_mixattn.serving.client.answers import Words
from keras_mixattn.serving.client.answers import typed_answers
from keras_mixattn.serving.client.codes import ServingError
from keras_mixattn.serving.client.grpc_client import GrpcClient
from keras_mixattn.serving.client.rest_client import RestClient
from keras_mixattn.serving.client.retries import Retries

__all__ = [
    "Embedding",
    "Fillings",
    "GrpcClient",
    "Label",
    "Labels",
    "RestClient",
    "Retries",
    "Score",
    "ServingError",
    "Span",
    "Word",
    "Words",
    "typed_answers",
]
