"""``python -m tagship.serving.server BENTO``: load a bento once, then fork what answers.

The supervisor loads the service, and its workers share what was loaded: a worker that died is back
at once. What answers is ``Service.to_asgi()`` on uvicorn, as ``bentoml serve`` would; Linux only.
"""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import math
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from tagship.errors import TagshipError
from tagship.serving.application import make_application
from tagship.serving.artifact_record import load_checked
from tagship.serving.draining import stop_listening, take_connections
from tagship.serving.settings import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_BACKLOG = 2048
_CONNECTIONS = 8
"""For each of ``max_concurrency``: those that wait between requests are many more."""
_LAST_SECONDS = 1.0
"""After it stops listening, how long a worker waits for connections that came just before."""
_QUICK_SECONDS, _MOST_PAUSE, _MOST_FAILURES = 10.0, 8.0, 5
"""A worker that lived shorter is replaced after a pause; this many in a row that never got ready
end the server."""
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit code 1 when the bento cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m tagship.serving.server")
    parser.add_argument("bento", help="folder of the bento")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.workers < 1:
        parser.error(f"--workers is {arguments.workers}; one is the least")
    try:
        _check_system()
        settings = Settings.from_environment()
        listener = _bound(arguments.host, arguments.port, settings.request_timeout)
    except TagshipError as error:
        raise SystemExit(f"error: {error}") from None
    except (OSError, OverflowError) as error:
        raise SystemExit(
            f"error: cannot listen on {arguments.host}:{arguments.port}: {error}"
        ) from None
    for number in _SIGNALS:  # process 1 of a container has no default for them
        signal.signal(number, lambda *_: sys.exit(0))
    with _metrics_folder():
        gc.disable()  # what is loaded now stays: nothing to collect
        bento = Path(arguments.bento).resolve()
        app = make_application(bento, settings)
        gc.freeze()
        artifact = bento / "src" / "artifact"
        connections = _most_connections(_CONNECTIONS * settings.max_concurrency)
        supervisor = Supervisor(app, artifact, listener, settings.request_timeout, connections)
        raise SystemExit(supervisor.run(arguments.workers))


def _check_system() -> None:
    """Refuse a system that has no fork, no TCP_USER_TIMEOUT and no prctl.

    Raises:
        TagshipError: it is not Linux.
    """
    if sys.platform != "linux":
        raise TagshipError(
            f"this server forks its workers, which needs Linux; here is {sys.platform}",
            "run `tagship serve`, which chooses `bentoml serve` here",
        )


