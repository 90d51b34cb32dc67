"""Starting a server of the forest on one core, and reading what it costs."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from forest import NAME
from load import Plan, Reading
from measure import HERE, PEERS, QUIET, TAGSHIP

SERVER_CORE, LOAD_CORE = 1, 0
_START_SECONDS = 120


Records = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Form:
    """A way of asking: where, with what, and how P(positive class) of each row is read."""

    path: str
    ask: Callable[[Records], Any]
    read: Callable[[Any], list[float]]


@dataclass(frozen=True)
class Kind:
    """One way of serving the forest, and how it is spoken to."""

    name: str
    command: Sequence[str]
    """``{port}`` and ``{folder}`` are filled in."""
    ready: str
    forms: Mapping[str, Form]
    """``one`` record, ``records`` and, where a peer has such a thing, ``columns``."""


def _as_columns(records: Records) -> dict[str, list[Any]]:
    return {name: [record[name] for record in records] for name in records[0]}


def _as_split(records: Records) -> dict[str, Any]:
    return {"columns": list(records[0]), "data": [list(record.values()) for record in records]}


def _read_one(answer: Any) -> list[float]:
    return [answer["probability"]]


def _read_many(answer: Any) -> list[float]:
    return [row["probability"] for row in answer["predictions"]]


def _fastapi(app: str, *, columns: bool) -> Kind:
    command = [sys.executable, "-m", "uvicorn", f"{app}:app", "--app-dir", str(PEERS)]
    command += ["--port", "{port}", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    forms = {
        "one": Form("/predict", lambda records: records[0], _read_one),
        "records": Form("/predict_many", lambda records: records, _read_many),
    }
    if columns:
        forms["columns"] = Form("/predict_columns", _as_columns, _read_many)
    name = app.replace("serve", "fastapi")
    return Kind(name, [*command, "--log-level", "warning"], "/readyz", forms)


def _ours() -> Kind:
    forms = {
        "one": Form("/predict", lambda records: records[0], _read_one),
        "records": Form("/predict", lambda records: records, _read_many),
    }
    return Kind("ours", [TAGSHIP, "serve", NAME, "--port", "{port}"], "/readyz", forms)


def _mlflow() -> Kind:
    def read(answer: Any) -> list[float]:
        return [row[1] for row in answer["predictions"]]

    records = Form("/invocations", lambda records: {"dataframe_records": records}, read)
    split = Form("/invocations", lambda records: {"dataframe_split": _as_split(records)}, read)
    command = [str(_BIN / "mlflow"), "models", "serve", "--env-manager", "local", "--workers", "1"]
    command += ["--model-uri", "{folder}/peer/mlflow", "--port", "{port}"]
    return Kind("mlflow", command, "/ping", {"one": records, "records": records, "columns": split})


def _bentoml() -> Kind:
    command = [sys.executable, "-m", "bentoml", "serve", "serve_bentoml:Forest"]
    command += ["--working-dir", str(PEERS), "--port", "{port}"]
    records = Form("/predict", lambda records: {"rows": records}, lambda answer: answer)
    columns = Form("/predict", lambda rows: {"rows": _as_columns(rows)}, lambda answer: answer)
    forms = {"one": records, "records": records, "columns": columns}
    return Kind("bentoml_plain", command, "/readyz", forms)


_BIN = Path(sys.executable).parent
_PATH = f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"  # where mlflow looks for uvicorn
KINDS = {
    kind.name: kind
    for kind in (
        _ours(),
        _fastapi("serve_onnx", columns=False),
        _fastapi("serve_pandas", columns=True),
        _mlflow(),
        _bentoml(),
    )
}


@dataclass(frozen=True)
class Server:
    """A running server."""

    kind: Kind
    port: int
    process: psutil.Process
    ready_seconds: float
    log: Path

    def ask(self, form: str, records: Records) -> list[float]:
        """The probabilities of some records; exits where there is no 200."""
        spoken = self.kind.forms[form]
        status, answer = self.post(spoken.path, spoken.ask(records))
        if status != 200:
            sys.exit(f"{self.kind.name}: {status} {answer}")
        return spoken.read(answer)

    def post(self, path: str, content: Any) -> tuple[int, Any]:
        """Status and JSON of one POST on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(content), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def processes(self) -> list[psutil.Process]:
        """The server's first process and all below it."""
        return [self.process, *self.process.children(recursive=True)]

    def resident_mb(self) -> tuple[float, float]:
        """Resident size of the process that has worked most, and of all of them, in MB."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
                times = process.cpu_times()
                found.append((times.user + times.system, process.memory_info().rss / 1e6))
        return max(found)[1], sum(size for _, size in found)

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


def pin(process: subprocess.Popen[Any], core: int) -> None:
    """Keep a new child to one core, where the system can and there is more than one."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(process.pid, {core})


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(
    kind: Kind, folder: Path, extra: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[Server]:
    """Run a server until the block ends; it is ready when its own readiness route says so."""
    port = port or free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment |= QUIET | {"PEER_FOLDER": str(folder), "PATH": _PATH} | dict(extra or {})
    with tempfile.TemporaryDirectory(prefix="tagship-bench-server-") as own:
        environment.setdefault("BENTOML_HOME", own)
        log = Path(own) / "server.log"
        command = [part.format(port=port, folder=folder) for part in kind.command]
        began = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
            )
        pin(process, SERVER_CORE)
        try:
            _wait(process, port, kind.ready, log)
            seconds = time.perf_counter() - began
            yield Server(kind, port, psutil.Process(process.pid), seconds, log)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and whatever it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in psutil.wait_procs(below, timeout=10)[1]:
            child.kill()


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    return
        if process.poll() is not None or time.monotonic() > end:
            text = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            sys.exit(f"{process.args} did not get ready:\n{text}")
        time.sleep(0.01)


def load(plan: Plan, meanwhile: Callable[[], object] = lambda: None) -> Reading:
    """Run a plan in a process of its own on the load's core; ``meanwhile`` is called now and then.

    What it calls should cost little: it shares the load's core.
    """
    process = subprocess.Popen(
        [sys.executable, str(HERE / "load.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pin(process, LOAD_CORE)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)))
    process.stdin.close()
    process.stdin = None
    while True:
        try:
            text, _ = process.communicate(timeout=1)
            break
        except subprocess.TimeoutExpired:
            meanwhile()
    if process.returncode:
        sys.exit(f"load.py exited {process.returncode}")
    return Reading(**json.loads(text))
