"""Fine-tuning: its files, its preset, its keys, and bad input."""

import json
import warnings

import numpy as np
import pytest

from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import MixedEncoderBackbone
from tests.training.conftest import run_arguments
from training.finetune import keys_of_task
from training.finetune import main
from training.finetune_config import FinetuneConfig
from training.kinds import KINDS
from training.task_models import build_model


def metrics_of(directory):
    return json.loads((directory / "metrics.json").read_text())


def test_a_run_learns_and_leaves_its_files(finetuned):
    metrics = metrics_of(finetuned)
    assert metrics["scores"]["test"]["accuracy"] > 0.9
    assert metrics["scores"]["dev"]["accuracy"] == max(
        row["val_accuracy"] for row in metrics["history"]
    )
    assert metrics["baselines"]["majority"] == 0.5
    assert metrics["texts"] == {"train": 166, "dev": 26, "test": 34}
    matrix = np.array(metrics["confusion_matrix"])
    assert matrix.sum(axis=1).tolist() == [17, 17]
    assert matrix.trace() / 34 == metrics["scores"]["test"]["accuracy"]
    for name in ("curves.png", "confusion_matrix.png"):
        assert (finetuned / name).read_bytes()[1:4] == b"PNG"
    assert list((finetuned / "logs" / "validation").glob("events*"))
    assert not list(finetuned.glob(".*"))


def test_the_preset_answers_raw_texts_without_warnings(finetuned, files):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        classifier = ConvBertTextClassifier.from_preset(
            str(finetuned / "preset")
        )
    assert classifier.class_names == ["animal", "plant"]
    assert classifier.preprocessor.sequence_length == 19
    rows = (files / "test.tsv").read_text().splitlines()[1:]
    texts, labels = zip(*(row.split("\t") for row in rows), strict=True)
    answers = classifier.predict(list(texts), verbose=0).argmax(axis=-1)
    names = np.array(classifier.class_names)[answers]
    accuracy = metrics_of(finetuned)["scores"]["test"]["accuracy"]
    assert np.mean(names == np.array(labels)) == accuracy


def test_dev_may_be_a_share_of_train_and_texts_may_be_pairs(
    files, pretrained, tmp_path
):
    rows = (files / "train.tsv").read_text().splitlines()[1:41]
    lines = ["label\tfirst\tsecond"]
    for row in rows:
        text, label = row.split("\t")
        lines.append(f"{label}\t{text}\tdog sees oak")
    table = tmp_path / "pairs.tsv"
    table.write_text("\n".join(lines) + "\n")
    run = tmp_path / "run"
    main(
        ["--preset", str(pretrained / "preset"), "--train", str(table)]
        + ["--text_column", "first", "--text_pair_column", "second"]
        + ["--sequence_length", "23", "--run_directory", str(run), "--debug"]
        + ["--dtype", "mixed_bfloat16", "--dropout", "0.3"]
    )
    metrics = metrics_of(tmp_path / "run-debug")
    assert metrics["texts"] == {"train": 36, "dev": 4}
    assert metrics["baselines_measured_on"] == "dev"
    task = json.loads((tmp_path / "run-debug/preset/task.json").read_text())
    assert task["config"]["dropout"] == 0.3


def test_a_run_without_gain_ends_early(task_files, pretrained, tmp_path):
    main(
        [*run_arguments("tags", task_files, pretrained)]
        + ["--run_directory", str(tmp_path / "run"), "--epochs", "7"]
        + ["--learning_rate", "0", "--patience", "2", "--max_train_texts", "9"]
        + ["--gradient_accumulation_steps", "2", "--batch_size", "4"]
        + ["--layer_decay", "0.8"]
    )
    metrics = metrics_of(tmp_path / "run")
    assert len(metrics["history"]) == 3 and metrics["best_epoch"] == 1


@pytest.fixture(scope="module")
def pairs(files, tmp_path_factory):
    """Returns a table of pairs with classes of unequal size."""
    lines = ["first\tsecond\tlabel"]
    lines += [f"dog sees\toak sees elm\t{'ab'[n % 5 == 0]}" for n in range(20)]
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def first_epoch(pairs, pretrained, **keys):
    """Returns inputs, labels and, if there are any, weights of all rows."""
    config = FinetuneConfig(
        preset=str(pretrained / "preset"),
        text_column="first",
        text_pair_column="second",
        sequence_length=19,
        batch_size=50,
        **keys,
    )
    kind = KINDS["class"]
    examples = kind.read(str(pairs), config, None, None)
    batches = kind.batches(examples, build_model(config, ["a", "b"]), config)
    assert len(batches) == 1
    return next(batches.shuffled(seed=1).as_numpy_iterator())


