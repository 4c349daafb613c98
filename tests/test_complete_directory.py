"""What is written appears whole, and nothing of the user's is lost."""

import os

import pytest

from keras_mixattn.complete_directory import complete_directory
from keras_mixattn.conversion import convert
from keras_mixattn.conversion import export_to_hugging_face
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertBackbone
from tests.conversion.sources import hugging_face_source


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_this_directory(tmp_path, monkeypatch):
    """`.` has no name of its own; it is a source and a target all the same."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    hugging_face_source(tmp_path / "source")
    monkeypatch.chdir(tmp_path / "source")
    convert(".", "../preset")
    assert ConvBertBackbone.from_preset(".").num_layers == 2
    with pytest.raises(InputError, match="exists; choose another"):
        convert(tmp_path / "preset", ".")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export_to_hugging_face(tmp_path / "preset", ".", overwrite=True)
    monkeypatch.chdir(tmp_path)
    assert "model.safetensors" in names(tmp_path / "here")
    convert("source", "here/../again")
    with pytest.raises(InputError, match="of no known kind"):
        convert("/", "preset2")
    assert names(tmp_path) == ["again", "here", "keras", "preset", "source"]


def test_what_appears_meanwhile_is_kept(tmp_path):
    target = tmp_path / "target"
    with pytest.raises(InputError, match="exists; choose another"):
        with complete_directory(target) as temporary:
            (temporary / "ours.txt").write_text("ours")
            target.mkdir()
            (target / "mine.txt").write_text("mine")
    assert names(tmp_path) == ["target"] and names(target) == ["mine.txt"]


@pytest.mark.parametrize("inside", ["", "source", "source/model.ckpt-7"])
def test_what_is_read_is_not_replaced(inside, tmp_path):
    source = tmp_path / "target" / inside
    (tmp_path / "target").mkdir()
    with pytest.raises(InputError, match="which is read to write it"):
        with complete_directory(tmp_path / "target", True, [source]):
            pass
    assert names(tmp_path) == ["target"]


def test_sources_and_vocabularies_are_what_is_read(tmp_path):
    hugging_face_source(tmp_path / "theirs" / "source")
    (tmp_path / "words").mkdir()
    vocabulary = tmp_path / "words" / "vocab.txt"
    os.rename(tmp_path / "theirs" / "source" / "vocab.txt", vocabulary)
    for target in ("theirs", "words"):
        with pytest.raises(InputError, match="choose another directory"):
            convert(
                tmp_path / "theirs" / "source",
                tmp_path / target,
                vocabulary=vocabulary,
                overwrite=True,
            )
    assert vocabulary.exists()
    convert(
        tmp_path / "theirs" / "source",
        tmp_path / "preset",
        vocabulary=vocabulary,
    )
    with pytest.raises(InputError, match="choose another directory"):
        export_to_hugging_face(
            tmp_path / "preset", tmp_path / "preset", overwrite=True
        )
    assert (tmp_path / "preset" / "model.weights.h5").exists()


def test_a_full_disk_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="No space left on device; make room"):
        with complete_directory(tmp_path / "new" / "target") as temporary:
            (temporary / "half.txt").write_text("half")
            raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())
