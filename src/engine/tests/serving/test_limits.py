"""What a service refuses besides broken records: size, time, load, keys; and that it stays up."""

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from projects import copy_project
from tagship.bento.store import latest_bento
from tagship.serving import smoke

RECORD = {"age": 40.5, "visits": 12, "plan": "pro"}
GOOD = json.dumps(RECORD).encode()
CLIENT = httpx.Client(timeout=120)  # one, since each costs 50 ms to make


@pytest.fixture(scope="module")
def limited(_run_once, tmp_path_factory, serving):
    """A service with small limits, two keys, and a page's origin."""
    folder = tmp_path_factory.mktemp("limited")
    project = copy_project(_run_once, folder / "project")
    keys = folder / "keys"
    keys.write_text("from-a-file\n")
    with serving(
        project,
        TAGSHIP_API_KEYS="first,second",
        TAGSHIP_API_KEYS_FILE=str(keys),
        TAGSHIP_RATE_LIMIT="20",
        TAGSHIP_MAX_BODY_BYTES="2000",
        TAGSHIP_MAX_ROWS="5",
        TAGSHIP_MAX_CONCURRENCY="4",
        TAGSHIP_REQUEST_TIMEOUT="1",
        TAGSHIP_CORS_ORIGINS="https://shop.example",
    ) as address:
        yield address


def post(address, body=GOOD, key="first", **headers):
    if key:
        headers["authorization"] = f"Bearer {key}"
    headers.setdefault("content-type", "application/json")
    return CLIENT.post(f"{address}/predict", content=body, headers=headers)


def patiently(address, **options):
    """A good request, again when the rate or the load says later."""
    for _ in range(600):
        answer = post(address, **options)
        if answer.status_code not in (408, 429, 503):
            return answer
        time.sleep(0.1)
    raise AssertionError(answer.text)


def raw(address, *parts, pause=0.0, half_close=False):
    """Send bytes as they are, and give all that comes back until the service closes."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(65536):
            found += part
            head, separator, body = found.partition(b"\r\n\r\n")
            length = [
                line for line in head.split(b"\r\n") if line.lower().startswith(b"content-le")
            ]
            if separator and length and len(body) >= int(length[0].split(b":")[1]):
                break
        return found


def test_each_key_opens_and_nothing_else_does(limited):
    for key in ("first", "second", "from-a-file"):
        assert patiently(limited, key=key).status_code == 200
    for wrong in ("", "third", "firs", "first,second"):
        answer = post(limited, key=wrong)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "first" not in answer.text
    assert CLIENT.post(f"{limited}/feedback", content=b"[]").status_code == 401


def test_health_metrics_and_info_need_no_key(limited):
    for path in ("/livez", "/readyz", "/metrics", "/info"):
        assert CLIENT.get(limited + path).status_code == 200, path


def test_a_key_that_asks_too_often_waits_and_another_does_not(limited):
    for _ in range(2000):  # a slow machine asks more slowly than the tokens come back
        answer = post(limited, key="second")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert post(limited, key="from-a-file").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (json.dumps([RECORD] * 5).encode(), 200, ""),
        (json.dumps([RECORD] * 6).encode(), 413, "6 records; at most 5"),
        (b" " * 2001, 413, "larger than 2000 bytes"),
    ],
)
def test_rows_and_bytes_are_limited(limited, body, status, says):
    answer = patiently(limited, body=body)
    assert (answer.status_code, says in answer.text) == (status, True)


def test_a_chunked_body_is_counted_as_it_comes(limited):
    host, port = limited.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    chunks = iter([b" " * 1500, b" " * 1500])
    headers = {"Authorization": "Bearer first", "Content-Type": "application/json"}
    connection.request("POST", "/predict", chunks, headers, encode_chunked=True)
    assert connection.getresponse().status in (413, 429)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_another_media_type_is_refused_by_name(limited, kind):
    answer = patiently(limited, **{"content-type": kind})
    assert answer.status_code == 415
    assert kind in answer.json()["error"]


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer first\r\n"


def test_a_body_that_does_not_come_in_time_is_given_up(limited):
    for _ in range(600):
        found = raw(limited, HEAD + b"Content-Length: 50\r\n\r\n", b'{"age"')
        if b" 429 " not in found:
            break
        time.sleep(0.1)
    assert found.startswith(b"HTTP/1.1 408 "), found
    assert b"did not arrive in time" in found
    assert patiently(limited).status_code == 200


@pytest.mark.parametrize("start", [b"", b"POST /pred", HEAD])
def test_a_head_that_does_not_come_in_time_ends_its_connection(limited, start):
    assert raw(limited, start) == b""


def test_a_connection_closed_half_way_harms_nobody(limited):
    raw(limited, HEAD + b"Content-Length: 50\r\n\r\n{", half_close=True)
    assert patiently(limited).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /predict HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_broken_head_is_refused(limited, sent):
    assert b"HTTP/1.1 4" in raw(limited, sent)
    assert patiently(limited).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/static_content/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/predict/../info/../../etc/shadow",
        "/static_content/..%2f..%2f..%2fetc/passwd",
    ],
)
def test_a_path_leads_nowhere_else(limited, path):
    found = raw(limited, b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
    assert found.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400", b"HTTP/1.1 405")), found[:300]
    assert b"root:" not in found


def test_a_header_cannot_be_put_into_an_answer(limited):
    answer = patiently(limited, body=b'{"a\\r\\nSet-Cookie: x=1": 1}')
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


def test_the_smoke_test_after_a_sync_brings_its_key(limited, served, monkeypatch):
    info = CLIENT.get(f"{limited}/info").json()
    artifact = latest_bento(served[1].root, "tiny").path / "src" / "artifact"
    boundary = json.loads((artifact / "boundary.json").read_text(encoding="utf-8"))
    monkeypatch.delenv("TAGSHIP_API_KEY", raising=False)
    with pytest.raises(smoke.Difference, match="HTTP 401"):
        smoke.check(limited, info, boundary)
    monkeypatch.setenv("TAGSHIP_API_KEY", "second")
    time.sleep(0.5)
    assert "predicts" in smoke.check(limited, info, boundary)


def test_only_a_named_origin_may_read_answers(limited):
    own = patiently(limited, origin="https://shop.example")
    assert own.headers["access-control-allow-origin"] == "https://shop.example"
    other = patiently(limited, origin="https://elsewhere.example")
    assert "access-control-allow-origin" not in other.headers


def test_no_origin_is_allowed_unless_named(served):
    answer = CLIENT.post(
        f"{served[0]}/predict", content=GOOD, headers={"origin": "https://a.example"}
    )
    assert "access-control-allow-origin" not in answer.headers


def test_answers_carry_the_headers_that_keep_browsers_careful(served):
    for answer in (
        CLIENT.post(f"{served[0]}/predict", content=GOOD),
        CLIENT.get(f"{served[0]}/"),
        CLIENT.get(f"{served[0]}/livez"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_refusals_are_counted_by_reason(limited):
    post(limited, key="wrong")
    patiently(limited, body=b"{")
    text = CLIENT.get(f"{limited}/metrics").text
    found = {
        line.split('reason="')[1].split('"')[0]: float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith("tagship_rejected_requests_total{")
    }
    assert found["unauthorised"] >= 1
    assert found["not_json"] >= 1
    assert {"overloaded", "timeout", "rate_limited", "body_too_large"} <= found.keys()


def test_many_good_requests_at_once_are_all_answered(served):
    def one(number):
        row = {**RECORD, "visits": number % 50}
        return CLIENT.post(f"{served[0]}/predict", json=row).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(200))) == {200}
