"""Under load: memory stays flat, leaving loses nothing, too much is shed; short, on ``tiny``."""

import contextlib
import http.client
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

pytestmark = pytest.mark.slow

BODIES = [
    json.dumps({"age": 20.5 + n % 60, "visits": n % 50, "plan": ("free", "plus", "pro")[n % 3]})
    for n in range(100)
]
HEADERS = {"Content-Type": "application/json"}
GROWTH = 1.05


@contextlib.contextmanager
def connected(address):
    host, port = address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    with contextlib.closing(connection):
        connection.connect()
        yield connection


def ask(connection, number):
    """Status, headers and JSON of one request on a kept connection."""
    connection.request("POST", "/predict", BODIES[number % len(BODIES)], HEADERS)
    answer = connection.getresponse()
    return answer.status, answer.headers, json.loads(answer.read())


def processes(address):
    """What `tagship serve` started here for an address, itself first."""
    port = address.rpartition(":")[2]
    for child in psutil.Process().children():
        if port in child.cmdline():
            return [child, *child.children(recursive=True)]
    raise AssertionError(f"nothing serves {address}")


def test_memory_does_not_grow_with_requests_and_each_is_answered(run_project, serving):
    def many(first):
        with connected(address) as connection:
            return [ask(connection, number)[0] for number in range(first, first + 500)]

    def load(rounds):
        with ThreadPoolExecutor(4) as pool:
            found = [status for part in pool.map(many, range(rounds)) for status in part]
        assert found == [200] * (500 * rounds)
        return max(process.memory_info().rss for process in processes(address))

    with serving(run_project) as address:
        load(4)
        before = load(4)
        assert load(8) <= GROWTH * before


def test_leaving_under_load_loses_no_request(run_project, serving):
    """Kept connections are busy when the signal comes; each is closed after an answer that says so.

    A lost request would be an exception here: a reset, or an end without an answer.
    """
    leaving = threading.Event()
    answered = [0] * 8
    end = time.monotonic() + 600

    def drive(client):
        with connected(address) as connection:
            while time.monotonic() < end:
                status, headers, content = ask(connection, answered[client])
                assert (status, "prediction" in content) == (200, True)
                answered[client] += 1
                if headers.get("connection") == "close":
                    assert leaving.is_set()
                    return
        raise AssertionError("no answer ever closed its connection")

    with serving(run_project) as address, ThreadPoolExecutor(len(answered)) as pool:
        first = processes(address)[0]
        clients = [pool.submit(drive, client) for client in range(len(answered))]
        while min(answered) < 20 and not any(client.done() for client in clients):
            time.sleep(0.05)
        leaving.set()
        first.send_signal(signal.SIGTERM)
        for client in clients:
            client.result(timeout=600)
        first.wait(120)
        with pytest.raises(ConnectionRefusedError), connected(address):
            pass


def test_far_too_many_are_shed_at_once_and_the_taken_ones_answered(run_project, serving):
    def burst(connections):
        for connection in connections:
            connection.request("POST", "/predict", BODIES[0], HEADERS)
        for connection in connections:
            answer = connection.getresponse()
            answer.read()
            yield answer.status, answer.headers.get("retry-after")

    with serving(run_project, TAGSHIP_MAX_CONCURRENCY="4") as address:
        with contextlib.ExitStack() as stack:
            many = [stack.enter_context(connected(address)) for _ in range(24)]
            found = {answer for _ in range(50) for answer in burst(many)}
        assert found == {(200, None), (503, "1")}
        with connected(address) as connection:
            assert ask(connection, 0)[0] == 200
