"""`query` and `load`."""

import argparse
import json

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import fuzz_command
from keras_mixattn.serving.client import load
from keras_mixattn.serving.client import load_command
from keras_mixattn.serving.client import options as options_module
from keras_mixattn.serving.client import query_command
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.client.load import LoadResult
from keras_mixattn.serving.client.mixed_texts import mixed_texts


@pytest.fixture(params=["rest", "grpc"])
def run(request, capsys):
    """Returns a function that runs a command against a server."""

    def run_command(module, server, *words):
        parser = argparse.ArgumentParser()
        module.add_parser(parser.add_subparsers())
        name = module.__name__.rpartition(".")[2].removesuffix("_command")
        where = ["--rest", server.rest_url]
        if request.param == "grpc":
            where = ["--grpc", server.grpc_address]
        options = [name, *map(str, words), *where]
        if "--model" not in options:
            options += ["--model", server.model]
        module.run(parser.parse_args(options))
        return capsys.readouterr().out

    return run_command


def table(text):
    return [line.split() for line in text.splitlines()]


def test_a_table_for_each_task(stub_server, run):
    assert table(run(query_command, stub_server("classes"), "a", "a b")) == [
        ["text", "label", "probability"],
        ["a", "one", "0.6667"],
        ["a", "b", "many", "0.6667"],
    ]
    assert "none, one" in run(query_command, stub_server("labels"), "a b")
    assert table(run(query_command, stub_server("pair_score"), "a b", "c"))[
        1
    ] == [*("a", "b", "c", "0.1250")]
    assert "2.0000, 2.5000" in run(
        query_command, stub_server("embedding"), "a b"
    )
    fillings = table(run(query_command, stub_server("fillings"), "a [MASK]"))
    assert fillings[1][2:] == ["1", "calm", "0.7500"]
    words = table(run(query_command, stub_server("tags"), "é sunny"))
    assert words[2][2:] == ["sunny", "B-LONG", "0.7500"]
    spans = run(query_command, stub_server("span"), "what", "the sea is calm")
    assert "the sea  0" in spans


def test_json_has_all_outputs(stub_server, run):
    outputs = json.loads(
        run(query_command, stub_server("score"), "a b", "--json")
    )
    assert outputs == {"score": [0.25]}


def test_errors_of_query(stub_server, run):
    server = stub_server("pair_score")
    for words, said in (
        (["a"], "received 1 texts, no multiple of 2"),
        (["a", "--signature", "x"], "has no signature 'x'; it has serving_d"),
        (["a", "--model", "x"], "The server answered NOT_FOUND: Servable"),
        (["a", "--timeout", "0"], "`timeout` must be at least"),
    ):
        with pytest.raises(InputError, match=said):
            run(query_command, server, *words)
    with pytest.raises(InputError, match="those on raw texts only"):
        run(query_command, stub_server("score"), "a", "--signature", "regress")


