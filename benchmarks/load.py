"""A closed-loop HTTP/1.1 load generator: one thread, keep-alive connections, one request each.

Each connection sends its next request as soon as the answer before it is complete, with bodies in
rotation. Two readings are taken of one load: *warm*, what began after the warm-up, and *storm*,
everything since all connections were opened at once, the first requests timed from their connect.

As a program it reads a ``Plan`` as JSON from standard input and writes a ``Reading`` as JSON, so
that it can be a process on a core of its own. Standard library only.
"""

import errno
import gc
import json
import re
import resource
import selectors
import socket
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *\d", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_DRAIN_SECONDS = 30.0
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Plan:
    """One load on one address."""

    ports: Sequence[int]
    """Of 127.0.0.1; each new connection takes the next one."""
    path: str
    bodies: Sequence[str]
    connections: int
    seconds: float
    warm_seconds: float = 1.0
    retry_refused: bool = False
    """Connect again after a refusal, to the next port, instead of counting an error."""


@dataclass
class Reading:
    """What a load found; times in milliseconds."""

    seconds: float = 0.0
    answered: int = 0
    """Complete 2xx answers to requests that ended within the measured seconds."""
    per_second: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    worst: float = 0.0
    storm_p99: float = 0.0
    shed_p99: float = 0.0
    """Of the answers with 503."""
    without_retry_after: int = 0
    """Answers with 503 that do not say when to come back."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Every answer since the first connection, by status."""
    errors: dict[str, int] = field(default_factory=dict)
    """Requests without a complete answer since the first connection, by what happened."""
    sent: int = 0
    busy: float = 0.0
    """The generator's own share of its core: far below 1, or it measures itself."""


class _Connection:
    """One socket and the request that is on its way through it."""

    __slots__ = ("began", "buffer", "need", "out", "sock")

    def __init__(self, port: int) -> None:
        self.began = perf_counter()
        self.out = b""
        self.buffer = b""
        self.need = 0
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex(("127.0.0.1", port))


