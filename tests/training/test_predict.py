"""Predictions: formats, options, order, bounded memory, and bad input."""

import io
import json
from pathlib import Path

import pytest

from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_regressor
from tests.models.builders import small_span_labeler
from tests.models.builders import small_token_classifier
from training import predict
from training.prediction_rows import row_writer

TEXTS = ["a good film", "", "bad films!", "a bad, bad cafe", "good"]
TASKS = {
    "class": small_classifier,
    "classes": lambda: small_classifier(multi_label=True),
    "score": small_regressor,
    "tags": small_token_classifier,
    "words": lambda: small_token_classifier(class_names=["NOUN", "VERB"]),
    "answers": small_span_labeler,
    "masked": small_masked_lm,
}


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Returns a function from a name in `TASKS` to its preset."""
    directory = tmp_path_factory.mktemp("presets")

    def preset(name):
        path = directory / name
        if not path.exists():
            TASKS[name]().save_to_preset(str(path))
        return str(path)

    return preset


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


def answered(preset, source, *arguments):
    output = source.with_name("out.jsonl")
    predict.main(["--preset", preset, str(source), str(output), *arguments])
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_classes_and_all_probabilities(presets, source):
    rows = answered(presets("class"), source, "--all_probabilities")
    assert len(rows) == len(TEXTS)
    for row in rows:
        shares = row["probabilities"]
        assert list(shares) == ["negative", "positive"]
        assert sum(shares.values()) == pytest.approx(1)
        assert (
            row["probability"] == max(shares.values()) == shares[row["label"]]
        )


def test_a_temperature_draws_probabilities_together(presets, source):
    plain = answered(presets("class"), source)
    warm = answered(
        presets("class"), source, "--temperature", "9", "--overwrite"
    )
    for one, other in zip(plain, warm, strict=True):
        assert one["label"] == other["label"]
        assert 0.5 <= other["probability"] < one["probability"]


def test_labels_above_a_threshold(presets, source):
    every = answered(presets("classes"), source, "--threshold", "0")
    none = answered(
        presets("classes"), source, "--threshold", "1", "--overwrite"
    )
    assert [row["labels"] for row in every] == [["negative", "positive"]] * 5
    assert none == [{"labels": [], "probabilities": {}}] * 5


def test_scores(presets, source):
    rows = answered(presets("score"), source)
    assert [list(row) for row in rows] == [["score"]] * 5


@pytest.mark.parametrize("name", ["tags", "words"])
def test_tags_have_their_characters(presets, source, name):
    for row, text in zip(answered(presets(name), source), TEXTS, strict=True):
        (found,) = row.values()
        for one in found:
            assert text[one["start"] : one["stop"]] == one["text"]
        if name == "words":
            assert "".join(one["text"] for one in found) == text.replace(
                " ", ""
            )


def test_answers_of_a_table_and_their_threshold(presets, tmp_path):
    source = tmp_path / "in.tsv"
    lines = ["question\tcontext", *(f"good\t{text}" for text in TEXTS if text)]
    source.write_text("\n".join(lines) + "\n")
    columns = ["--text_pair_column", "context"]
    rows = answered(presets("answers"), source, *columns, "--all_probabilities")
    contexts = list(filter(None, TEXTS))
    for number, (row, context) in enumerate(
        zip(rows, contexts, strict=True), start=1
    ):
        assert row["id"] == f"{number}"
        assert row["answer"] == context[row["start"] : row["stop"]]
        assert row["candidates"][0]["answer"] == row["answer"]
        shares = [one["probability"] for one in row["candidates"]]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
    rows = answered(
        presets("answers"),
        source,
        *(*columns, "--threshold", "-100000", "--overwrite"),
    )
    assert [row["answer"] for row in rows] == [None] * 4


def test_chunks_change_nothing(presets, source, monkeypatch):
    alone = ["--batch_size", "1"]  # the same shapes, which are compiled once
    rows = answered(presets("class"), source, *alone)
    sizes = []
    chunks = predict._chunks

    def counted(*arguments):
        for chunk in chunks(*arguments):
            sizes.append(len(chunk))
            yield chunk

    monkeypatch.setattr(predict, "EXAMPLES_AT_ONCE", 2)
    monkeypatch.setattr(predict, "_chunks", counted)
    again = answered(presets("class"), source, *alone, "--overwrite")
    assert sizes == [2, 2, 1]
    for one, other in zip(rows, again, strict=True):
        assert one["label"] == other["label"]
        assert one["probability"] == pytest.approx(other["probability"])


def test_a_table_of_answers(presets, source):
    output = source.with_name("out.tsv")
    predict.main(["--preset", presets("class"), str(source), str(output)])
    lines = output.read_text().splitlines()
    assert lines[0] == "label\tprobability"
    assert [len(line.split("\t")) for line in lines] == [2] * 6


def test_fields_of_a_table_keep_rows_and_columns():
    file = io.StringIO()
    write = row_writer(Path("a.tsv"), file)
    write({"answer": "plain", "start": 1, "more": [{"a": "é"}]})
    write({"answer": "tab\tand\nbreak", "start": None, "more": []})
    assert file.getvalue().splitlines() == [
        "answer\tstart\tmore",
        'plain\t1\t[{"a": "é"}]',
        '"tab\\tand\\nbreak"\t\t[]',
    ]


def test_an_interruption_leaves_nothing(presets, source, monkeypatch):
    output = source.with_name("out.jsonl")

    def interrupted(self, inputs, model, options):
        raise KeyboardInterrupt

    kind = type(predict.KINDS["class"])
    monkeypatch.setattr(kind, "predictions", interrupted)
    with pytest.raises(SystemExit) as exit_info:
        predict.main(["--preset", presets("class"), str(source), str(output)])
    assert exit_info.value.code == 130
    assert list(source.parent.iterdir()) == [source]


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("class", {"output": "out.txt"}, "must end in .jsonl or .tsv"),
        ("class", {"output": "in.tsv"}, "in.tsv' exists"),
        ("class", {"input": "none.txt"}, "none.txt"),
        ("class", {"input": "empty.txt"}, "is empty; it must hold some text"),
        ("class", {"input": "in.json"}, "must end in"),
        ("class", {"--preset": "nowhere"}, "is no task"),
        ("class", {"--threshold": "0.3"}, "`--threshold` is not for"),
        ("score", {"--temperature": "2"}, "which heeds no options"),
        ("class", {"--temperature": "0"}, "above 0"),
        ("class", {"--batch_size": "0"}, "at least 1"),
        ("answers", {}, "need a context each"),
        ("masked", {}, "of no kind"),
    ],
)
def test_bad_input_is_one_sentence(
    presets, source, name, changed, said, capsys
):
    directory = source.parent
    (directory / "empty.txt").write_text("")
    (directory / "in.json").write_text('{"data": []}')
    (directory / "in.tsv").write_text("text\na\n")
    before = set(directory.iterdir())
    options = {"--preset": presets(name), **changed}
    files = [
        str(directory / options.pop("input", "in.txt")),
        str(directory / options.pop("output", "out.jsonl")),
    ]
    words = [word for pair in options.items() for word in pair]
    with pytest.raises(SystemExit) as exit_info:
        predict.main([*files, *words])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and said in error[-1]
    assert set(directory.iterdir()) == before


def test_a_classifier_of_probabilities_is_refused(tmp_path, source, capsys):
    preset = tmp_path / "preset"
    small_classifier(activation="softmax").save_to_preset(str(preset))
    with pytest.raises(SystemExit):
        answered(str(preset), source)
    assert "'softmax' of the logits" in capsys.readouterr().err


def test_an_encoder_alone_is_refused(tmp_path, source, capsys):
    preset = tmp_path / "preset"
    small_backbone().save_to_preset(str(preset))
    with pytest.raises(SystemExit):
        answered(str(preset), source)
    assert "is no task" in capsys.readouterr().err