def test_load_measures_and_draws(film_server, run, tmp_path):
    said = run(
        load_command,
        film_server,
        *("--clients", 3, "--seconds", 0.7, "--batch", 2, "--check"),
        *("--output", tmp_path / "load.json", "--picture", tmp_path / "a.png"),
    )
    summary = json.loads((tmp_path / "load.json").read_text())["summary"]
    assert summary["errors"] == {}
    assert summary["requests"] > 3
    assert summary["p50_ms"] <= summary["p90_ms"] <= summary["p99_ms"]
    assert f"{summary['texts_per_second']}" in said
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_errors_of_load(film_server, run, tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    for words, said in (
        (["--clients", 0], "--clients must be above 0; received 0"),
        (["--texts", tmp_path / "none"], "cannot be read"),
        (["--texts", tmp_path / "empty.txt"], "holds no text"),
        (["--model", "x"], "The server answered NOT_FOUND"),
        (
            ["--seconds", 0.1, "--output", tmp_path / "no" / "a.json"],
            "cannot be written",
        ),
    ):
        with pytest.raises(InputError, match=said):
            run(load_command, film_server, *words)


def test_texts_of_a_file_and_wrong_answers(stub_server, tmp_path, monkeypatch):
    from keras_mixattn.serving.client import GrpcClient

    server = stub_server("score")
    monkeypatch.setattr(load, "same_answers", lambda *_: False)
    result = load.run_load(
        lambda: GrpcClient(server.grpc_address, "stub"),
        ["a", "a b"],
        clients=2,
        seconds=0.1,
        check=True,
    )
    assert set(result.codes) == {"WRONG"}


def test_summary():
    result = LoadResult(
        4.0, 2, [0, 1, 2, 3], [0.1, 0.2, 0.3, 9.0], ["OK"] * 3 + ["UNAVAILABLE"]
    )
    assert result.summary() == {
        "seconds": 4.0,
        "requests": 4,
        "requests_per_second": 0.75,
        "texts_per_second": 1.5,
        "p50_ms": 200.0,
        "p90_ms": 280.0,
        "p99_ms": 298.0,
        "errors": {"UNAVAILABLE": 1},
    }


@pytest.fixture
def saved_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "saved_models"
    (folder / "empty").mkdir(parents=True)
    (folder / "README.md").touch()
    (folder / "stub" / "1").mkdir(parents=True)
    return folder


def command_options(module, *words):
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    name = module.__name__.rpartition(".")[2].removesuffix("_command")
    return parser.parse_args([name, *words])


def test_the_only_model_need_not_be_named(
    stub_server, saved_models, capsys, monkeypatch
):
    server = stub_server("score")
    for module, words in (
        (query_command, ["a b", "--rest", server.rest_url]),
        (load_command, ["--grpc", server.grpc_address, "--seconds", "0.1"]),
        (
            fuzz_command,
            ["--grpc", server.grpc_address, "--rest", server.rest_url]
            + ["--count", "5"],
        ),
    ):
        module.run(command_options(module, *words))
    assert "0.2500" in capsys.readouterr().out
    (saved_models / "other" / "2").mkdir(parents=True)
    with pytest.raises(InputError, match="'saved_models' here holds other, st"):
        query_command.run(command_options(query_command, "a"))
    monkeypatch.chdir(saved_models)
    with pytest.raises(InputError, match="'saved_models' here holds none;"):
        query_command.run(command_options(query_command, "a"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--header", "secret"], "--header is 'secret'; give a name and"),
        (["--authority", "none.pem"], "'none.pem' cannot be read as PEM"),
        (["--authority", "none.pem", "--grpc", "a:1"], "cannot be read as PEM"),
        (["--label", "a", "--version", "1"], "both given; leave"),
    ],
)
def test_errors_of_server_options(words, said):
    options = command_options(query_command, "a", "--model", "m", *words)
    with pytest.raises(InputError, match=said):
        query_command.run(options)


def test_what_may_be_said_of_a_server(tmp_path, monkeypatch):
    made = []

    class Noted(RestClient):
        def __init__(self, *arguments, **more):
            made.append((arguments, more))
            super().__init__(*arguments, **more)

    monkeypatch.setattr(options_module, "RestClient", Noted)
    options = command_options(
        query_command,
        *("a", "--model", "m", "--label", "stable"),
        *("--header", "Authorization: Basic a:b", "--header", "x:y"),
    )
    options_module.client_of(options).close()
    assert made == [
        (
            ("http://localhost:8501", "m", None, 30.0),
            {
                "label": "stable",
                "headers": {"Authorization": "Basic a:b", "x": "y"},
            },
        )
    ]


def test_same_answers():
    one = {"p": np.float32([[0.5, 1]]), "t": np.array([["a", ""]], object)}
    padded = {"p": np.float32([[0.5]]), "t": np.array([["a"]], object)}
    assert same_answers(one, {**padded, "p": one["p"] + 1e-6})
    assert same_answers(padded, {"p": padded["p"], "t": one["t"]})
    assert not same_answers(one, padded)  # 1 is no padding
    assert not same_answers(one, {"p": one["p"]})
    assert not same_answers(one, {**one, "t": np.array([["b", ""]], object)})
    twice = {name: np.repeat(array, 2, 0) for name, array in one.items()}
    assert not same_answers(one, twice)
    flat = {**one, "p": one["p"][0]}
    assert not same_answers(one, flat)


@pytest.mark.parametrize(
    ("value", "difference", "tolerance"),
    [(0.5, 1e-5, 1e-5), (64.0, 0.064, 1e-3)],
)
def test_numbers_may_differ_by_what_is_promised(value, difference, tolerance):
    once = {"score": np.array([value])}
    near = {"score": np.array([value + 0.9 * difference])}
    far = {"score": np.array([value + 2 * difference])}
    assert same_answers(near, once, tolerance)
    assert not same_answers(far, once, tolerance)
    assert not same_answers({"score": np.array([np.nan])}, once, tolerance)
    if tolerance == 1e-5:
        assert not same_answers(far, once)  # the default


def test_mixed_texts_are_mixed():
    lengths = [len(text.split()) for text in mixed_texts(300, seed=1)]
    assert min(lengths) < 5 and 10 < np.median(lengths) < 30
    assert max(lengths) > 100
    assert mixed_texts(3) != mixed_texts(3, seed=1)
