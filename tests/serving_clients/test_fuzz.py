"""Odd and broken requests: an answer or a clear refusal, for all of them."""

import argparse
import collections
import random
import types

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client import fuzz
from keras_mixattn.serving.client import fuzz_command
from keras_mixattn.serving.client.fuzz_request import Wire
from keras_mixattn.serving.client.fuzz_wire import WireRequests
from keras_mixattn.serving.local_server import batching
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server import grpc_services


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


def test_a_refused_right_request_is_noticed(film_server, monkeypatch):
    def refuse(*_):
        raise errors.invalid("not this one")

    requests = film_server.rest_url, film_server.grpc_address, "films", 200
    monkeypatch.setattr(grpc_services, "serialized_examples", refuse)
    report = fuzz.fuzz(*requests)
    assert report.faults
    assert all("(examples)" in one for one in report.faults)


def test_a_crash_is_noticed(film_server, monkeypatch):
    """INTERNAL is right for bytes that are no message, and for nothing else."""

    def crash(*_):
        raise ZeroDivisionError("so it is")

    source = random.Random(3)
    with fuzz._Judge(
        film_server.rest_url, film_server.grpc_address, "films", 1e-5
    ) as judge:
        wire = WireRequests(Wire("films"), ["text"])
        judge._maker = types.SimpleNamespace(make=wire._broken_message)
        monkeypatch.setattr(grpc_services, "_target", crash)
        faults = [judge.send(source, number) for number in range(30)]
    faults = [(answer, fault) for _, answer, fault in faults]
    assert ("INVALID_ARGUMENT", None) in faults  # no message
    crashed = [fault for answer, fault in faults if answer == "INTERNAL"]
    assert crashed and all("refused with INTERNAL" in one for one in crashed)


def test_command(film_server, capsys):
    parser = argparse.ArgumentParser()
    fuzz_command.add_parser(parser.add_subparsers())
    words = ["fuzz", "--rest", film_server.rest_url, "--count", "20"]
    words += ["--grpc", film_server.grpc_address, "--model"]
    fuzz_command.run(parser.parse_args([*words, "films"]))
    assert "20 requests" in capsys.readouterr().out
    with pytest.raises(InputError, match="The server answered NOT_FOUND"):
        fuzz_command.run(parser.parse_args([*words, "x"]))