def _bound(host: str, port: int, seconds: float) -> socket.socket:
    """A socket that has the address and does not listen yet: until then clients are refused.

    A client that takes no byte of its answer for ``seconds`` is cut off by the kernel.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, math.ceil(seconds * 1000))
    listener.bind((host, port))
    return listener


def _most_connections(limit: int) -> int:
    """As many as wanted, or as three quarters of the files that a process here may open: one that
    opens no more answers no probe."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limit * 4 // 3
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return limit if soft == resource.RLIM_INFINITY else min(limit, soft * 3 // 4)


@contextlib.contextmanager
def _metrics_folder() -> Iterator[None]:
    """Where the workers' metrics are added up; prometheus_client reads the variable once."""
    folder = tempfile.mkdtemp(prefix="tagship-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Supervisor:
    """Starts workers, replaces one that dies, and ends them all."""

    def __init__(
        self,
        app: Any,
        artifact: Path,
        listener: socket.socket,
        patience: float,
        connections: int,
    ) -> None:
        """``listener`` is bound and not listening; ``patience`` are a last request's seconds;
        ``connections`` are what one worker may have."""
        self._app, self._artifact = app, artifact
        self._listener, self._patience = listener, patience
        self._connections = connections
        self._workers: dict[int, tuple[int, float]] = {}
        """Index of each worker by process id, and when it began."""
        self._ending = False
        self._ready: set[int] = set()
        self._said, self._says = os.pipe()
        """A worker that listens writes its process id."""
        os.set_blocking(self._said, False)

    def run(self, workers: int) -> int:
        """Keep that many workers until a signal comes; the exit code.

        A worker that dies is replaced, after a pause that doubles while replacements die early.
        The first that dies before any was ready, and the fifth in a row that never gets ready, ends
        the server: the next would die too.
        """
        for number in _SIGNALS:
            signal.signal(number, self._end)
        for index in range(1, workers + 1):
            self._start(index)
        quick = failures = 0
        was_ready = False
        while self._workers:
            pid, status = os.wait()
            index, began = self._workers.pop(pid)
            self._forget(pid)
            if self._ending:
                continue
            self._read_ready()
            failures = 0 if pid in self._ready else failures + 1
            was_ready = was_ready or bool(self._ready)
            self._ready.discard(pid)
            if failures and (not was_ready or failures >= _MOST_FAILURES):
                return self._give_up(failures)
            lived = time.monotonic() - began
            quick = quick + 1 if lived < _QUICK_SECONDS else 0
            pause = min(_MOST_PAUSE, 0.5 * 2 ** (quick - 2)) if quick > 1 or failures else 0.0
            code = os.waitstatus_to_exitcode(status)
            when = f"in {pause:g} s" if pause else "now"
            message = f"worker {pid} ended ({code}); another starts {when}"
            print(message, file=sys.stderr, flush=True)
            self._start(index, pause)
        return 0

    def _give_up(self, failures: int) -> int:
        many = f"{failures} workers in a row ended before they were ready"
        error = "the worker ended before it was ready" if failures == 1 else many
        print(f"error: {error}", file=sys.stderr)
        self._end(signal.SIGTERM, None)
        for worker in self._workers:
            os.waitpid(worker, 0)
        return 1

    def _read_ready(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._ready.update(map(int, os.read(self._said, 65536).split()))

    @staticmethod
    def _forget(pid: int) -> None:
        """Take a dead worker's gauges out of the metrics; its counters stay."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]

    def _end(self, number: int, _: FrameType | None) -> None:
        self._ending = True
        self._listener.close()  # once the workers close theirs too, clients are refused, not kept
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _start(self, index: int, pause: float = 0) -> None:
        """Fork a worker, which may have to pause first; no signal comes before it is known here."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        if self._ending:  # the signal came meanwhile: a worker that starts now would outlive it
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        supervisor = os.getpid()
        pid = os.fork()
        if pid:
            self._workers[pid] = (index, time.monotonic() + pause)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        code = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.setpgid(0, 0)  # Ctrl-C and the like come once: through the supervisor
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            time.sleep(pause)
            if os.getppid() == supervisor:
                code = self._work(index)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except Exception:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _work(self, index: int) -> int:
        """Answer until told to stop; an artifact that changed since the start is refused."""
        try:
            load_checked(self._artifact)
        except TagshipError as error:
            raise SystemExit(f"error: {error}") from None
        from bentoml import server_context
        from uvicorn.config import Config
        from uvicorn.server import Server

        from tagship.serving.protocol import Connection

        says = self._says

        class Worker(Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if not self.should_exit:
                    os.write(says, f"{os.getpid()} ".encode())

            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                await stop_listening(self.servers, sockets or [])
                end = time.monotonic() + _LAST_SECONDS
                while self.server_state.connections and time.monotonic() < end:
                    await asyncio.sleep(0.02)
                await super().shutdown(sockets)

        gc.enable()
        take_connections(self._listener)
        server_context.worker_index = index
        Connection.head_seconds = self._patience
        Connection.most = self._connections
        config = Config(
            self._app,
            http=Connection,
            # Whom X-Forwarded-For is believed, uvicorn reads from this variable; nobody without it.
            proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
            backlog=_BACKLOG,
            log_config=None,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=math.ceil(self._patience),
        )
        server = Worker(config)
        server.run(sockets=[self._listener])
        return 0 if server.started else 3


if __name__ == "__main__":
    main()
