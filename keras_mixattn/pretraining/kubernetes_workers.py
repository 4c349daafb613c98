"""The workers of a run on Kubernetes: the pods of an indexed Job."""

import os

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

_INDEX = "JOB_COMPLETION_INDEX"


def kubernetes_resolver(**options):
    """Says which pods train together, and which of them this is.

    TensorFlow's resolver lists the pods, but does not know its own. An
    indexed Job tells each pod its index by `JOB_COMPLETION_INDEX`; the pods
    must be those of one such Job.

    Args:
        **options: Those of `tf.distribute.cluster_resolver
            .KubernetesClusterResolver`; by default it takes the pods of a Job
            that is named `tensorflow`.

    Returns:
        The resolver.

    Raises:
        InputError: If the pods cannot be listed, or the index is none of
            theirs.
    """
    # TensorFlow's own client looks for a file that is not in a pod, see
    # https://github.com/tensorflow/tensorflow/issues/70581.
    if not options.get("override_client"):
        options["override_client"] = _client_of_this_pod()
    resolver = tf.distribute.cluster_resolver.KubernetesClusterResolver(
        **options
    )
    try:
        count = resolver.cluster_spec().num_tasks("worker")
    except Exception as error:  # those of a package that may not be there
        raise InputError(
            "The pods of the Job cannot be listed; let the service account "
            "list pods, and start this once all of them run. Received: "
            f"{first_line(error)}."
        ) from error
    resolver.task_type = "worker"
    resolver.task_id = _place(_own_index(count), count)
    return resolver


def _client_of_this_pod():
    try:
        from kubernetes import client
        from kubernetes import config
    except ImportError as error:
        raise InputError(
            "The cluster kubernetes needs the package kubernetes; install it "
            f"by pip. Received: {first_line(error)}."
        ) from error
    try:
        config.load_incluster_config()
    except config.ConfigException as error:
        raise InputError(
            "The cluster kubernetes is for programs in its pods; elsewhere "
            f"set TF_CONFIG. Received: {first_line(error)}."
        ) from error
    return client.CoreV1Api()


def _own_index(count):
    index = os.environ.get(_INDEX, "")
    if not index.isdecimal() or int(index) >= count:
        raise InputError(
            f"{_INDEX} must be below the number of running pods, {count}; an "
            "indexed Job sets it, which must run all its pods at once. "
            f"Received: {index!r}."
        )
    return int(index)


def _place(index, count):
    """Says where a pod is in a list by name, in which 10 comes before 2."""
    return sorted(range(count), key=lambda number: f"{number}-").index(index)
