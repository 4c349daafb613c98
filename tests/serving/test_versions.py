"""A version appears whole, under a free number, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.versions import choose_version
from keras_mixattn.serving.versions import existing_versions
from keras_mixattn.serving.versions import published


def write(directory, version, content, overwrite=False):
    with published(directory, version, overwrite) as temporary:
        (temporary / "variables").mkdir()
        (temporary / "variables" / "data").write_text(content)


def test_next_free_version(tmp_path):
    directory = tmp_path / "models" / "demo"
    assert choose_version(directory, None, False) == 1
    for name in ("2", "007", "notes", ".tmp-9", "-3", "٣"):
        (directory / name).mkdir(parents=True)
    assert list(existing_versions(directory)) == [2, 7]
    assert choose_version(directory, None, False) == 8
    assert choose_version(directory, 3, False) == 3


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True, 2**63])
def test_a_version_is_a_positive_integer(tmp_path, version):
    with pytest.raises(InputError, match="positive integer"):
        choose_version(tmp_path, version, False)


def test_an_existing_version_is_never_overwritten_unasked(tmp_path):
    write(tmp_path, 1, "old")
    with pytest.raises(InputError, match="Version 1 of .* exists"):
        choose_version(tmp_path, 1, False)
    with pytest.raises(InputError, match="Version 1 of .* exists"):
        write(tmp_path, 1, "new")  # it appeared after it was chosen
    assert (tmp_path / "1" / "variables" / "data").read_text() == "old"
    write(tmp_path, 1, "new", overwrite=True)
    assert (tmp_path / "1" / "variables" / "data").read_text() == "new"
    assert os.listdir(tmp_path) == ["1"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOTEMPTY, "Version 1 of .* exists"),
        (errno.EACCES, "cannot be written: Permission denied"),
    ],
)
def test_a_failed_rename_keeps_the_old_version(
    tmp_path, monkeypatch, number, words
):
    write(tmp_path, 1, "old")
    rename = Path.rename

    def refuse(path, target):
        if path.name.startswith(".tmp-"):
            raise OSError(number, os.strerror(number))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match=words):
        write(tmp_path, 1, "new", overwrite=True)
    assert os.listdir(tmp_path) == ["1"]
    assert (tmp_path / "1" / "variables" / "data").read_text() == "old"


def test_leading_zeros_are_the_same_version(tmp_path):
    (tmp_path / "01").mkdir()
    with pytest.raises(InputError, match="exists"):
        choose_version(tmp_path, 1, False)
    write(tmp_path, 1, "new", overwrite=True)
    assert os.listdir(tmp_path) == ["1"]


def test_the_version_is_invisible_until_complete(tmp_path):
    with published(tmp_path, 3, False):
        assert not existing_versions(tmp_path)
        assert len(os.listdir(tmp_path)) == 1
    assert list(existing_versions(tmp_path)) == [3]
    assert (tmp_path / "3").stat().st_mode & 0o055 == 0o055 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_nothing(tmp_path, error):
    for directory in (tmp_path / "new" / "demo", tmp_path):
        before = os.listdir(tmp_path)
        with pytest.raises(error):
            with published(directory, 1, False) as temporary:
                (temporary / "half").write_text("written")
                raise error
        assert os.listdir(tmp_path) == before


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "demo").write_text("text")
    with pytest.raises(InputError, match="is a file"):
        choose_version(tmp_path / "demo", None, False)
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "demo" / "below", 1, "text")
