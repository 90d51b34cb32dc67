"""Start, drain, death and replacement of a service's processes; batching."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest

from tagship.bento.store import bentoml_environment, latest_bento

pytestmark = pytest.mark.slow

RECORD = {"age": 40.5, "visits": 12, "plan": "pro"}
ROWS = [{"age": None, "visits": n % 50, "plan": ("free", "plus", "pro")[n % 3]} for n in range(60)]


def supervisor(project):
    """The process that keeps the workers of a project's service."""
    home = str(project.root)
    for process in psutil.Process().children():
        if any(home in word for word in process.cmdline()):
            return process
    raise AssertionError("nothing serves here")


def workers(project):
    """The processes that answer for a project's service."""
    return supervisor(project).children()


def answered(address):
    """The answer to the record, once there is one."""
    for _ in range(1800):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.post(f"{address}/predict", json=RECORD, timeout=5)
        time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")


def test_a_killed_worker_comes_back(run_project, serving):
    with serving(run_project) as address:
        (worker,) = workers(run_project)
        os.kill(worker.pid, signal.SIGKILL)
        assert answered(address).status_code == 200
        assert [other.pid for other in workers(run_project)] != [worker.pid]


def test_workers_add_up_their_metrics_and_share_the_port(run_project, serving):
    with serving(run_project, workers=2) as address:
        assert len(workers(run_project)) == 2
        for _ in range(20):  # a new connection each: either worker may take it
            assert httpx.post(f"{address}/predict", json=RECORD).status_code == 200
        counted = httpx.get(f"{address}/metrics").text
    lines = [line for line in counted.splitlines() if line.startswith("tagship_predictions_total{")]
    assert sum(float(line.rpartition(" ")[2]) for line in lines) == 20


def test_workers_end_with_a_supervisor_that_was_killed(run_project, serving):
    with serving(run_project, workers=2):
        started = workers(run_project)
        supervisor(run_project).kill()
        _, alive = psutil.wait_procs(started, timeout=120)
        assert not alive


def test_plain_bentoml_serves_the_same(served, run_project):
    """What runs where there is no fork, and what people know."""
    bento = latest_bento(run_project.root, "tiny").path
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bentoml", "serve", str(bento), "--port", str(port)]
    environment = bentoml_environment(run_project.root)
    environment["TAGSHIP_LOG_DIR"] = str(run_project.root / "log")
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        answer = answered(f"http://127.0.0.1:{port}")
        expected = httpx.post(f"{served[0]}/predict", json=RECORD).json()
        assert answer.json() | {"request_id": ""} == expected | {"request_id": ""}
    finally:
        process.terminate()
        process.wait(120)


def test_a_worker_that_never_gets_ready_ends_the_server(run_project):
    """A model that is what the record says, and no model: each worker would fail alike."""
    artifact = latest_bento(run_project.root, "tiny").path / "src" / "artifact"
    (artifact / "model.onnx").write_bytes(b"no model")
    record = json.loads((artifact / "record.json").read_text())
    record["model_sha256"] = hashlib.sha256(b"no model").hexdigest()
    (artifact / "record.json").write_text(json.dumps(record))
    ended = run_project.spawn("serve", "tiny", "--port", "0", "--workers", "2")
    assert ended.code == 1
    assert "the worker ended before it was ready" in ended.err


@pytest.mark.parametrize("changed", ["model.onnx", "boundary.json", "record.json"])
def test_an_artifact_that_changed_ends_the_server_once_its_worker_dies(
    run_project, serving, changed
):
    """Each replacement would fail alike: a few, further and further apart, and then the end."""
    artifact = latest_bento(run_project.root, "tiny").path / "src" / "artifact"
    with serving(run_project):
        server = supervisor(run_project)
        (artifact / changed).write_bytes(b"changed")
        for worker in workers(run_project):
            worker.kill()
        assert server.wait(240) == 1
    said = (run_project.root / "serve.log").read_text()
    assert said.count("another starts") == 5, said
    assert said.rstrip().endswith("5 workers in a row ended before they were ready"), said
    assert "error: " in said
    assert "Traceback" not in said


def test_a_worker_that_dies_again_and_again_comes_back_more_slowly(run_project, serving):
    with serving(run_project) as address:
        for _ in range(4):
            (worker,) = workers(run_project)
            worker.kill()
            assert answered(address).status_code == 200
    said = (run_project.root / "serve.log").read_text()
    pauses = [line.partition("another starts ")[2] for line in said.splitlines()]
    assert [pause for pause in pauses if pause] == ["now", "in 0.5 s", "in 1 s", "in 2 s"], said


@pytest.mark.parametrize("place", ["a-file", "a-file/below", "/proc/none"])
def test_a_log_folder_that_cannot_be_written_stops_the_start(run_project, place):
    run_project.write("a-file", "")
    folder = str(run_project.root / place)
    ended = run_project.spawn("serve", "tiny", "--port", "0", TAGSHIP_LOG_DIR=folder)
    assert ended.code == 1
    assert f"error: TAGSHIP_LOG_DIR: {folder} cannot be written" in ended.err
    assert "Traceback" not in ended.err


