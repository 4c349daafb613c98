"""The processes that train one model together."""

import hashlib
import json
import os

import tensorflow as tf

from keras_mixattn.errors import InputError


class Team:
    """Says which of the workers of a strategy this is, and lets them agree.

    Under any strategy but `multi_worker` there is one process, which agrees
    with itself at no cost.

    Args:
        strategy: What `strategy_of` returned.

    Attributes:
        is_chief: Whether this process writes what all of them read.
        is_alone: Whether there is no other.
    """

    def __init__(self, strategy):
        self.strategy = strategy
        workers = []
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            workers = _workers(strategy.cluster_resolver)
        self.is_alone = len(workers) < 2
        self.is_chief = self.is_alone or _own(strategy) == workers[0]

    def any(self, flag) -> bool:
        """Says whether a flag is raised in any of the processes.

        All must call it at the same step.

        Args:
            flag: That of this process.
        """
        return self._mean(1.0 if flag else 0.0) > 0

    def agrees(self, number: int) -> bool:
        """Says whether all processes have the same whole number.

        Args:
            number: That of this process.
        """
        # Of whole numbers that differ, one is half of 1 off the mean; of equal
        # ones the mean may be rounded.
        return not self.any(abs(number - self._mean(number)) > 0.25)

    def agrees_on(self, text: str) -> bool:
        """Says whether all processes have the same text.

        Args:
            text: That of this process.
        """
        # 32 bits of its digest, which a float sums up exactly.
        return self.agrees(
            int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
        )

    def wait(self) -> None:
        """Waits until all processes are here."""
        self.any(False)

    def _mean(self, value) -> float:
        if self.is_alone:
            return value
        return float(self._mean_over_replicas(tf.constant(value, tf.float64)))

    @tf.function
    def _mean_over_replicas(self, value):
        def on_replica(value):
            context = tf.distribute.get_replica_context()
            value = tf.identity(value)  # on a device of this replica
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, value)

        results = self.strategy.run(on_replica, args=(value,))
        return self.strategy.experimental_local_results(results)[0]


def check_cluster(strategy: str) -> None:
    """Checks that workers are not started as if each were alone.

    Args:
        strategy: A word of `strategy_of`.

    Raises:
        InputError: `TF_CONFIG` names several workers, the strategy is for
            one.
    """
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}")
        count = sum(map(len, cluster.get("cluster", {}).values()))
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"TF_CONFIG is no description of a cluster: {error}; mend or "
            "unset it."
        ) from error
    if count > 1 and strategy != "multi_worker":
        raise InputError(
            f"TF_CONFIG names {count} processes, but `strategy` is "
            f"{strategy!r}; give --strategy multi_worker, or unset TF_CONFIG."
        )


def _workers(resolver) -> list[tuple[str, int]]:
    """Returns kind and number of all workers, the one that writes first."""
    cluster = tf.train.ClusterSpec(resolver.cluster_spec())
    return [
        (kind, number)
        for kind in ("chief", "worker")
        if kind in cluster.jobs
        for number in cluster.task_indices(kind)
    ]


def _own(strategy) -> tuple[str, int]:
    resolver = strategy.cluster_resolver
    return resolver.task_type, resolver.task_id
