"""``python -m tagship.serving.server BENTO``: load a bento once, then fork what answers.

``bentoml serve`` loads a bento in its supervisor and again in every worker. Here the supervisor
loads it and its workers share what was loaded: ready in a third of the time, and a worker that
died is back at once. What answers is BentoML's own application on the server it would use; Linux
only.
"""

import argparse
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
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from tagship.errors import TagshipError
from tagship.serving.settings import Settings
from tagship.serving.unused import leave_out

_NEEDED = (
    "_bentoml_impl.server.app",
    "onnxruntime",
    "prometheus_client.multiprocess",
    "uvicorn.server",
)
"""What a worker imports late, were it not there already."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_BACKLOG = 2048
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit code 1 when the bento cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m tagship.serving.server")
    parser.add_argument("bento", help="folder of the bento")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    if given.workers < 1:
        parser.error(f"--workers is {given.workers}; one is the least")
    try:
        _check_system()
        settings = Settings.from_environment()
        listener = _bound(given.host, given.port, settings.request_timeout)
    except TagshipError as error:
        raise SystemExit(f"error: {error}") from None
    except (OSError, OverflowError) as error:
        raise SystemExit(f"error: cannot listen on {given.host}:{given.port}: {error}") from None
    for number in _SIGNALS:  # process 1 of a container has no default for them
        signal.signal(number, lambda *_: sys.exit(0))
    with _metrics_folder():
        gc.disable()  # nothing that is being loaded is garbage
        service = _loaded(given.bento, settings)
        gc.freeze()
        supervisor = Supervisor(service, listener, settings.request_timeout)
        raise SystemExit(supervisor.run(given.workers))


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


@contextlib.contextmanager
def _metrics_folder() -> Iterator[None]:
    """Where the workers' metrics are added up; prometheus_client reads the variable once."""
    folder = tempfile.mkdtemp(prefix="tagship-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _loaded(bento: str, settings: Settings) -> Any:
    """The bento's service with everything imported that a worker needs, and nothing started."""
    leave_out(tracing=settings.tracing)
    for name in _NEEDED:
        import_module(name)
    from bentoml._internal.context import server_context
    from bentoml._internal.log import configure_server_logging
    from bentoml._internal.service.loader import load

    configure_server_logging()  # type: ignore[no-untyped-call]
    service: Any = load(str(Path(bento).resolve()), standalone_load=True)
    server_context.service_type = "entry_service"
    server_context.service_name = service.name
    server_context.service_routes = [api.route for api in service.apis.values()]
    server_context.bento_name = service.bento.tag.name
    server_context.bento_version = service.bento.tag.version
    return service


class Supervisor:
    """Starts workers, replaces one that dies, and ends them all."""

    def __init__(self, service: Any, listener: socket.socket, patience: float) -> None:
        """``listener`` is bound and not listening; ``patience`` are a last request's seconds."""
        self._service, self._listener, self._patience = service, listener, patience
        self._workers: dict[int, int] = {}
        """Index of each worker by process id."""
        self._ending = False
        self._started, self._starts = os.pipe()
        """A worker that listens writes a byte."""
        os.set_blocking(self._started, False)

    def run(self, workers: int) -> int:
        """Keep that many workers until a signal comes; the exit code.

        A worker that dies before any was ready would die again: then the server ends.
        """
        for number in _SIGNALS:
            signal.signal(number, self._end)
        for index in range(1, workers + 1):
            self._start(index)
        was_ready = False
        while self._workers:
            pid, status = os.wait()
            index = self._workers.pop(pid)
            self._forget(pid)
            if self._ending:
                continue
            was_ready = was_ready or self._any_ready()
            if not was_ready:
                print("error: the worker ended before it was ready", file=sys.stderr)
                self._end(signal.SIGTERM, None)
                for other in self._workers:
                    os.waitpid(other, 0)
                return 1
            code = os.waitstatus_to_exitcode(status)
            print(f"worker {pid} ended ({code}); starting another", file=sys.stderr, flush=True)
            self._start(index)
        return 0

    def _any_ready(self) -> bool:
        try:
            return bool(os.read(self._started, 1))
        except BlockingIOError:
            return False

    @staticmethod
    def _forget(pid: int) -> None:
        """Take a dead worker's gauges out of the metrics; its counters stay."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]

    def _end(self, number: int, _: FrameType | None) -> None:
        self._ending = True
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _start(self, index: int) -> None:
        """Fork a worker; no signal comes between the fork and its being known here."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        if self._ending:  # the signal came since the last look: a worker now would outlive it
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        supervisor = os.getpid()
        pid = os.fork()
        if pid:
            self._workers[pid] = index
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        code = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.setpgid(0, 0)  # Ctrl-C and the like come once: through the supervisor
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
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
        """Answer until told to stop."""
        from bentoml._internal.context import server_context
        from uvicorn.config import Config
        from uvicorn.server import Server

        starts = self._starts

        class Announcing(Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if not self.should_exit:
                    os.write(starts, b".")

        gc.enable()
        server_context.worker_index = index
        app = self._service.to_asgi(is_main=True)
        config = Config(
            app,
            backlog=_BACKLOG,
            log_config=None,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=math.ceil(self._patience),
        )
        server = Announcing(config)
        server.run(sockets=[self._listener])
        return 0 if server.started else 3


if __name__ == "__main__":
    main()
