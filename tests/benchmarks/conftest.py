"""What tests of the benchmarks share."""

import pytest


@pytest.fixture
def any_threads(monkeypatch):
    """A process that has computed before cannot be given other threads."""
    import tensorflow as tf

    for name in ("intra", "inter"):
        monkeypatch.setattr(
            tf.config.threading,
            f"set_{name}_op_parallelism_threads",
            lambda count: None,
        )
