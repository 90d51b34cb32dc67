"""Clients that send what nobody should, over real HTTP: the rest is still served.

Nothing here is timed: what is counted is what was read, held, answered and refused.
"""

import contextlib
import json
import random
import socket

import httpx
import psutil
import pytest

from projects import copy_project

RECORD = {"age": 40.5, "visits": 12, "plan": "pro"}
GOOD = json.dumps(RECORD).encode()
PROBES = ("/livez", "/readyz", "/healthz", "/metrics")
MB = 1024 * 1024
HELD_MB = 24
CLIENT = httpx.Client(timeout=120)


@pytest.fixture(scope="module")
def attacked(_run_once, tmp_path_factory, serving):
    """A service with few places, and the process that answers for it."""
    project = copy_project(_run_once, tmp_path_factory.mktemp("attacked") / "project")
    limits = {
        "TAGSHIP_MAX_CONCURRENCY": "16",
        "TAGSHIP_MAX_BYTES_IN_FLIGHT": str(HELD_MB * MB),
        "TAGSHIP_REQUEST_TIMEOUT": "60",
    }
    with serving(project, **limits) as address:
        yield address


def worker(address):
    port = int(address.rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if str(port) in process.cmdline() and not process.children():
                return process
    raise AssertionError(f"nothing answers at {address}")


def connect(address, source="127.0.0.1"):
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=120, source_address=(source, 0))


def head(length, path=b"/predict", *lines):
    more = b"".join(line + b"\r\n" for line in lines)
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n" % (path, length, more)


def answer(connection):
    """Status and JSON of the next answer."""
    found = b""
    while True:
        start, separator, body = found.partition(b"\r\n\r\n")
        length = [line for line in start.lower().split(b"\r\n") if line.startswith(b"content-len")]
        if separator and length and len(body) >= int(length[0].split(b":")[1]):
            kind = start.lower()
            return int(start[9:12]), json.loads(body) if b"application/json" in kind else body
        part = connection.recv(65536)
        assert part, f"cut off after {found!r}"
        found += part


def unfinished(address, opened, sent):
    connection = opened.enter_context(connect(address))
    with contextlib.suppress(OSError):  # it may be given up while it sends
        connection.sendall(head(10 * MB) + b" " * sent)
    return connection


def still_serves(address):
    for path in PROBES:
        assert CLIENT.get(address + path).status_code == 200, path
    assert CLIENT.post(f"{address}/predict", content=GOOD).status_code == 200


def of(parts, start="[", end="]"):
    return start + ",".join(parts) + end


