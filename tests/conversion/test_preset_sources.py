"""`from_preset` on HuggingFace's format, in a directory or on the hub."""

import fnmatch
import pathlib
import shutil
import sys

import huggingface_hub
import keras
import numpy as np
import pytest
from huggingface_hub import constants
from huggingface_hub import errors

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import preset_reader
from keras_mixattn.conversion.preset_reader import cache_directory
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTokenizer
from tests.conversion.sources import HEADS
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source
from tests.conversion.sources import in_parts
from tests.conversion.sources import rewrite
from tests.conversion.sources import stored
from tests.harness import as_numpy
from tests.models.builders import WORDS
from tests.models.builders import small_classifier

# Tasks whose classes load such sources.
TASKS = [
    "backbone",
    "masked_lm",
    "text_classifier",
    "text_embedder",
    "token_classifier",
    "span_labeler",
]


class Hub:
    """Stands in for the hub: directories by name and revision."""

    def __init__(self, root):
        self.root = root
        self.revisions = {}
        self.asked = []

    def snapshot_download(self, name, *, revision=None, allow_patterns=None):
        self.asked.append((name, revision, allow_patterns))
        revision = revision or "main"
        is_commit = revision in self.revisions.values()
        commit = revision if is_commit else self.revisions.get((name, revision))
        if commit is None:
            raise errors.LocalEntryNotFoundError(f"No {name} at {revision}.\n.")
        cache = self.root / "cache" / commit
        cache.mkdir(parents=True, exist_ok=True)
        for file in (self.root / "remote" / commit).iterdir():
            if allow_patterns is None or any(
                fnmatch.fnmatch(file.name, pattern)
                for pattern in allow_patterns
            ):
                if not (cache / file.name).exists():
                    if file.is_dir():
                        shutil.copytree(file, cache / file.name)
                    else:
                        shutil.copy(file, cache / file.name)
        return str(cache)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    hub = Hub(tmp_path)
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", hub.snapshot_download
    )
    return hub


def converted(hub):
    folder = hub.root / "keras" / "keras_mixattn"
    return sorted(path.name for path in folder.iterdir())


def test_model_on_the_hub(hub):
    model = hugging_face_source(
        hub.root / "remote" / "c0ffee", "text_classifier"
    )
    hub.revisions["ann/sea", "main"] = "c0ffee"
    classifier = ConvBertTextClassifier.from_preset("hf://ann/sea")
    for one, other in zip(classifier.weights, model.weights, strict=True):
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))
    assert len(converted(hub)) == 1
    # Fetched by the file, and no format but the preferred one.
    patterns = [pattern for _, _, pattern in hub.asked]
    assert ["model.safetensors"] in patterns
    assert ["tf_model.h5"] not in patterns
    # Once converted it is not converted again.
    (folder,) = (hub.root / "keras" / "keras_mixattn").iterdir()
    written = (folder / "config.json").stat().st_mtime_ns
    again = ConvBertTextClassifier.from_preset("hf://ann/sea", num_classes=5)
    assert again.num_classes == 5
    assert (folder / "config.json").stat().st_mtime_ns == written
    tokenizer = ConvBertTokenizer.from_preset("hf://ann/sea")
    assert tokenizer.get_vocabulary() == WORDS
    assert len(converted(hub)) == 1


def test_weights_in_parts_on_the_hub(hub):
    hugging_face_source(hub.root / "remote" / "beef")
    in_parts(hub.root / "remote" / "beef")
    hub.revisions["ann/sea", "main"] = "beef"
    convert("hf://ann/sea", hub.root / "preset")
    assert (hub.root / "preset" / "model.weights.h5").exists()


@pytest.mark.parametrize("spelling", ["argument", "name"])
def test_revision(spelling, hub):
    for commit, dropout in (("old", 0.1), ("new", 0.2)):
        hugging_face_source(
            hub.root / "remote" / commit, "text_classifier", dropout=dropout
        )
    hub.revisions |= {
        ("ann/sea", "main"): "new",
        ("ann/sea", "v1"): "old",
    }
    if spelling == "name":
        old = ConvBertTextClassifier.from_preset("hf://ann/sea@v1")
    else:
        old = ConvBertTextClassifier.from_preset("hf://ann/sea", revision="v1")
    new = ConvBertTextClassifier.from_preset("hf://ann/sea")
    assert (old.backbone.dropout, new.backbone.dropout) == (0.1, 0.2)
    assert len(converted(hub)) == 2
    with pytest.raises(InputError, match="'hf://ann/sea' cannot be downloaded"):
        ConvBertTextClassifier.from_preset("hf://ann/sea", revision="v3")


