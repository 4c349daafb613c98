"""One word for where training runs: here, on all devices, on many machines."""

import os

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.pretraining.kubernetes_workers import kubernetes_resolver

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

# And which arguments say where each of them runs.
STRATEGIES = {
    "one": (),
    "mirrored": ("devices",),
    "multi_worker": ("cluster", "options"),
    "tpu": ("tpu", "options"),
}
CLUSTERS = ("tf_config", "slurm", "kubernetes")


def strategy_of(
    name: str,
    devices: list[str] | None = None,
    cluster: str | None = None,
    tpu: str = "",
    **options,
):
    """Makes a `tf.distribute` strategy; call it before all else.

    Make model and optimizer within its `scope()`. A batch is that of all
    replicas together, of which each takes an equal share.

    Args:
        name: `"one"` for a single device, `"mirrored"` for all devices of
            this machine, `"multi_worker"` for those of several machines, each
            of which runs the same program, or `"tpu"`.
        devices: Names of the devices for `"mirrored"`. Defaults to all GPUs,
            or the CPU where there are none.
        cluster: Who says which machines there are for `"multi_worker"`:
            `"tf_config"`, the environment variable `TF_CONFIG`; `"slurm"`,
            the variables of a SLURM step; `"kubernetes"`, the API of the
            cluster and the variable `JOB_COMPLETION_INDEX` of an indexed
            Job. Defaults to `TF_CONFIG` if it is set, else SLURM if this is
            one of its steps.
        tpu: Name or address of the TPU. Defaults to the one of this machine.
        **options: Further arguments of the resolver of the cluster in
            `tf.distribute.cluster_resolver`, for `"multi_worker"` and
            `"tpu"`.

    Returns:
        The strategy.

    Raises:
        InputError: If a name is unknown, an argument is for another
            strategy, the backend is another, or the devices cannot be
            reached.

    Example:

    ```python
    strategy = strategy_of("one")
    with strategy.scope():
        model = keras.Sequential([keras.layers.Dense(2)])
    assert strategy.num_replicas_in_sync == 1
    ```
    """
    if name not in STRATEGIES:
        raise InputError(
            f"A strategy must be one of {', '.join(STRATEGIES)}. Received: "
            f"{name!r}."
        )
    _check_belongings(
        name, {"devices": devices, "cluster": cluster, "tpu": tpu}, options
    )
    if keras.config.backend() != "tensorflow":
        raise InputError(
            "Strategies are TensorFlow's; set KERAS_BACKEND=tensorflow. "
            f"Received: {keras.config.backend()}."
        )
    try:
        if name == "one":
            return tf.distribute.get_strategy()
        if name == "mirrored":
            return _mirrored(devices)
        if name == "multi_worker":
            return _multi_worker(cluster, options)
        return _tpu(tpu, options)
    except InputError:
        raise
    except (
        tf.errors.OpError,
        ImportError,
        KeyError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise InputError(
            f"The strategy {name} cannot start: {first_line(error)}; look at "
            "the devices and addresses, and make the strategy before anything "
            "else."
        ) from error


def _check_belongings(name, arguments, options):
    own = STRATEGIES[name]
    stray = [k for k, value in arguments.items() if value and k not in own]
    if "options" not in own:
        stray += options
    if stray:
        raise InputError(
            f"The strategy {name} takes no {' and no '.join(stray)}; leave "
            "that out, or take the strategy it is for. Received: "
            f"{', '.join(stray)}."
        )


def _mirrored(devices):
    there = [
        device.name.rpartition("device:")[2]
        for device in tf.config.list_logical_devices()
    ]
    lacking = [name for name in devices or [] if name not in there]
    if lacking:
        raise InputError(
            f"Devices of this machine are {', '.join(there)}. Received: "
            f"{', '.join(lacking)}."
        )
    return tf.distribute.MirroredStrategy(devices)


def _multi_worker(cluster, options):
    cluster = cluster or _found_cluster()
    resolvers = tf.distribute.cluster_resolver
    makers = {
        "tf_config": resolvers.TFConfigClusterResolver,
        "slurm": resolvers.SlurmClusterResolver,
        "kubernetes": kubernetes_resolver,
    }
    if cluster not in makers:
        raise InputError(
            f"A cluster must be one of {', '.join(CLUSTERS)}. Received: "
            f"{cluster!r}."
        )
    return tf.distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=makers[cluster](**options)
    )


def _found_cluster():
    if os.environ.get("TF_CONFIG"):
        return "tf_config"
    if "SLURM_PROCID" in os.environ:
        return "slurm"
    raise InputError(
        "The strategy multi_worker needs to know its workers: set TF_CONFIG, "
        "start it by srun, or name a cluster of "
        f"{', '.join(CLUSTERS)}. Received: none of these."
    )


def _tpu(tpu, options):
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
        tpu=tpu, **options
    )
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
