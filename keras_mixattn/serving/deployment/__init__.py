"""A deployment kit for an exported model: files for a platform team."""

from keras_mixattn.serving.deployment.deploy import deploy

__all__ = ["deploy"]
