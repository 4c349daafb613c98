"""A version appears whole, under a free number, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving import versions
from keras_mixattn.serving.versions import check_version
from keras_mixattn.serving.versions import existing_versions
from keras_mixattn.serving.versions import published


def write(directory, version, content, overwrite=False):
    with published(directory, version, overwrite) as new:
        (new.temporary / "variables").mkdir()
        (new.temporary / "variables" / "data").write_text(content)
    return new.path


def test_next_free_version(tmp_path):
    directory = tmp_path / "models" / "demo"
    assert write(directory, None, "first") == directory / "1"
    for name in ("2", "007", "notes", ".tmp-9", "-3", "٣"):
        (directory / name).mkdir()
    assert list(existing_versions(directory)) == [1, 2, 7]
    assert write(directory, None, "next") == directory / "8"
    assert write(directory, 3, "third") == directory / "3"


def test_two_exports_at_once_get_two_numbers(tmp_path):
    with published(tmp_path, None, False) as late:
        (late.temporary / "late").touch()
        assert write(tmp_path, None, "early") == tmp_path / "1"
    assert late.path == tmp_path / "2" and (tmp_path / "2" / "late").exists()


def test_a_number_that_is_taken_at_the_last_moment(tmp_path, monkeypatch):
    write(tmp_path, 1, "early")
    seen = [{}, {}]  # as it was before

    def existing(directory):
        return seen.pop() if seen else existing_versions(directory)

    monkeypatch.setattr(versions, "existing_versions", existing)
    assert write(tmp_path, None, "late") == tmp_path / "2"
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True, 2**63])
def test_a_version_is_a_positive_integer(tmp_path, version):
    with pytest.raises(InputError, match="positive integer"):
        check_version(tmp_path, version, False)


def test_an_existing_version_is_never_overwritten_unasked(tmp_path):
    write(tmp_path, 1, "old")
    with pytest.raises(InputError, match="Version 1 of .* exists"):
        check_version(tmp_path, 1, False)
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
        check_version(tmp_path, 1, False)
    write(tmp_path, 1, "new", overwrite=True)
    assert os.listdir(tmp_path) == ["1"]


def test_the_version_is_invisible_until_complete(tmp_path):
    with published(tmp_path, 3, False) as new:
        assert new.path is None
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
            with published(directory, 1, False) as new:
                (new.temporary / "half").write_text("written")
                raise error
        assert os.listdir(tmp_path) == before


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "demo").write_text("text")
    with pytest.raises(InputError, match="is a file"):
        check_version(tmp_path / "demo", None, False)
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "demo" / "below", 1, "text")
