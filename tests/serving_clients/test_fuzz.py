"""Odd and broken requests: an answer or a clear refusal, for all of them."""

import argparse
import collections

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import fuzz
from keras_mixattn.serving.local_server import batching


@pytest.mark.parametrize("kind", ["classes", "score", "tags", "span"])
def test_stubs(stub_server, kind):
    server = stub_server(kind)
    report = fuzz.fuzz(server.rest_url, server.grpc_address, "stub", 150, 5)
    assert report.faults == []


def test_an_export(film_server):
    report = fuzz.fuzz(
        film_server.rest_url, film_server.grpc_address, "films", 400, seed=1
    )
    assert report.faults == []
    assert sum(report.tally.values()) == 400
    kinds = {kind for kind, _ in report.tally}
    assert {"texts by gRPC", "tokens by REST", "broken JSON"} <= kinds
    codes = collections.Counter()
    for (_, answer), count in report.tally.items():
        codes[answer] += count
    assert codes["answered"] > 100 and codes["INVALID_ARGUMENT"] > 100


def test_a_changed_answer_is_noticed(film_server, monkeypatch):
    together = batching.Batcher._outputs_together

    def swapped(self, batch):
        return together(self, batch)[::-1]

    monkeypatch.setattr(batching.Batcher, "_outputs_together", swapped)
    report = fuzz.fuzz(
        film_server.rest_url, film_server.grpc_address, "films", 300, workers=8
    )
    assert any("otherwise than when alone" in one for one in report.faults)


def test_command(film_server, capsys):
    parser = argparse.ArgumentParser()
    fuzz.add_parser(parser.add_subparsers())
    words = ["fuzz", "--rest", film_server.rest_url, "--count", "20"]
    words += ["--grpc", film_server.grpc_address, "--model"]
    fuzz.run(parser.parse_args([*words, "films"]))
    assert "20 requests" in capsys.readouterr().out
    with pytest.raises(InputError, match="The server answered NOT_FOUND"):
        fuzz.run(parser.parse_args([*words, "x"]))
