"""The load generator counts what really happened: it must see every failure of a server."""

import importlib.util
import socket
import sys
import threading
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location(
    "load", Path(__file__).resolve().parents[4] / "benchmarks" / "load.py"
)
load = importlib.util.module_from_spec(SPEC)
sys.modules["load"] = load  # dataclasses look their module up
SPEC.loader.exec_module(load)

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LATER = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\ncontent-length: 0\r\n\r\n"
NEVER = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def answering():
    """``answering(first, second, …)``: the port of a server that gives the last one for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def talk(connection, answers):
        with connection:
            while request := connection.recv(65536):
                seen.append(request)
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                connection.sendall(answer)
                if not answer or b"close" in answer or len(answer) < 20:
                    return

    def accept(answers):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection, answers), daemon=True).start()

    def start(*answers):
        threading.Thread(target=accept, args=(list(answers),), daemon=True).start()
        return listener.getsockname()[1], seen

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def drive(port, connections=2, **options):
    plan = load.Plan([port], "/predict", ["a", "bb"], connections, 0.3, 0.1, **options)
    return load.Load(plan).run()


def test_complete_answers_are_counted_and_bodies_rotate(answering):
    port, seen = answering(GOOD)
    reading = drive(port)
    assert reading.errors == {}
    assert reading.statuses == {"200": reading.sent}
    assert 0 < reading.answered <= reading.sent
    assert 0 < reading.p50 <= reading.p99 <= reading.worst
    assert {request.rpartition(b"\r\n\r\n")[2] for request in seen} == {b"a", b"bb"}


def test_a_refusal_is_no_answer_and_must_say_when_to_come_back(answering):
    port, _ = answering(LATER, LATER, NEVER, GOOD)
    reading = drive(port, connections=1)
    assert reading.statuses["503"] == 3
    assert reading.without_retry_after == 1
    assert reading.statuses["200"] == reading.sent - 3


@pytest.mark.parametrize(
    ("answer", "error"), [(b"", "closed"), (GOOD[:15], "cut")], ids=["closed", "cut"]
)
def test_a_request_without_a_whole_answer_is_an_error(answering, answer, error):
    port, _ = answering(answer, GOOD)
    reading = drive(port, connections=1)
    assert reading.errors == {error: 1}
    assert reading.statuses == {"200": reading.sent - 1}


def test_a_connection_that_is_closed_after_its_answer_is_no_error(answering):
    port, _ = answering(LAST)
    reading = drive(port, connections=1)
    assert reading.errors == {}
    assert reading.statuses == {"200": reading.sent}


def test_a_refused_connection_is_an_error_unless_it_may_be_tried_elsewhere(answering):
    port, _ = answering(GOOD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()[1]
        assert drive(nobody).errors["refused"] >= 2
        plan = load.Plan([nobody, port], "/predict", ["a"], 2, 0.5, 0.1, retry_refused=True)
        reading = load.Load(plan).run()
    assert reading.errors == {}
    assert reading.statuses["200"] == reading.sent > 0


def test_an_answer_that_never_comes_is_missed_at_the_end(answering, monkeypatch):
    monkeypatch.setattr(load, "_DRAIN_SECONDS", 0.2)
    port, _ = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    assert drive(port, connections=1).errors == {"no answer": 1}
