"""Every kind of task answers in TensorFlow's C++ runtime as in Keras."""

from typing import NamedTuple

import numpy as np
import pytest

from keras_mixattn.iob2 import to_iob2
from keras_mixattn.serving import run_saved_model
from keras_mixattn.serving.keras_answers import keras_answers
from keras_mixattn.serving.keras_comparison import compare
from keras_mixattn.serving.static_checks import Export
from keras_mixattn.serving.static_checks import check_operations
from keras_mixattn.serving.static_checks import check_signatures
from keras_mixattn.serving.static_checks import check_warm_up
from keras_mixattn.serving.static_checks import check_weights
from keras_mixattn.serving.static_checks import stored_floats
from keras_mixattn.serving.task_copies import computed_with
from tests.serving.tasks import KINDS

# A short text, its tokens with [CLS] and [SEP], and those of a pair of it;
# what stands beyond a length is ignored.
SHORT = "calm sea"
ONE = {"token_ids": [[2, 9, 7, 3, 99, 99]], "lengths": [4]}
TWO = {
    "token_ids": [[2, 9, 7, 3, 9, 7, 3, 99]],
    "segment_ids": [[0, 0, 0, 0, 1, 1, 1, 1]],
    "lengths": [7],
}
WITH_MASK = "calm [MASK]"
MASKED = {"token_ids": [[2, 9, 4, 3]], "lengths": [4]}


class Answers(NamedTuple):
    """What an export answers to one request each."""

    together: dict
    alone: dict
    none: dict
    of_text: dict
    of_tokens: dict


@pytest.fixture(scope="module")
def answered(exported_task):
    """Returns a function from kind to the answers of its export."""
    made = {}

    def answer(name):
        if name not in made:
            inputs = KINDS[name].inputs
            texts = [
                inputs,
                {key: texts[:1] for key, texts in inputs.items()},
                {key: [] for key in inputs},
                dict.fromkeys(inputs, [SHORT]),
            ]
            tokens = TWO if len(inputs) > 1 else ONE
            if name == "masked_lm":
                texts[-1], tokens = {"text": [WITH_MASK]}, MASKED
            requests = [("serving_default", one) for one in texts]
            report = run_saved_model(
                exported_task(name)[1], [*requests, ("serving_tokens", tokens)]
            )
            made[name] = Answers(*(one["outputs"] for one in report["answers"]))
        return made[name]

    return answer


@pytest.mark.parametrize("name", KINDS)
def test_what_it_is_made_of(exported_task, name):
    export = Export(exported_task(name)[1])
    for check in (
        check_signatures,
        check_operations,
        check_weights,
        check_warm_up,
    ):
        assert check(export) == []


@pytest.mark.parametrize("name", KINDS)
def test_served_equals_predicted(exported_task, answered, name):
    task, path = exported_task(name)
    kind = KINDS[name]
    task = computed_with(task, kind.options.get("dtype"))
    length = Export(path).manifest["max_length"]
    tolerance = 1e-5 if "dtype" not in kind.options else 0.05
    found = compare(
        keras_answers(task, kind.inputs, length),
        answered(name).together,
        tolerance,
    )
    assert found.difference < tolerance and found.wrong == []
    assert found.compared == 3


@pytest.mark.parametrize("name", KINDS)
def test_who_shares_the_batch_changes_nothing(answered, name):
    together, alone, none, *_ = answered(name)
    for output, (row,) in alone.items():
        row = np.asarray(row)
        shared = np.asarray(together[output][0])
        shared = shared[tuple(slice(size) for size in row.shape)]
        if row.dtype.kind == "f":
            np.testing.assert_allclose(row, shared, rtol=0, atol=1e-6)
        else:
            np.testing.assert_array_equal(row, shared)
        assert none[output] == []


def test_words_and_tags_of_a_token_classifier(exported_task, answered):
    task, _ = exported_task("token_classifier")
    answer = answered("token_classifier").together
    texts = KINDS["token_classifier"].inputs["text"]
    split = [task.preprocessor.words_of(text) for text in texts]
    assert answer["lengths"] == [len(words) for words in split]
    tags = task.tag_words(split)
    assert len({tag for row in tags for tag in row}) > 2
    for number, text in enumerate(texts):
        count = answer["lengths"][number]
        assert answer["tags"][number][:count] == tags[number]
        assert set(answer["tags"][number][count:]) <= {""}
        places = zip(
            answer["starts"][number], answer["stops"][number], strict=True
        )
        words = [text.encode()[slice(*place)].decode() for place in places]
        assert words[:count] == split[number]


@pytest.mark.parametrize("name", ["span_labeler", "conditional_span_labeler"])
def test_spans_of_a_context(exported_task, answered, name):
    task, _ = exported_task(name)
    answer = answered(name).together
    questions, contexts = KINDS[name].inputs.values()
    expected = task.answer(questions, contexts)
    assert answer["answer"] == [one.text() for one in expected]
    assert answer["answer"][1] == "" and answer["probability"][1] == 0
    for number, context in enumerate(contexts):
        place = slice(answer["start"][number], answer["stop"][number])
        found = context.encode()[place].decode()
        assert found == answer["answer"][number]


def test_fillings_of_masks(exported_task, answered):
    task, _ = exported_task("masked_lm")
    answer = answered("masked_lm").together
    texts = KINDS["masked_lm"].inputs["text"]
    assert answer["lengths"] == [1, 0, 3]
    for number in (0, 2):
        fillings = task.fill_mask(texts[number])
        tokens = [[one.token for one in some] for some in fillings]
        assert answer["tokens"][number][: len(tokens)] == tokens
    assert answer["tokens"][1] == [[""] * 5] * 3


def test_labels_more_likely_than_not(exported_task, answered):
    task, _ = exported_task("multi_label_pair_classifier")
    answer = answered("multi_label_pair_classifier").together
    for row, count, shares in zip(
        answer["labels"],
        answer["lengths"],
        answer["probabilities"],
        strict=True,
    ):
        likely = [
            name
            for name, share in zip(task.class_names, shares, strict=True)
            if share > 0.5
        ]
        assert row[:count] == likely and set(row[count:]) <= {""}


@pytest.mark.parametrize("name", KINDS)
def test_tokens_are_answered_as_their_text(answered, name):
    of_text, of_tokens = answered(name).of_text, answered(name).of_tokens
    if name == "token_classifier":  # without [CLS] and [SEP]
        for output in ("tags", "probabilities"):
            of_tokens = {**of_tokens, output: [of_tokens[output][0][1:-1]]}
        # Those of words are in IOB2.
        of_tokens["tags"] = [to_iob2(of_tokens["tags"][0])]
    for output in set(of_text) & set(of_tokens) - {"start", "stop", "lengths"}:
        found, expected = map(np.asarray, (of_tokens[output], of_text[output]))
        assert found.size or output == "labels"
        if found.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, atol=1e-5)
        else:
            np.testing.assert_array_equal(found, expected)
    if "answer" in of_text:  # places of tokens, not of bytes
        words = ["calm", "sea"][of_tokens["start"][0] - 4 :]
        words = words[: of_tokens["stop"][0] - of_tokens["start"][0]]
        assert " ".join(words) == of_text["answer"][0]


def test_bytes_of_weights_in_bfloat16(exported_task):
    task, path = exported_task("text_regressor")
    stored = sum(count * size for count, size in stored_floats(path))
    assert stored <= 0.55 * 4 * task.count_params()
