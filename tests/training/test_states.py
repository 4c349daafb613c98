"""States: the newest good one is found, whatever became of the others."""

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from training import states as states_module
from training.states import States


def arrays_of(number):
    return {"00000": np.arange(number, number + 7, dtype="float32")}


def saved(directory, *numbers, keep=3):
    states = States(directory, keep)
    for number in numbers:
        states.save(arrays_of(number), {"step": number})
    return states


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_the_last_ones_are_kept(tmp_path):
    states = saved(tmp_path, 2, 3, 5, 7)
    assert names(tmp_path) == ["state.1.npz", "state.2.npz", "state.npz"]
    arrays, record = states.load()
    assert record == {"step": 7}
    np.testing.assert_array_equal(arrays["00000"], arrays_of(7)["00000"])


def test_fewer_are_kept_than_before(tmp_path):
    saved(tmp_path, 2, 3, 5)
    saved(tmp_path, 7, keep=1)
    assert names(tmp_path) == ["state.npz"]


def test_each_number_to_keep_is_heeded(tmp_path):
    saved(tmp_path, 2, 3, 5, 7, keep=4)
    saved(tmp_path, 11, keep=2)
    assert names(tmp_path) == ["state.1.npz", "state.npz"]
    assert States(tmp_path, 2).load()[1] == {"step": 11}


def test_there_may_be_none(tmp_path):
    assert States(tmp_path).load() is None


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "missing"])
def test_the_one_before_a_damaged_one_is_taken(tmp_path, damage, capsys):
    saved(tmp_path, 2, 3)
    path = tmp_path / "state.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(
        {"cut": content[:300], "bit": content, "empty": b""}.get(damage, b"")
    )
    if damage == "missing":
        path.unlink()
    states = States(tmp_path, 3)
    assert states.load()[1] == {"step": 2}
    said = capsys.readouterr().out
    assert said.count("\n") == (damage != "missing")
    assert ("state.npz' is damaged" in said) == (damage != "missing")
    states.save(arrays_of(5), {"step": 5})
    path.unlink()  # what is damaged has not taken the place of a good one
    assert States(tmp_path, 3).load()[1] == {"step": 2}


@pytest.mark.parametrize(("place", "bit"), [(8, 1), (10, 4)])
def test_a_wrong_encryption_or_packing_is_damage(tmp_path, place, bit):
    saved(tmp_path, 2, 3)
    path = tmp_path / "state.npz"
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + place] ^= bit
    path.write_bytes(content)
    with pytest.raises(RuntimeError), np.load(path) as file:
        dict(file)
    assert States(tmp_path, 3).load()[1] == {"step": 2}


def test_other_contents_of_the_same_form_are_damage(tmp_path):
    saved(tmp_path, 2)
    path = tmp_path / "state.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, **arrays_of(3)})
    with pytest.raises(InputError, match="SHA-256.*add --fresh"):
        States(tmp_path).load()


def test_what_is_not_finite_is_not_saved(tmp_path):
    states = saved(tmp_path, 2)
    with pytest.raises(InputError, match="no longer a finite number"):
        states.save({"00000": np.array([1.0, np.nan], "float32")}, {})
    assert states.load()[1] == {"step": 2}


def test_a_full_disk_leaves_the_states(tmp_path, monkeypatch):
    states = saved(tmp_path, 2, 3)

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(states_module, "flush", full)
    with pytest.raises(InputError, match="No space left on device; free"):
        states.save(arrays_of(5), {"step": 5})
    assert names(tmp_path) == ["state.1.npz", "state.npz"]
    assert states.load()[1] == {"step": 3}


def test_all_are_removed(tmp_path):
    (tmp_path / "statement.txt").write_text("")
    saved(tmp_path, 2, 3).remove()
    assert names(tmp_path) == ["statement.txt"]
