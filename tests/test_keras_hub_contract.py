"""What this library relies on in KerasHub, beyond its documented names."""

import inspect

import keras_hub
import pytest
from keras_hub.tokenizers import WordPieceTokenizer

from keras_mixattn import models
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_task


def test_private_name_that_registers_special_tokens():
    assert callable(WordPieceTokenizer._add_special_token)


@pytest.mark.parametrize(
    "backbone", [models.ConvBertBackbone, models.HybridBertBackbone]
)
def test_one_class_for_each_task_and_backbone(backbone):
    """KerasHub searches a set: with two classes the winner would change."""

    def concrete(cls):
        for subclass in cls.__subclasses__():
            yield subclass
            yield from concrete(subclass)

    for base in (
        keras_hub.models.TextClassifier,
        keras_hub.models.MaskedLM,
        keras_hub.models.TextClassifierPreprocessor,
        keras_hub.models.MaskedLMPreprocessor,
        keras_hub.models.TextEmbedder,
        keras_hub.models.TextEmbedderPreprocessor,
        keras_hub.tokenizers.Tokenizer,
        models.TextRegressor,
        models.TokenClassifier,
        models.TokenClassifierPreprocessor,
        models.SpanLabeler,
        models.SpanLabelerPreprocessor,
    ):
        ours = [
            cls
            for cls in concrete(base)
            if cls.__module__.startswith("keras_mixattn")
            and getattr(cls, "backbone_cls", None) is backbone
        ]
        assert len(ours) == 1, (base, ours)


def test_tasks_compile_in_their_constructor():
    assert small_classifier().compiled
    assert small_masked_lm().compiled
    assert small_task("span_labeler").compiled


def test_fit_asks_a_task_for_its_rows():
    """`preprocess_samples` is where ours let rows pass, and shape labels."""
    regressor = small_task("text_regressor")
    assert regressor.preprocess_samples({"row": 1}) == {"row": 1}
    for kind in (keras_hub.models.Task, keras_hub.models.TextEmbedder):
        parameters = inspect.signature(kind.preprocess_samples).parameters
        assert list(parameters) == ["self", "x", "y", "sample_weight"]


def test_backbone_offers_what_quantization_looks_for():
    backbone = small_backbone()
    assert backbone.token_embedding.input_dim == backbone.vocabulary_size
    assert len(backbone.transformer_layers) == backbone.num_layers


def test_preset_holds_the_files_our_readme_names(tmp_path):
    small_classifier().save_to_preset(str(tmp_path))
    files = {
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert files == {
        "assets/tokenizer/vocabulary.txt",
        "config.json",
        "metadata.json",
        "model.weights.h5",
        "preprocessor.json",
        "task.json",
        "task.weights.h5",
        "tokenizer.json",
    }


def test_raw_call_on_strings_is_a_readable_error():
    with pytest.raises(Exception, match="(?i)string|preprocess|dtype"):
        small_classifier()(["text"])
