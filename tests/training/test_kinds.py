"""Every kind of task: fine-tuned, loaded, measured again, asked, resumed."""

import json

import numpy as np
import pytest
import yaml

from keras_mixattn.data import TaggedWords
from keras_mixattn.data import read_labelled_texts
from keras_mixattn.data import read_questions
from keras_mixattn.data import read_tagged_words
from keras_mixattn.metrics import best_no_answer_threshold
from keras_mixattn.metrics import correlation_scores
from keras_mixattn.metrics import entity_scores
from keras_mixattn.metrics import multi_label_scores
from tests.training.conftest import column_arguments
from tests.training.conftest import run_arguments
from training import evaluate
from training import finetune
from training import predict
from training.kinds import KINDS
from training.task_models import load_task


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def finished(request, kind, task_files, pretrained, tmp_path_factory):
    """Returns the directory of a finished run."""
    if kind == "class":
        return request.getfixturevalue("finetuned")
    run = tmp_path_factory.mktemp("runs") / kind
    arguments = run_arguments(kind, task_files, pretrained)
    finetune.main([*arguments, "--run_directory", str(run)])
    return run


@pytest.fixture(scope="module")
def metrics(finished):
    return json.loads((finished / "metrics.json").read_text())


def test_a_run_leaves_its_files(kind, finished, metrics):
    for name in ("curves.png", *KINDS[kind].pictures):
        assert (finished / name).read_bytes()[1:4] == b"PNG"
    assert metrics["metric"] in metrics["scores"]["test"]
    assert list(metrics["texts"]) == ["train", "dev", "test"]
    assert not list(finished.rglob(".*partial*"))


def test_evaluation_finds_the_same(kind, finished, metrics, task_files):
    evaluate.main(
        ["--preset", str(finished / "preset"), *column_arguments(kind)]
        + ["--test", str(*(task_files / kind).glob("test.*"))]
        + ["--batch_size", "8"]
    )
    output = finished / "evaluation"
    evaluation = json.loads((output / "evaluation.json").read_text())
    assert evaluation["kind"] == kind
    assert evaluation["scores"]["test"] == metrics["scores"]["test"]
    assert evaluation["texts"] == {"test": metrics["texts"]["test"]}
    for name in evaluation.keys() & metrics.keys() - {"scores", "texts"}:
        assert evaluation[name] == metrics[name]
    for name in KINDS[kind].pictures:
        assert (output / name).read_bytes() == (finished / name).read_bytes()


def test_predictions_have_the_same_scores(
    kind, finished, metrics, task_files, tmp_path
):
    (source,) = (task_files / kind).glob("test.*")
    examples, scores = MEASURES[kind](source)
    if kind == "tags":
        source = tmp_path / "test.txt"
        source.write_text("\n".join(map(" ".join, examples.words)) + "\n")
    output = tmp_path / "answers.jsonl"
    predict.main(
        ["--preset", str(finished / "preset"), str(source), str(output)]
        + [*column_arguments(kind), "--batch_size", "8", "--overwrite"]
    )
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == len(examples)
    for name, score in scores(rows).items():
        assert score == pytest.approx(metrics["scores"]["test"][name])


def test_the_model_card(kind, finished, metrics, task_files):
    card = (finished / "preset" / "README.md").read_text()
    _, front_matter, text = card.split("---\n", 2)
    fields = yaml.safe_load(front_matter)
    assert fields["license"] == "unknown"
    assert fields["pipeline_tag"] == KINDS[kind].hub_task
    (result,) = fields["model-index"][0]["results"]
    values = {one["type"]: one["value"] for one in result["metrics"]}
    assert values == metrics["scores"]["test"]
    assert str(task_files) not in card and str(finished) not in card
    assert f"{metrics['scores']['test'][metrics['metric']]:.4f}" in text
    assert "{" not in text.replace("{}", "")
    code = text.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) == 3
    code = code.replace("PATH/OF/THE/PRESET", str(finished / "preset"))
    exec(code, {})  # noqa: S102


def test_loading_says_the_kind(kind, finished):
    assert load_task(finished / "preset")[0] == kind