def many_keys(size):
    return of((f'"k{number:06}":0' for number in range(size // 12)), "{", "}")


def same_keys(size):
    return of(['"age":1', '"agf":1'] * (size // 16), "{", "}")


def each_key_twice(size):
    """The worst for a count of each key."""
    return of([f'"k{number:06}":0' for number in range(size // 24)] * 2, "{", "}")


BODIES = {
    "many keys": many_keys,
    "same keys": same_keys,
    "each key twice": each_key_twice,
    "columns": lambda size: of([each_key_twice(size)], '{"columns": ', "}"),
    "empty records": lambda size: of(["{}"] * (size // 3)),
    "empty arrays": lambda size: of(["[]"] * (size // 3)),
    "nested": lambda size: "[" * size,
    "nested records": lambda size: '{"a":' * (size // 5),
    "text that never ends": lambda size: '{"a":"' + '\\"' * (size // 2),
    "one number": lambda size: of(["1" * size], '{"age":', "}"),
    "one long fraction": lambda size: of(["1" * size], '{"age":40.', "}"),
    "records of texts": lambda size: of(['{"age":","}'] * (size // 12)),
}


@pytest.mark.parametrize("size", [49_000, 429_000, 1_090_000, 10_000_000])
@pytest.mark.parametrize("kind", BODIES)
def test_the_worst_bodies_are_refused_and_the_service_goes_on(attacked, kind, size):
    refused = CLIENT.post(f"{attacked}/predict", content=BODIES[kind](size - 20).encode())
    assert refused.status_code in (400, 413, 422), refused.text
    assert refused.json()["error"]
    assert len(refused.content) < 50_000
    still_serves(attacked)


def test_unfinished_bodies_hold_no_more_than_is_allowed(attacked):
    """Sixty clients send 4 MB of 10; without a bound they would hold 240 MB."""
    process = worker(attacked)
    before = process.memory_info().rss
    with contextlib.ExitStack() as opened:
        for _ in range(60):
            unfinished(attacked, opened, 4 * MB)
        still_serves(attacked)
        grown = (process.memory_info().rss - before) / MB
        assert grown < 4 * HELD_MB, f"{grown:.0f} MB"
    still_serves(attacked)


@pytest.mark.parametrize("sent", [0, 1, 70_000])
def test_unfinished_bodies_keep_nobody_out(attacked, sent):
    with contextlib.ExitStack() as opened:
        first = unfinished(attacked, opened, sent)
        for _ in range(40):
            unfinished(attacked, opened, sent)
            still_serves(attacked)
        status, said = answer(first)
        assert (status, "given up for others" in said["error"]) == (503, True)


def test_another_address_keeps_its_slow_requests_while_one_opens_many(attacked):
    with contextlib.ExitStack() as opened:
        others = [opened.enter_context(connect(attacked, "127.0.0.2")) for _ in range(3)]
        for other in others:
            other.sendall(head(len(GOOD)) + GOOD[:5])
        for _ in range(40):
            unfinished(attacked, opened, 10)
        still_serves(attacked)
        for other in others:
            other.sendall(GOOD[5:])
            assert answer(other)[0] == 200


def test_answers_that_nobody_takes_hold_no_more_than_is_allowed(attacked):
    body = json.dumps([RECORD] * 9_999).encode()
    process = worker(attacked)
    before = process.memory_info().rss
    with contextlib.ExitStack() as opened:
        for _ in range(60):
            connection = opened.enter_context(connect(attacked))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                connection.sendall((head(len(body)) + body) * 4)
        still_serves(attacked)
        grown = (process.memory_info().rss - before) / MB
        assert grown < 6 * HELD_MB, f"{grown:.0f} MB"


@pytest.mark.parametrize("size", [11 * MB, 40 * MB])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_gets_its_answer(attacked, size, chunked):
    """The whole of it is sent before anything is read; a reset would be an exception here."""
    with connect(attacked) as connection:
        if chunked:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n")
            connection.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(size // MB):
                connection.sendall(b"%x\r\n%b\r\n" % (MB, b" " * MB))
            connection.sendall(b"0\r\n\r\n")
        else:
            connection.sendall(head(size) + b" " * size)
        status, said = answer(connection)
        assert (status, "larger than 10485760 bytes" in said["error"]) == (413, True)
        assert connection.recv(1) == b"", "it ends without a reset"


OFFERS = {
    "h2c": [b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABk"],
    "websocket": [b"Upgrade: websocket", b"Connection: keep-alive, upgrade"],
    "several": [b"upgrade: TLS/1.2, h2c", b"CONNECTION: UPGRADE"],
}


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_change_the_protocol_is_ignored_and_its_body_read(attacked, offer):
    offered = head(len(GOOD), b"/predict", *OFFERS[offer])
    with connect(attacked) as connection:
        for pause in (False, True):  # on one connection, and with the body in pieces
            connection.sendall(offered + (b"" if pause else GOOD))
            if pause:
                connection.sendall(GOOD[:9])
                connection.sendall(GOOD[9:])
            status, said = answer(connection)
            assert (status, "prediction" in said) == (200, True)
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)
        chunked = offered.replace(b"Content-Length: %d" % len(GOOD), b"Transfer-Encoding: chunked")
        connection.sendall(chunked + chunks + offered + GOOD)
        assert [answer_in_order[0] for answer_in_order in two(connection)] == [200, 200]
        connection.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\n" + OFFERS[offer][0] + b"\r\n\r\n")
        assert answer(connection)[1]["model"] == "tiny"


def test_a_thousand_offers_on_one_connection_are_a_thousand_requests(attacked):
    """They are read one after the other, not one within the other."""
    offered = head(len(GOOD), b"/predict", *OFFERS["h2c"]) + GOOD
    with connect(attacked) as connection:
        connection.sendall(offered * 1500)
        found = b""
        while found.count(b'"prediction"') < 1500:
            part = connection.recv(65536)
            assert part, found[-200:]
            found += part
    assert found.count(b"HTTP/1.1 200") == 1500


@pytest.mark.parametrize("target", [b"x:80", b"/predict", b"*"])
def test_a_tunnel_is_refused(attacked, target):
    with connect(attacked) as connection:
        connection.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\n\r\nabc")
        assert answer(connection)[0] == 400


@pytest.mark.parametrize(
    "trailer",
    [b"Content-Type: text/plain", b"Content-Encoding: gzip", b"Host: y", b"Authorization: a"],
)
def test_what_follows_a_body_is_no_part_of_its_head(attacked, trailer):
    chunked = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(GOOD), GOOD, trailer)
    with connect(attacked) as connection:
        for _ in range(2):
            connection.sendall(chunked + chunks)
            assert answer(connection)[0] == 200


def test_connections_without_a_request_keep_nobody_out(attacked):
    """Twice as many as a worker may have: the oldest are cut off, a busy one is not."""
    most = 8 * 16
    with contextlib.ExitStack() as opened:
        slow = opened.enter_context(connect(attacked, "127.0.0.2"))
        slow.sendall(head(len(GOOD)) + GOOD[:5])
        idle = [opened.enter_context(connect(attacked)) for _ in range(2 * most)]
        still_serves(attacked)
        for connection in idle[:10]:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        slow.sendall(GOOD[5:])
        assert answer(slow)[0] == 200


def two(connection):
    """Two answers that may come together."""
    found = b""
    while found.count(b'"prediction"') < 2 or not found.endswith(b"}"):
        part = connection.recv(65536)
        assert part, found
        found += part
    starts = found.split(b"HTTP/1.1 ")[1:]
    return [(int(start[:3]), start) for start in starts]


@pytest.mark.parametrize("digits", [b"9" * 4301, b"0" * 4300 + b"5", b"1" * 19, b"+5", b"0x5"])
def test_a_length_that_is_none_is_the_clients_mistake(attacked, digits):
    with connect(attacked) as connection:
        start = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: "
        connection.sendall(start + digits + b"\r\n\r\n12345")
        assert answer(connection)[0] == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([b"Content-Type: application/json", b"Content-Type: application/vnd.bentoml+pickle"], 400),
        ([b"Content-Type: application/vnd.bentoml+pickle", b"content-type: application/json"], 400),
        ([b"Content-Type: application/json, application/vnd.bentoml+pickle"], 415),
        ([b"Content-Type: application/vnd.bentoml+pickle"], 415),
        ([b"Authorization: Bearer a", b"Authorization: Bearer b"], 400),
        ([b"Host: y"], 400),
        ([b"Content-Encoding: gzip"], 415),
        ([b"Content-Encoding: identity", b"Content-Encoding: gzip"], 400),
        ([b"Content-Type: application/json"] * 2, 200),
        ([b"Accept: a/b", b"Accept: c/d"], 200),
    ],
)
def test_every_copy_of_a_header_counts(attacked, headers, status):
    with connect(attacked) as connection:
        connection.sendall(head(len(GOOD), b"/predict", *headers) + GOOD)
        found, said = answer(connection)
        assert found == status, said
        if status == 400:
            assert "stands twice" in said["error"]


def test_labels_are_taken_one_way_only(attacked):
    lines = {"content-type": "application/x-ndjson"}
    given = CLIENT.post(f"{attacked}/predict", content=GOOD).json()["request_id"]
    label = json.dumps({"request_id": given, "actual": "no"})
    for said, headers, status in (
        (label, {}, 200),
        (label, lines, 415),
        (label.upper(), {}, 422),
        (label.replace(given, given.upper()), {}, 404),
        (label.replace("{", '{"row": 1, "row": 0, '), {}, 400),
    ):
        found = CLIENT.post(f"{attacked}/feedback", content=said, headers=headers)
        assert found.status_code == status, (said, found.text)


def test_many_labels_are_read_beside_the_event_loop(attacked):
    given = CLIENT.post(f"{attacked}/predict", content=GOOD).json()["request_id"]
    label = json.dumps({"request_id": given, "actual": "no"})
    found = CLIENT.post(f"{attacked}/feedback", content=of([label] * 10_000))
    assert found.json() == {"received": 10_000}
    threads = [thread.id for thread in psutil.Process(worker(attacked).pid).threads()]
    assert len(threads) > 3, "the loop, the log, its feedback, and who reads"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/predict", "/feedback", "/%70redict"])
def test_no_other_method_reaches_a_route_behind(attacked, method, path):
    pickled = {"content-type": "application/vnd.bentoml+pickle"}
    answered = CLIENT.request(method, attacked + path, content=b"\x80\x05N.", headers=pickled)
    assert (answered.status_code, answered.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "start",
    [
        b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Long: ",
        b"GET /",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
    ],
    ids=["header", "target", "trailer"],
)
def test_a_head_without_an_end_is_refused(attacked, start):
    with connect(attacked) as connection:
        connection.sendall(start)
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(b"a" * 16_384)
        with contextlib.suppress(ConnectionResetError):
            assert answer(connection)[0] == 400
    still_serves(attacked)


def test_garbage_of_all_kinds_gets_no_5xx(attacked):
    chance = random.Random(5)
    words = [b"{", b"}", b"[", b"]", b'"age"', b":", b",", b"1e999", b"-0", b"null", b'"\\ud800"']
    words += [b"\xff", b"\x00", b" ", b"\n", b'"plan"', b'"pro"', b"12.0", b"NaN", b'"\\', b"true"]
    kinds = ["application/json", "application/x-ndjson", "", "text/plain", "a" * 300]
    for _ in range(400):
        content = b"".join(chance.choices(words, k=chance.randrange(60)))
        path = chance.choice(["/predict", "/predict", "/feedback"])
        headers = {"content-type": chance.choice(kinds)}
        found = CLIENT.post(attacked + path, content=content, headers=headers)
        assert found.status_code < 500, (content, headers, found.text)
    still_serves(attacked)
