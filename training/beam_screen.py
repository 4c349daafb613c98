"""What a run of Beam shows, and what it keeps to itself."""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

from tqdm import tqdm

from keras_mixattn.errors import InputError
from training.beam_files import is_remote
from training.beam_files import matched

# Between two looks at the progress, here and in a store.
_SECONDS, _SECONDS_REMOTE = 1.0, 30.0
_STDERR = 2  # the number that processes started from here write to


@contextlib.contextmanager
def counted_examples(pattern: str, record_size: int) -> Iterator[None]:
    """Shows how many examples have been written.

    Where a look fails, the next one may not.

    Args:
        pattern: Of the files of records.
        record_size: Bytes of an example.

    Yields:
        Nothing, while they are written.
    """
    done = threading.Event()
    screen = os.fdopen(os.dup(_STDERR), "w")
    bar = tqdm(desc="Building", unit=" examples", unit_scale=True, file=screen)

    seconds = _SECONDS_REMOTE if is_remote(pattern) else _SECONDS

    def look():
        with contextlib.suppress(InputError):
            sizes = [size for _, size in matched(pattern)]
            bar.update(sum(sizes) // record_size - bar.n)
            bar.set_postfix(files=len(sizes))

    def watch():
        while not done.wait(seconds):
            look()
        look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        bar.close()
        screen.close()


@contextlib.contextmanager
def without_worker_log() -> Iterator[None]:
    """Keeps what local workers log off the screen, unless they fail.

    Yields:
        Nothing, while they work.
    """
    sys.stderr.flush()
    screen = os.dup(_STDERR)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), _STDERR)
        try:
            yield
        except InputError:
            raise
        except Exception:
            log.seek(0)
            os.write(screen, log.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, _STDERR)
            os.close(screen)
