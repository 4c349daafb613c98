"""Files packed by Zstandard, which say so when their end is missing."""

import io
from pathlib import Path

from keras_mixattn.errors import InputError

_BYTES_AT_ONCE = 1 << 17


class ZstdDamage(OSError):
    """Says what is wrong with a packed file."""


def open_zstd(path: Path, mode: str = "rb") -> io.BufferedReader:
    """Opens a packed file for reading; it may have several frames.

    Args:
        path: The file.
        mode: `"rb"`, as of other openers.

    Returns:
        The unpacked bytes. Reading raises `ZstdDamage` if they are damaged.

    Raises:
        InputError: The package `zstandard` is missing.
    """
    try:
        import zstandard
    except ImportError as error:
        raise InputError(
            f"Reading '{path}' needs the package 'zstandard', which is not "
            "installed; run `pip install zstandard`."
        ) from error
    return io.BufferedReader(_Unpacked(open(path, mode), zstandard))


class _Unpacked(io.RawIOBase):
    """The bytes of all frames; the package's own reader misses a cut one."""

    def __init__(self, file, zstandard):
        super().__init__()
        self._file = file
        self._zstandard = zstandard
        self._frame = None
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self._ready and self._unpack():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self):
        self._file.close()
        super().close()

    def _unpack(self):
        """Unpacks some bytes, and tells whether there were any."""
        packed = self._packed or self._file.read(_BYTES_AT_ONCE)
        if not packed:
            if self._frame is not None:
                raise ZstdDamage("its end is missing")
            return False
        if self._frame is None:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        try:
            self._ready = memoryview(self._frame.decompress(packed))
        except self._zstandard.ZstdError as error:
            raise ZstdDamage(str(error)) from error
        self._packed = b""
        if self._frame.eof:
            self._packed = self._frame.unused_data
            self._frame = None
        return True
