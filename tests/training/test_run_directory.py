"""Files appear whole or not at all; a state comes back bit for bit."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_mixattn.errors import InputError
from training import run_directory
from training.config import key
from training.files import digest
from training.files import written_whole
from training.run_directory import RunDirectory
from training.run_directory import open_run


@dataclasses.dataclass(frozen=True)
class Config:
    run_directory: str
    steps: int = 5


def make_run(path, fresh=False, inputs=None, **changes):
    config = Config(str(path), **changes)
    run = RunDirectory(config, inputs or {}, fresh, ("results",))
    run.claim()
    return run


def make_model(units=3):
    keras.utils.clear_session()
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(units),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def train(model):
    x = np.arange(14.0).reshape(7, 2)
    model.fit(x, x[:, :1], epochs=2, verbose=0, shuffle=False)
    return [
        np.asarray(v) for v in (*model.variables, *model.optimizer.variables)
    ]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    with written_whole(path) as partial:
        partial.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_of_this_number_left_is_removed(tmp_path):
    with written_whole(tmp_path / "directory") as partial:
        partial.mkdir()
        stale = partial
    for path in (stale, Path(str(stale).replace("partial", "old"))):
        path.mkdir()
        (path / "half").write_text("")
    with written_whole(tmp_path / "directory") as partial:
        partial.mkdir()
    assert not list((tmp_path / "directory").iterdir())
    assert list(tmp_path.iterdir()) == [tmp_path / "directory"]


def test_a_directory_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "directory"
    for name in ("a", "b"):
        with written_whole(path) as partial:
            partial.mkdir()
            (partial / name).write_text(name)
    assert [file.name for file in path.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        with written_whole(tmp_path / "file" / "below") as partial:
            partial.write_text("never")


def test_training_goes_on_from_a_state_as_if_it_had_never_stopped(tmp_path):
    keras.utils.set_random_seed(3)
    model = make_model()
    train(model)
    run = make_run(tmp_path)
    run.save_state(model, {"history": [{"loss": 0.1}]})
    expected = train(model)
    keras.utils.set_random_seed(4)
    other = make_model()
    assert run.load_state(other) == {"history": [{"loss": 0.1}]}
    for ours, theirs in zip(train(other), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_come_back_and_the_optimizer_stays(tmp_path):
    model, other = make_model(), make_model()
    train(model)
    run = make_run(tmp_path)
    run.save_weights(model, "best.npz")
    run.load_weights(other, "best.npz")
    for ours, theirs in zip(
        other.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_new_run_has_no_state(tmp_path):
    assert make_run(tmp_path).load_state(make_model()) is None


def test_a_damaged_state_is_named(tmp_path):
    run = make_run(tmp_path)
    run.save_state(make_model(), {})
    state = tmp_path / "state.npz"
    state.write_bytes(state.read_bytes()[:200])
    with pytest.raises(InputError, match="state.npz' is damaged"):
        run.load_state(make_model())


def test_the_state_of_another_model_is_refused(tmp_path):
    run = make_run(tmp_path)
    run.save_state(make_model(), {})
    with pytest.raises(InputError, match="belongs to another model"):
        run.load_state(make_model(units=4))


def with_two_like_layers(*names):
    keras.utils.clear_session()
    inputs = keras.Input((2,))
    x = inputs
    for name in names:
        x = keras.layers.Dense(2, name=name)(x)
    model = keras.Model(inputs, x)
    model.compile(optimizer="sgd", loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_variables_in_another_order_are_refused(tmp_path):
    run = make_run(tmp_path)
    run.save_state(with_two_like_layers("query", "key"), {})
    run.load_state(with_two_like_layers("query", "key"))
    with pytest.raises(InputError, match="belongs to another model"):
        run.load_state(with_two_like_layers("key", "query"))


def test_another_version_is_said(tmp_path, monkeypatch, capsys):
    run = make_run(tmp_path)
    run.save_state(make_model(), {"step": 3})
    monkeypatch.setattr(keras, "__version__", "9.1")
    assert run.load_state(make_model()) == {"step": 3}
    assert "it goes on with keras 9.1, tensorflow" in capsys.readouterr().out


def test_a_state_of_an_older_run_is_taken(tmp_path):
    run = make_run(tmp_path)
    model = make_model()
    arrays = {f"{i:05}": v for i, v in enumerate(train(model))}
    run._states.save(arrays, {"step": 3})
    assert run.load_state(make_model()) == {"step": 3}


def test_damaged_arrays_are_named(tmp_path):
    run = make_run(tmp_path)
    run.write_arrays("windows/train.npz", {"a": np.arange(5)})
    assert run.read_arrays("windows/train.npz")["a"].tolist() == [*range(5)]
    path = tmp_path / "windows" / "train.npz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="train.npz' is damaged"):
        run.read_arrays("windows/train.npz")


def test_another_configuration_or_input_is_refused(tmp_path):
    make_run(tmp_path, inputs={"vocabulary": "a"})
    make_run(tmp_path, inputs={"vocabulary": "a"})
    with pytest.raises(InputError, match="steps was 5, now 6"):
        make_run(tmp_path, inputs={"vocabulary": "a"}, steps=6)
    with pytest.raises(InputError, match='vocabulary was "a", now "b"'):
        make_run(tmp_path, inputs={"vocabulary": "b"})


def test_fresh_removes_what_a_run_makes_and_nothing_else(tmp_path):
    make_run(tmp_path).save_state(make_model(), {})
    (tmp_path / "results").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    run = make_run(tmp_path, fresh=True, steps=6)
    assert run.load_state(make_model()) is None
    assert not (tmp_path / "results").exists()
    assert (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize("removals", range(7))
def test_fresh_that_is_killed_leaves_no_run_that_seems_another(
    tmp_path, monkeypatch, removals
):
    outputs = ("windows", "metrics.json")
    earlier, later = Config(str(tmp_path)), Config(str(tmp_path), 6)
    run = RunDirectory(earlier, {}, False, outputs)
    run.claim()
    run.save_state(make_model(), {})
    for name in outputs:
        (tmp_path / name).write_text("{}")
    removed, left = run_directory.removed, [None] * removals

    def killed(path):
        if path.name.startswith("."):  # of a write
            return removed(path)
        if not left:
            raise KeyboardInterrupt
        left.pop()
        removed(path)

    monkeypatch.setattr(run_directory, "removed", killed)
    monkeypatch.setattr("training.states.removed", killed)
    with pytest.raises(KeyboardInterrupt):
        RunDirectory(later, {}, True, outputs).claim()
    there = {path.name for path in tmp_path.iterdir()}
    if removals:
        assert "metrics.json" not in there
    if "config.json" not in there:
        assert there <= {"inputs.json"}
        return
    with pytest.raises(InputError, match="steps was 5, now 6"):
        open_run(later, {}, False, outputs)


def test_what_killed_processes_left_is_removed(tmp_path):
    (tmp_path / ".old-7-preset").mkdir()
    (tmp_path / "seed2").mkdir()
    for name in (".partial-8-state.npz", "seed2/.partial-9-state.npz"):
        (tmp_path / name).write_text("half")
    make_run(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"seed2", "config.json", "inputs.json"}
    assert list((tmp_path / "seed2").iterdir())  # another run's, who knows


def test_some_keys_may_change_between_two_starts(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Changing(Config):
        devices: int = key(1, "how many", may_change=True)

    for devices in (1, 2):
        config = Changing(str(tmp_path), devices=devices)
        RunDirectory(config, {}, False, ()).claim()
    with pytest.raises(InputError, match="steps was 5, now 6"):
        RunDirectory(Changing(str(tmp_path), 6), {}, False, ())


def test_nothing_changes_before_the_run_claims_its_directory(tmp_path):
    make_run(tmp_path)
    (tmp_path / "results").mkdir()
    run = RunDirectory(Config(str(tmp_path), 6), {}, True, ("results",))
    assert (tmp_path / "results").exists() and not run.has("results")
    make_run(tmp_path)  # still the old configuration
    run.claim()
    assert not (tmp_path / "results").exists()
    with pytest.raises(InputError, match="steps was 6, now 5"):
        make_run(tmp_path)


def test_digest_tells_files_apart(tmp_path):
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(text)
    a, b, c = (tmp_path / name for name in "abc")
    assert digest(a) == digest(b) != digest(c)
    assert digest(a, c) != digest(c, a)
