"""Packed text files: what is read, and what a damaged one says."""

import gzip
import lzma
import sys

import pytest

from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.text_files import text_lines
from keras_mixattn.errors import InputError

LINES = [f"line {number}, Zoë\n" for number in range(20011)]
TEXT = "".join(LINES).encode()


def zstd(content):
    zstandard = pytest.importorskip("zstandard")
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


PACK = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd}


@pytest.mark.parametrize("ending", PACK)
def test_packed_lines(ending, tmp_path):
    path = tmp_path / f"A.TXT{ending}"
    # Two packed files one after the other are one, as packers treat them.
    half = TEXT.index(b"\n", len(TEXT) // 2) + 1
    path.write_bytes(PACK[ending](TEXT[:half]) + PACK[ending](TEXT[half:]))
    assert list(text_lines(path)) == LINES
    assert file_ending(path) == ".txt"


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
def test_a_missing_end_is_noticed(ending, kept, tmp_path):
    packed = PACK[ending](TEXT)
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(packed[: int(len(packed) * kept)])
    with pytest.raises(InputError, match=f"not a whole .*the ending {ending}"):
        list(text_lines(path))


@pytest.mark.parametrize("ending", PACK)
def test_what_is_not_packed_is_noticed(ending, tmp_path):
    PACK[ending](b"")  # skips where the package is missing
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(b"plain text")
    with pytest.raises(InputError, match="not a whole"):
        list(text_lines(path))


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match="run `pip install zstandard`"):
        list(text_lines(tmp_path / "a.txt.zst"))


def test_other_endings(tmp_path):
    assert file_ending(tmp_path / "a.tar.bz2") == ".bz2"
    assert file_ending(tmp_path / "a.TSV") == ".tsv"
    assert file_ending(tmp_path / "a.gz") == ""
