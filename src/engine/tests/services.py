"""A real `tagship serve` over HTTP."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import httpx


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_answer(process, url, log):
    """Wait until a process that was started answers with 200; what it said is told if it ends."""
    for _ in range(1800):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@contextlib.contextmanager
def serve(project, model="tiny", workers=1, **variables):
    """The address of a model's service; the process ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "tagship", "serve", model, "--port", str(port)]
    command += ["--workers", str(workers)]
    log = project.root / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=project.root, env={**os.environ, **variables}, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(process, f"{address}/readyz", log)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