def test_presets_of_keras_load_as_before(hub, tmp_path):
    classifier = small_classifier()
    preset = tmp_path / "remote" / "dad"
    classifier.save_to_preset(str(preset))
    found = ConvBertTextClassifier.from_preset(str(preset))
    assert found.class_names == classifier.class_names
    assert not (tmp_path / "keras" / "keras_mixattn").exists()
    hub.revisions["ann/preset", "v2"] = "dad"
    found = ConvBertTextClassifier.from_preset("hf://ann/preset", revision="v2")
    assert found.class_names == classifier.class_names
    assert not (tmp_path / "keras" / "keras_mixattn").exists()
    with pytest.raises(InputError, match="`revision` is for hf://"):
        ConvBertTextClassifier.from_preset(str(preset), revision="v2")


@pytest.mark.parametrize("task", TASKS)
def test_directory_of_a_checkpoint(task, hub, tmp_path):
    head = task if task in HEADS else None
    model = hugging_face_source(tmp_path / "source", head)
    cls = getattr(FAMILIES["conv_bert"], task)
    found = cls.from_preset(str(tmp_path / "source"))
    assert type(found) is cls
    if head or task == "backbone":
        for one, other in zip(found.weights, model.weights, strict=True):
            np.testing.assert_array_equal(as_numpy(one), as_numpy(other))
    assert len(converted(hub)) == 1
    # Another state of the files is another checkpoint.
    edit_json(tmp_path / "source" / "config.json", hidden_dropout_prob=0.25)
    found = cls.from_preset(str(tmp_path / "source"))
    assert getattr(found, "backbone", found).dropout == 0.25
    assert len(converted(hub)) == 2


def test_damage_is_one_sentence_and_is_not_kept(hub, tmp_path):
    hugging_face_source(tmp_path / "source", "text_classifier")
    path = tmp_path / "source" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        ConvBertTextClassifier.from_preset(str(tmp_path / "source"))
    assert not (tmp_path / "keras").exists()


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_no_digit_is_lost_to_the_policy_of_a_session(hub, tmp_path, bfloat16):
    model = hugging_face_source(
        tmp_path / "source", "text_classifier", dtype="float32"
    )
    ConvBertTextClassifier.from_preset(str(tmp_path / "source"))
    keras.config.set_dtype_policy("float32")
    found = ConvBertTextClassifier.from_preset(str(tmp_path / "source"))
    assert len(converted(hub)) == 1
    for one, other in zip(found.weights, model.weights, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))


def test_a_faster_process_is_no_fault(hub, tmp_path, monkeypatch):
    hugging_face_source(tmp_path / "source")
    asked = []

    def slow(source, directory, **options):
        asked.append(directory)
        convert(source, directory, **options)  # the other process
        (directory / "in_use.txt").write_text("read by the other process")
        monkeypatch.setattr(preset_reader, "convert", convert)
        convert(source, directory, **options)

    monkeypatch.setattr(preset_reader, "convert", slow)
    backbone = FAMILIES["conv_bert"].backbone
    assert backbone.from_preset(str(tmp_path / "source")).num_layers == 2
    assert (asked[0] / "in_use.txt").exists()


def with_two_heads(directory):
    hugging_face_source(directory / "lm", "masked_lm")
    labeler = hugging_face_source(directory / "source", "span_labeler")
    head = {
        name: array
        for name, array in stored(directory / "lm/model.safetensors").items()
        if name.startswith("generator")
        and name != "generator_lm_head.weight"  # tied to another encoder's
    }
    rewrite(directory / "source", lambda arrays: {**arrays, **head})
    return labeler, head


@pytest.mark.filterwarnings("error::UserWarning")
def test_the_class_decides_between_heads(hub, tmp_path):
    labeler, head = with_two_heads(tmp_path)
    with pytest.raises(InputError, match="masked_lm, span_labeler; choose"):
        convert(tmp_path / "source", tmp_path / "preset")
    family = FAMILIES["conv_bert"]
    found = family.span_labeler.from_preset(str(tmp_path / "source"))
    for one, other in zip(found.weights, labeler.weights, strict=True):
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))
    masked_lm = family.masked_lm.from_preset(str(tmp_path / "source"))
    weights = {weight.path: as_numpy(weight) for weight in masked_lm.weights}
    np.testing.assert_array_equal(
        weights["masked_lm_head/output_bias"], head["generator_lm_head.bias"]
    )
    backbone = family.backbone.from_preset(str(tmp_path / "source"))
    assert backbone.num_layers == 2
    assert len(converted(hub)) == 3
    family.tokenizer.from_preset(str(tmp_path / "source"))
    assert len(converted(hub)) == 3