class Load:
    """The loop over all connections of one plan.

    ``ports`` may be changed meanwhile, from another thread: new connections follow it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ports = tuple(plan.ports)
        self.opened = 0
        self._requests = [_request(plan, body) for body in plan.bodies]
        self._next = 0
        self._selector = selectors.DefaultSelector()
        self._open = 0
        self._sending = True
        self._later: list[float] = []
        self._ended = False
        self.sent = 0
        self.ended = array("d")
        self.took = array("d")
        self.shed = array("d")
        self.without_retry_after = 0
        self.statuses: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def run(self) -> Reading:
        """Drive the load to its end."""
        started = perf_counter()
        for _ in range(self.plan.connections):
            self._connect()
        warm = started + self.plan.warm_seconds
        end = warm + self.plan.seconds
        worked = _cpu_seconds()
        while (now := perf_counter()) < end and not self._ended:
            while self._later and self._later[0] <= now:
                self._later.pop(0)
                self._connect()
            self._turn(0.02)
        end = min(end, perf_counter())
        busy = (_cpu_seconds() - worked) / (perf_counter() - started)
        self._drain()
        return self._reading(warm, end, busy)

    def end(self) -> None:
        """End before the plan's time, from another thread."""
        self._ended = True

    def _connect(self) -> None:
        ports = self.ports
        connection = _Connection(ports[self.opened % len(ports)])
        self.opened += 1
        self._open += 1
        self._selector.register(connection.sock, selectors.EVENT_WRITE, connection)

    def _turn(self, timeout: float) -> None:
        for key, events in self._selector.select(timeout):
            if events & selectors.EVENT_WRITE:
                self._write(key.data)
            else:
                self._read(key.data)

    def _write(self, connection: _Connection) -> None:
        """The connect has ended, or there is room for the rest of a request."""
        if not connection.out:
            error = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error == errno.ECONNREFUSED and self.plan.retry_refused:
                self._forget(connection, 0.1)
                return
            if error:
                self._failed(connection, "refused")
                return
            self._begin(connection, connection.began)
        else:
            self._send(connection)

    def _begin(self, connection: _Connection, began: float) -> None:
        connection.out = self._requests[self._next]
        self._next = (self._next + 1) % len(self._requests)
        connection.began = began
        connection.buffer = b""
        connection.need = 0
        self.sent += 1
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        try:
            done = connection.sock.send(connection.out)
        except BlockingIOError:
            done = 0
        except OSError as error:
            self._failed(connection, f"send: {type(error).__name__}")
            return
        key = self._selector.get_key(connection.sock)
        if done == len(connection.out):
            connection.out = b""
            if key.events != selectors.EVENT_READ:
                self._selector.modify(connection.sock, selectors.EVENT_READ, connection)
        else:
            connection.out = connection.out[done:]
            if key.events != selectors.EVENT_WRITE:
                self._selector.modify(connection.sock, selectors.EVENT_WRITE, connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(connection, f"receive: {type(error).__name__}")
            return
        if not data:
            self._failed(connection, "cut" if connection.buffer else "closed")
            return
        connection.buffer = buffer = connection.buffer + data if connection.buffer else data
        if not connection.need:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(buffer, 0, head)
            connection.need = head + 4 + (int(length[1]) if length else 0)
        if len(buffer) < connection.need:
            return
        now = perf_counter()
        status = buffer[9:12]
        self.statuses[status] += 1
        if status[0] == 50:  # b"2"
            self.ended.append(now)
            self.took.append(now - connection.began)
        elif status == b"503":
            self.shed.append(now - connection.began)
            self.without_retry_after += not _RETRY_AFTER.search(buffer, 0, connection.need)
        if not self._sending:
            self._forget(connection, None)
        elif _CLOSES.search(buffer, 0, connection.need):
            self._forget(connection, 0.0)
        else:
            self._begin(connection, now)

    def _failed(self, connection: _Connection, what: str) -> None:
        self.errors[what] += 1
        self._forget(connection, 0.1 if self._sending else None)

    def _forget(self, connection: _Connection, again: float | None) -> None:
        """Close a connection, and open another after ``again`` seconds."""
        self._selector.unregister(connection.sock)
        connection.sock.close()
        self._open -= 1
        if again is not None and self._sending:
            self._later.append(perf_counter() + again)
            self._later.sort()

    def _drain(self) -> None:
        """Send nothing new, and wait for the answers that are due."""
        self._sending = False
        end = perf_counter() + _DRAIN_SECONDS
        while self._open and perf_counter() < end:
            self._turn(0.1)
        self.errors["no answer"] += self._open
        for key in list(self._selector.get_map().values()):
            self._forget(key.data, None)
        self._selector.close()

    def _reading(self, warm: float, end: float, busy: float) -> Reading:
        pairs = list(zip(self.ended, self.took, strict=True))
        times = sorted(took for ended, took in pairs if ended - took >= warm and ended <= end)
        done = sum(1 for ended, _ in pairs if warm <= ended <= end)
        return Reading(
            seconds=end - warm,
            answered=done,
            per_second=done / max(end - warm, 1e-9),
            p50=_percentile(times, 0.50),
            p99=_percentile(times, 0.99),
            worst=_percentile(times, 1.0),
            storm_p99=_percentile(sorted(self.took), 0.99),
            shed_p99=_percentile(sorted(self.shed), 0.99),
            without_retry_after=self.without_retry_after,
            statuses={status.decode(): count for status, count in sorted(self.statuses.items())},
            errors={what: count for what, count in sorted(self.errors.items()) if count},
            sent=self.sent,
            busy=busy,
        )


def _request(plan: Plan, body: str) -> bytes:
    content = body.encode()
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _percentile(ascending: Sequence[float], share: float) -> float:
    """The nearest-rank percentile, in milliseconds; 0 of nothing."""
    if not ascending:
        return 0.0
    return 1000 * ascending[min(len(ascending) - 1, int(share * len(ascending)))]


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    gc.disable()
    print(json.dumps(asdict(Load(Plan(**json.load(sys.stdin))).run())))
