"""Child processes: that they end with their parent, and what they say."""

import ctypes
import re
import signal
import sys

# Written before any setting could hush them, by every process.
GREETINGS = re.compile(
    rb"^(?:WARNING: All log messages before absl|[IW]0000 |E0000 .*cuInit|"
    rb"To enable the following instructions).*\n",
    re.MULTILINE,
)
_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
# Opened here: between fork and exec of a process with threads nothing may be.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Lets a process end when its parent is killed; for `preexec_fn`.

    It does nothing where the system is not Linux.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
