"""The clients against our own server, a double of TensorFlow Serving."""

import keras
import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import Embedding
from keras_mixattn.serving.client import Fillings
from keras_mixattn.serving.client import Labels
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import Score
from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.client import Span
from keras_mixattn.serving.client import Word
from keras_mixattn.serving.local_server.server import LocalServer
from tests.models.builders import TEXTS
from tests.serving_clients.stub_models import save_stub
from tests.serving_clients.waiting import wait_for


def test_answers_equal_keras(film_server, make_client, classifier):
    client = make_client(film_server, max_batch_size=3)
    texts = [*TEXTS, "", "a\0film é", "good " * 300]
    answers = client.classify(texts)
    logits = classifier.predict(texts, verbose=0)
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    np.testing.assert_allclose(
        [one.probabilities for one in answers], expected, atol=1e-5
    )
    for answer, row in zip(answers, expected, strict=True):
        assert answer.label_id == row.argmax()
        assert answer.label == classifier.class_names[answer.label_id]
        assert answer.probability == max(answer.probabilities)


def test_both_signatures_agree(film_server, make_client):
    client = make_client(film_server)
    by_text = client.predict("serving_default", {"text": ["a good film"]})
    by_tokens = client.predict(
        "serving_tokens",
        {"token_ids": np.array([[2, 5, 6, 8, 3]]), "lengths": [5]},
    )
    np.testing.assert_allclose(
        by_text["probabilities"], by_tokens["probabilities"], atol=1e-6
    )


def test_bytes_that_are_no_utf8_are_answered(film_server, make_client):
    client = make_client(film_server)
    outputs = client.predict("serving_default", {"text": [b"good \xff\xc3"]})
    assert outputs["label"].shape == (1,)


def test_no_texts_have_no_answers(film_server, make_client):
    client = make_client(film_server)
    assert client.classify([]) == []
    outputs = client.predict("serving_default", {"text": []})
    assert outputs["probabilities"].shape == (0, 2)


def test_every_task_has_typed_answers(stub_server, make_client):
    def of(kind):
        return make_client(stub_server(kind))

    texts = ["", "a calm sea", "é"]
    assert [a.label for a in of("classes").classify(texts)] == [
        "none",
        "many",
        "one",
    ]
    assert of("labels").classify(texts[:2]) == [
        Labels((), (0.25,) * 3),
        Labels(("none", "one", "many"), (0.75,) * 3),
    ]
    assert of("score").score(texts) == [Score(0.0), Score(0.375), Score(0.125)]
    assert of("pair_score").score(["a b"], ["a"]) == [Score(0.125)]
    assert of("embedding").embed(["a b"]) == [Embedding((2.0, 2.5))]
    best = (("calm", 0.75), ("wild", 0.25))
    assert of("fillings").fill_masks(["a [MASK] [MASK]", "a"]) == [
        Fillings((best, best)),
        Fillings(()),
    ]
    (words,) = of("tags").tag(["é sunny sea"])
    assert words.words[1] == Word("B-LONG", 0.75, 3, 8)
    assert [word.tag for word in words.words] == ["O", "B-LONG", "O"]
    (span,) = of("span").answer(["who is calm"], ["the sea is calm"])
    assert span == Span("the sea", 0, 7, 2.0, 0.5, 3.0)


def test_batches_of_other_widths_are_joined(stub_server, make_client):
    client = make_client(stub_server("tags"), max_batch_size=1)
    texts = ["a", "", "a sunny calm sea"]
    outputs = client.predict("serving_default", {"text": texts})
    assert outputs["tags"].tolist() == [
        ["O", "", "", ""],
        [""] * 4,
        ["O", "B-LONG", "B-LONG", "O"],
    ]
    assert outputs["probabilities"].shape == (3, 4, 2)
    assert [len(one.words) for one in client.tag(texts)] == [1, 0, 4]


def test_the_wrong_method_names_the_right_answer(stub_server, make_client):
    with pytest.raises(InputError, match="answers with Score, not with Label"):
        make_client(stub_server("score")).classify(["a"])
    with pytest.raises(InputError, match="takes text, text_pair; received te"):
        make_client(stub_server("pair_score")).score(["a"])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"texts": ["a"]}, "takes text; received texts"),
        ({}, "takes text; received nothing"),
        ({"text": ["a", 7]}, "takes strings; received 7, of type int"),
        ({"text": "a"}, r"received 0, of shape \(\); give a list of texts"),
        ({"text": [["a"]]}, "has 1 axes; received 2, .* give a list of texts"),
    ],
)
def test_wrong_texts(film_server, make_client, inputs, words):
    with pytest.raises(InputError, match=words):
        make_client(film_server).predict("serving_default", inputs)


