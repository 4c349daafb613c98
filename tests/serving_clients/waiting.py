"""Waiting for what another thread does."""

import time


def wait_for(condition):
    """Returns once a function returns true, and fails after 20 seconds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