def test_tags_of_no_entities_have_an_accuracy_alone(tmp_path):
    kind, names = KINDS["tags"], ["NOUN", "VERB"]
    examples = TaggedWords([["dog", "sees"], ["cat"]], [[0, 1], [0]], names)
    answers = [["NOUN", "NOUN"], ["NOUN"]]
    assert kind.scores(examples, answers, names) == {"accuracy": 2 / 3}
    assert kind.baselines(examples, examples, "accuracy") == {"usual_tags": 1}
    details = kind.details(examples, answers, names, None, {})
    assert details == {}
    kind.draw({"scores": {}, **details}, names, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["tags"], indirect=True)
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    kind, finished, metrics, task_files, pretrained, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    arguments = run_arguments(kind, task_files, pretrained)
    arguments += ["--run_directory", str(run)]
    save_state = finetune.RunDirectory.save_state

    def save_state_then_stop(self, model, record):
        save_state(self, model, record)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(finetune.RunDirectory, "save_state", save_state_then_stop)
        with pytest.raises(SystemExit):
            finetune.main(arguments)
    assert not (run / "metrics.json").exists()
    finetune.main(arguments)
    resumed = json.loads((run / "metrics.json").read_text())
    assert resumed.pop("seconds") != metrics["seconds"]
    assert resumed == {k: v for k, v in metrics.items() if k != "seconds"}
    with (
        np.load(run / "state.npz") as one,
        np.load(finished / "state.npz") as other,
    ):
        # The record holds how long it took, and the digest covers the record.
        for name in set(one.files) - {"record", "sha256"}:
            assert np.array_equal(one[name], other[name])


def measure_class(source):
    examples = read_labelled_texts(source)

    def scores(rows):
        true = [examples.label_names[label] for label in examples.labels]
        right = [
            row["label"] == one for row, one in zip(rows, true, strict=True)
        ]
        return {"accuracy": np.mean(right)}

    return examples, scores


def measure_classes(source):
    examples = read_labelled_texts(source, label_kind="classes")
    names = examples.label_names

    def scores(rows):
        true = [
            [n in one for n in range(len(names))] for one in examples.labels
        ]
        found = [[name in row["labels"] for name in names] for row in rows]
        return multi_label_scores(np.array(true) * 1, np.array(found) * 1.0)

    return examples, scores


def measure_score(source):
    examples = read_labelled_texts(
        source,
        "first",
        text_pair_column="second",
        label_kind="score",
    )

    def scores(rows):
        return correlation_scores(
            examples.labels, [row["score"] for row in rows]
        )

    return examples, scores


def measure_tags(source):
    examples = read_tagged_words(source)

    def scores(rows):
        answers = []
        for words, row in zip(examples.words, rows, strict=True):
            starts = np.cumsum([0, *(len(word) + 1 for word in words)]).tolist()
            tags = ["O"] * len(words)
            for entity in row["entities"]:
                first = starts.index(entity["start"])
                stop = starts.index(entity["stop"] + 1)
                tags[first] = f"B-{entity['kind']}"
                tags[first + 1 : stop] = [f"I-{entity['kind']}"] * (
                    stop - first - 1
                )
                text = " ".join(words)
                span = text[entity["start"] : entity["stop"]]
                assert entity["text"] == span
            answers.append(tags)
        names = examples.tag_names
        true = [[names[tag] for tag in tags] for tags in examples.tags]
        return {"f1": entity_scores(true, answers)["f1"]}

    return examples, scores


def measure_answers(source):
    examples = read_questions(source)

    def scores(rows):
        assert [row["id"] for row in rows] == examples.ids
        for row, context in zip(rows, examples.contexts, strict=True):
            assert context[row["start"] : row["stop"]] == row["answer"]
        best = best_no_answer_threshold(
            {
                name: [answer.text for answer in answers]
                for name, answers in zip(
                    examples.ids, examples.answers, strict=True
                )
            },
            {row["id"]: row["answer"] for row in rows},
            {row["id"]: row["no_answer_score"] for row in rows},
        )
        return {"f1": best["best_f1"], "exact_match": best["best_exact_match"]}

    return examples, scores


MEASURES = {
    "class": measure_class,
    "classes": measure_classes,
    "score": measure_score,
    "tags": measure_tags,
    "answers": measure_answers,
}