def test_pairs_are_learned_in_both_orders(pairs, pretrained):
    inputs, labels = first_epoch(pairs, pretrained, both_orders=True)
    assert sorted(labels) == [0] * 32 + [1] * 8
    # Half of the rows have the three words of `second` in front.
    lengths = inputs["segment_ids"].sum(axis=1)
    assert sorted(lengths) == [3] * 20 + [4] * 20


def test_classes_are_balanced_by_weights(pairs, pretrained):
    _, labels, weights = first_epoch(pairs, pretrained, balance_classes=True)
    assert weights.sum() == pytest.approx(20)
    for label, weight in ((0, 0.625), (1, 2.5)):
        assert np.unique(weights[labels == label]) == pytest.approx(weight)


def test_rows_may_be_longer_than_the_positions(pretrained):
    preset = str(pretrained / "preset")
    config = FinetuneConfig(
        preset=preset, sequence_length=29, repeat_positions=True
    )
    backbone = build_model(config, ["animal", "plant"]).backbone
    known = MixedEncoderBackbone.from_preset(preset)
    table = np.asarray(known.embeddings.position_embedding)
    longer = np.asarray(backbone.embeddings.position_embedding)
    np.testing.assert_array_equal(longer, np.concatenate([table, table[:6]]))


def test_a_task_sets_keys():
    values = {"task": "imdb", "data_directory": "data"}
    assert keys_of_task(values)["sequence_length"] == 512
    assert keys_of_task(values)["repeat_positions"]
    assert keys_of_task({"preset": "some"}) == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--preset", "nowhere"], "'nowhere' is no preset directory"),
        (["--train", "none.tsv"], "none.tsv"),
        (["--text_column", "txt"], "no column 'txt'"),
        (["--label_column", "text"], "unknown label"),
        (["--class_names", "animal,stone"], "unknown label 'plant'"),
        (["--sequence_length", "24"], "23 positions"),
        (["--sequence_length", "2"], "at least 3"),
        (["--warmup_share", "1"], "at least 0 and less than 1"),
        (["--max_train_texts", "0"], "'max_train_texts' must be at least 1"),
        (["--max_held_out_texts", "0"], "at least 1"),
        (["--class_names", "a,a"], "a name of its own"),
        (["--seed", "-1"], "'seed' must be at least 0"),
        (["--dtype", "bfloat16"], "float32 or mixed_bfloat16"),
        (["--learning_rat", "1"], "learning_rate"),
        (["--task", "glue/nothing"], "known tasks are glue/sst2, "),
        (["--task", "glue/sst2"], "needs `data_directory`"),
        (["--kind", "words"], "one of class, classes, score, tags, answers"),
        (["--metric", "f2"], "one of accuracy, macro_f1, matthews, f1"),
        (["--seeds", "0"], "'seeds' must be at least 1"),
        (["--patience", "0"], "'patience' must be at least 1"),
        (["--layer_decay", "1.1"], "'layer_decay' must be at least 0.01"),
        (["--gradient_accumulation_steps", "0"], "at least 1"),
        (["--stride", "0"], "'stride' must be at least 1"),
        (["--score_range", "[1, 1]"], "the lowest and the highest score"),
        (["--both_orders", "true"], "is for pairs"),
        (["--kind", "score", "--balance_classes", "true"], "'balance_classes'"),
        (["--test_rows", "[5, 0, 1]"], "both say what to measure on"),
        (["--test", "null", "--test_rows", "[5, 2, 1]"], "0 <= a < b <= n"),
        (["--kind", "tags", "--metric", "f1"], "must be one of accuracy"),
        (["--kind", "answers"], "must end in .json"),
        (["--kind", "score"], "for a score"),
    ],
)
def test_bad_input_is_one_sentence(
    class_arguments, changed, said, tmp_path, capsys
):
    run = tmp_path / "run"
    with pytest.raises(SystemExit) as exit_info:
        main([*class_arguments, "--run_directory", str(run), *changed])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and said in error[-1]
    assert not run.exists()


def test_another_preset_is_refused(
    class_arguments, finetuned, pretrained, tmp_path, capsys
):
    with pytest.raises(SystemExit):
        main(
            [*class_arguments, "--run_directory", str(finetuned)]
            + ["--preset", str(finetuned / "preset")]
        )
    assert "preset was" in capsys.readouterr().err