def test_a_backbone_needs_no_head_that_can_be_had(hub, tmp_path):
    model = hugging_face_source(tmp_path / "source", "text_classifier")
    path = tmp_path / "source" / "config.json"
    edit_json(path, problem_type="regression")
    with pytest.raises(InputError, match="pass .*task='backbone'"):
        ConvBertTextClassifier.from_preset(str(tmp_path / "source"))
    family = FAMILIES["conv_bert"]
    found = family.backbone.from_preset(str(tmp_path / "source"))
    for one, other in zip(found.weights, model.backbone.weights, strict=True):
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))
    with pytest.warns(UserWarning, match="no head for a ConvBertSpanLabeler"):
        family.span_labeler.from_preset(str(tmp_path / "source"))
    assert len(converted(hub)) == 1


@pytest.mark.parametrize("task", ["span_labeler", "masked_lm"])
def test_a_head_made_anew_is_told(task, hub, tmp_path):
    hugging_face_source(tmp_path / "source")
    cls = getattr(FAMILIES["conv_bert"], task)
    with pytest.warns(UserWarning, match=f"no head for a {cls.__name__}"):
        cls.from_preset(str(tmp_path / "source"))


def test_directory_of_model_scope(hub, tmp_path):
    hugging_face_source(tmp_path / "source")
    edit_json(tmp_path / "source" / "config.json", model_type=None)
    (tmp_path / "source" / "configuration.json").write_text(
        '{"model": {"type": "convbert"}}'
    )
    backbone = FAMILIES["conv_bert"].backbone
    assert backbone.from_preset(str(tmp_path / "source")).num_layers == 2


def test_damaged_configuration_is_one_sentence(hub, tmp_path):
    hugging_face_source(tmp_path / "source")
    path = tmp_path / "source" / "config.json"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="config.json' is no JSON"):
        ConvBertTextClassifier.from_preset(str(tmp_path / "source"))


def test_another_format_is_converted_anew(hub, tmp_path, monkeypatch):
    hugging_face_source(tmp_path / "source")
    for version in (1, 2):
        monkeypatch.setattr(preset_reader, "_FORMAT", version)
        ConvBertTokenizer.from_preset(str(tmp_path / "source"))
        assert len(converted(hub)) == version


def test_branch_that_moves_while_it_is_fetched(hub, monkeypatch):
    for commit, dropout in (("old", 0.1), ("new", 0.2)):
        hugging_face_source(hub.root / "remote" / commit, dropout=dropout)
    hub.revisions |= {("ann/sea", "main"): "old", ("ann/sea", "v2"): "new"}

    def download(name, **options):
        found = hub.snapshot_download(name, **options)
        hub.revisions["ann/sea", "main"] = "new"
        return found

    hub.revisions["ann/sea", "v1"] = "old"
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    convert("hf://ann/sea", hub.root / "preset")
    assert {revision for _, revision, _ in hub.asked[1:]} == {"old"}


def test_unknown_models_are_refused_before_their_weights(hub):
    hugging_face_source(hub.root / "remote" / "cafe")
    edit_json(hub.root / "remote" / "cafe" / "config.json", model_type="llama")
    hub.revisions["ann/sea", "main"] = "cafe"
    with pytest.raises(InputError, match="model_type='llama'"):
        convert("hf://ann/sea", hub.root / "preset")
    assert len(hub.asked) == 1


def test_two_revisions_are_refused(hub):
    with pytest.raises(InputError, match="names one revision"):
        convert("hf://ann/sea@v1", hub.root / "preset", revision="v2")


@pytest.mark.parametrize(
    "error",
    [
        errors.LocalEntryNotFoundError("no cache, no network\nTrace: ..."),
        errors.HFValidationError("bad name"),
        OSError("disk full"),
    ],
)
def test_what_the_hub_says_is_one_sentence(error, hub, monkeypatch):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(InputError) as found:
        convert("hf://ann/sea", hub.root / "preset")
    assert "\n" not in str(found.value)
    assert "'hf://ann/sea' cannot be downloaded" in str(found.value)
    assert not (hub.root / "preset").exists()


def test_without_a_network(tmp_path, monkeypatch):
    """The hub's own package, with nothing cached and nobody to ask."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="check its name and the network"):
        convert("hf://ann/sea", tmp_path / "preset")


def test_without_the_hubs_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="needs the package huggingface_hub"):
        convert("hf://ann/sea", tmp_path / "preset")


def test_cache_is_in_the_home_of_keras(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    expected = pathlib.Path.home() / ".keras" / "keras_mixattn"
    assert cache_directory() == expected