@pytest.mark.parametrize(
    ("token_ids", "lengths", "words"),
    [
        ([[2, 5], [3]], [2, 1], "rows of unequal length"),
        ([[2.5, 5.0]], [2], "of type int32; received float64"),
        ([[2, 2**40]], [2], "does not fit into int32"),
        ([[2, 5]], [2, 2], "as many rows; received lengths: 2, token_ids: 1"),
        ([2, 5], [2], "has 2 axes; received 1, .* give lists that deep"),
    ],
)
def test_wrong_tokens(film_server, make_client, token_ids, lengths, words):
    inputs = {"token_ids": token_ids, "lengths": lengths}
    with pytest.raises(InputError, match=words):
        make_client(film_server).predict("serving_tokens", inputs)


def test_what_the_server_refuses(film_server, make_client):
    client = make_client(film_server)
    with pytest.raises(ServingError, match="must lie between") as caught:
        client.predict(
            "serving_tokens", {"token_ids": [[2, 99, 3]], "lengths": [3]}
        )
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(InputError, match="has no signature 'x'; it has"):
        client.predict("x", {})
    for other, words in (
        ({"model": "other"}, r"Latest\(other\)"),
        ({"version": 7}, r"Specific\(films, 7\)"),
    ):
        with pytest.raises(ServingError, match=words) as caught:
            make_client(film_server, **other).classify(["a"])
        assert caught.value.code == "NOT_FOUND"
        assert not make_client(film_server, **other).is_ready()


def test_metadata_and_readiness(film_server, make_client):
    client = make_client(film_server)
    assert client.is_ready()
    assert client.version_states() == {1: "AVAILABLE"}
    signatures = client.signatures()
    assert "__saved_model_init_op" not in signatures
    info = signatures["serving_tokens"].inputs["token_ids"]
    assert (info.dtype, info.shape) == ("int32", (-1, -1))
    assert make_client(film_server, version=1).classify(["a"])


def test_nobody_there_is_unavailable_and_tried_again(make_client):
    class Nobody:
        rest_url, grpc_address, model = "http://127.0.0.1:9", "127.0.0.1:9", "m"

    client = make_client(Nobody, retries=Retries(3, 0.01))
    assert not client.is_ready()
    with pytest.raises(ServingError) as caught:
        client.classify(["a"])
    assert caught.value.code == "UNAVAILABLE"
    late = make_client(Nobody, timeout=0.3, retries=Retries(100, 0.05))
    with pytest.raises(ServingError):
        late.classify(["a"])


def test_options_out_of_range(make_client):
    class Nobody:
        rest_url, grpc_address, model = "http://127.0.0.1:9", "127.0.0.1:9", "m"

    for options in (
        {"timeout": 0},
        {"max_batch_size": 0},
        {"version": -1},
        {"retries": Retries(attempts=0)},
    ):
        with pytest.raises(InputError, match="must be at least"):
            make_client(Nobody, **options)
    with pytest.raises(InputError, match="Version 1 and label 'stable' are"):
        make_client(Nobody, version=1, label="stable")


def test_a_label_is_asked_for(film_server, make_client):
    # The local server knows none, as the real one without a configuration.
    client = make_client(film_server, label="stable")
    words = "Unrecognized servable version label: stable"
    with pytest.raises(ServingError, match=words) as caught:
        client.classify(["a"])
    assert caught.value.code == "INVALID_ARGUMENT"


def test_signatures_of_an_older_version_are_read_again(tmp_path, make_client):
    save_stub("classes", tmp_path / "1")
    with LocalServer(tmp_path, port=0, rest_port=0, poll_seconds=0.05) as one:
        client = make_client(one)
        assert client.classify(["a"])[0].label == "one"
        for version, kind in enumerate(
            ("score", "labels", "pair_score", "score"), 2
        ):
            save_stub(kind, tmp_path / f".{version}")
            (tmp_path / f".{version}").rename(tmp_path / f"{version}")
            states = {version: "AVAILABLE", version - 1: "END"}
            wait_for(
                lambda states=states: (
                    states.items() <= client.version_states().items()
                )
            )
            if kind == "labels":
                assert client.classify(["a b"])[0].labels == ("none", "one")
            elif kind == "score":
                assert client.score(["a b"]) == [Score(0.25)]
            else:
                assert client.score(["a b"], ["c"]) == [Score(0.125)]
                with pytest.raises(InputError, match="takes text, text_pair"):
                    client.score(["a b"])