def test_after_sigterm_new_connections_are_answered_and_then_refused(run_project, serving):
    """None is reset: a reset, or an end without an answer, is another exception than a refusal."""
    with serving(run_project) as address:
        host, port = address.removeprefix("http://").split(":")
        supervisor(run_project).send_signal(signal.SIGTERM)
        found = []
        while True:
            connection = http.client.HTTPConnection(host, int(port), timeout=60)
            try:
                connection.connect()
            except ConnectionRefusedError:
                break
            with contextlib.closing(connection):
                connection.request("POST", "/predict", json.dumps(RECORD))
                answer = connection.getresponse()
                found.append((answer.status, answer.headers["connection"]))
            ready = http.client.HTTPConnection(host, int(port), timeout=60)
            with contextlib.closing(ready), contextlib.suppress(ConnectionRefusedError):
                ready.request("GET", "/readyz")
                found.append((ready.getresponse().status, None))
    assert (200, "close") in found
    assert (503, None) in found
    assert found.index((503, None)) < len(found) - found[::-1].index((200, "close"))
    assert {status for status, _ in found} == {200, 503}


def test_a_port_in_use_is_said(run_project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = run_project.spawn("serve", "tiny", "--port", port)
    assert ended.code == 1
    assert f"error: cannot listen on 127.0.0.1:{port}" in ended.err
    assert "Traceback" not in ended.err


def test_sigterm_finishes_what_was_accepted_and_writes_the_log(run_project, serving):
    """A body is half sent when the signal comes; its other half is still answered."""
    body = json.dumps(RECORD).encode()
    with serving(run_project) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 100"), "it waits for the body"
            connection.sendall(body[:10])
            (worker,) = workers(run_project)
            worker.send_signal(signal.SIGTERM)
            time.sleep(0.5)  # the later it is sent, the more is proven
            connection.sendall(body[10:])
            answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    (path,) = (run_project.root / ".tagship/predictions/tiny").glob("predictions-*.jsonl")
    assert json.loads(path.read_text())["request"] == RECORD


def test_a_signal_to_every_process_is_one_signal(run_project, serving):
    """A service manager signals the workers too: the next request of a kept connection is lost
    when a worker takes the supervisor's signal for a second one."""
    with serving(run_project) as address, httpx.Client(timeout=60) as client:
        assert client.post(f"{address}/predict", json=RECORD).status_code == 200
        (worker,) = workers(run_project)
        assert os.getpgid(worker.pid) != os.getpgid(supervisor(run_project).pid)
        worker.send_signal(signal.SIGTERM)
        supervisor(run_project).send_signal(signal.SIGTERM)
        for _ in range(600):  # until the worker has taken its signal
            last = client.post(f"{address}/predict", json=RECORD)
            assert last.status_code == 200
            if last.headers.get("connection") == "close":
                break
            time.sleep(0.1)
    assert last.headers["connection"] == "close"


def test_clients_that_read_no_answer_are_cut_off_and_hold_nothing(run_project, serving):
    rows = [RECORD] * 9_999
    body = json.dumps(rows).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    limits = {"TAGSHIP_MAX_CONCURRENCY": "2", "TAGSHIP_REQUEST_TIMEOUT": "2"}

    def flood(connection):
        with contextlib.suppress(OSError):
            connection.sendall((head.encode() + body) * 40)

    with serving(run_project, **limits) as address, contextlib.ExitStack() as opened:
        where = address.removeprefix("http://").split(":")
        for _ in range(2):
            connection = opened.enter_context(socket.create_connection((where[0], int(where[1]))))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            threading.Thread(target=flood, args=(connection,), daemon=True).start()
        found = []
        for _ in range(1800):
            with contextlib.suppress(httpx.HTTPError):
                found.append(httpx.post(f"{address}/predict", json=RECORD, timeout=5).status_code)
            if found[-3:] == [200] * 3:
                break
            time.sleep(0.1)
        assert found[-3:] == [200] * 3
        (worker,) = workers(run_project)
        supervisor(run_project).send_signal(signal.SIGTERM)
        worker.wait(120)  # while the two are still there


def test_a_setting_that_cannot_be_used_stops_the_start(run_project):
    done = subprocess.run(
        [sys.executable, "-m", "tagship", "serve", "tiny", "--port", "0"],
        cwd=run_project.root,
        env={**os.environ, "TAGSHIP_MAX_ROWS": "none"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "error: TAGSHIP_MAX_ROWS is 'none'" in done.stderr
    assert "Traceback" not in done.stderr


def test_tracing_sends_spans_of_each_request(run_project, serving):
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        tracing = {
            "TAGSHIP_TRACING": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with serving(run_project, **tracing) as address:
            assert httpx.post(f"{address}/predict", json=RECORD).status_code == 200
            for _ in range(600):
                if any(b"/predict" in body for body in received):
                    break
                time.sleep(0.1)
        collector.shutdown()
    assert any(b"/predict" in body and b"tiny" in body for body in received)


def test_schemathesis_finds_no_server_error(served, tmp_path):
    """Its own requests from the service's OpenAPI document: right, wrong and absurd ones."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served[0]}/docs.json"]
    command += ["--include-path", "/predict", "--checks", "not_a_server_error"]
    command += ["--max-examples", "60", "--seed", "7", "--mode", "all", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "Test cases:" in done.stdout, done.stdout[-3000:]
    assert httpx.post(f"{served[0]}/predict", json=RECORD).status_code == 200
