"""The service under full load for long, restarted in the middle of it, and under too much of it."""

import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from forest import packed_forest, read_records
from load import Load, Plan, Reading
from measure import Figure, Options, command_line, parse_parts, save
from servers import KINDS, Server, free_port, load, started

OURS = KINDS["ours"]
ONE = OURS.forms["one"]
GROWTH, CONNECTIONS = 0.05, 64
MOST, OFFERED, SLOW, SLOW_SECONDS = 32, 256, 8, 2
"""Shedding: requests at once that are taken, connections, slow clients, and their patience."""
ACCEPTED_P99_MS, SHED_P99_MS = 100, 100


@dataclass(frozen=True)
class Given(Options):
    """How this benchmark is to run."""

    parts: tuple[str, ...]
    seconds: float
    project: Path | None


@dataclass(frozen=True)
class Sample:
    """What one part found."""

    reading: Reading
    notes: Mapping[str, Any]


def lost(reading: Reading) -> int:
    """Requests that were sent and got no complete answer, or one of 500 and above but 503."""
    broken = sum(n for s, n in reading.statuses.items() if s[0] not in "24" and s != "503")
    return broken + sum(reading.errors.values())


def soak(folder: Path, bodies: list[str], given: Given) -> tuple[Sample, list[Figure]]:
    """Full load; the worker's memory, read every second, must not grow once it is warm."""
    sizes: list[float] = []
    with started(OURS, folder) as server:
        plan = Plan([server.port], ONE.path, bodies, CONNECTIONS, given.seconds)
        reading = load(plan, lambda: sizes.append(server.resident_mb()[0]))
        sizes.append(server.resident_mb()[0])
    tenth = max(1, len(sizes) // 10)
    before, after = median(sizes[tenth : 2 * tenth] or sizes), median(sizes[-tenth:])
    answered = sum(n for status, n in reading.statuses.items() if status[0] == "2")
    failed = reading.sent - answered
    return Sample(reading, {"worker MB": sizes}), [
        _bound("soak: worker's memory, second tenth and last", after, before, "MB", 1 + GROWTH),
        _none("soak: requests without a 2xx answer", failed, f"of {reading.sent:,}"),
        Figure("soak: requests/s", f"{reading.per_second:,.0f}", "", None, "", None),
        Figure("soak: p99", f"{reading.p99:.1f} ms", "", None, "", None),
    ]


def restart(folder: Path, bodies: list[str], given: Given) -> tuple[Sample, list[Figure]]:
    """Two instances, each restarted in turn under load, as a rolling update does it.

    New connections leave the instance, then it gets SIGTERM with its old connections still busy.
    A client tries again only where a connection is refused.
    """
    ports = [free_port(), free_port()]
    stops: list[float] = []
    with ExitStack() as running:
        servers = [running.enter_context(started(OURS, folder, port=port)) for port in ports]
        driven = Load(Plan(ports, ONE.path, bodies, 16, 3600, retry_refused=True))
        reading = Reading()

        def drive() -> None:
            nonlocal reading
            reading = driven.run()

        thread = threading.Thread(target=drive)
        thread.start()
        try:
            time.sleep(2)
            for server in servers:
                driven.ports = tuple(port for port in ports if port != server.port)
                time.sleep(1)
                began = time.perf_counter()
                server.process.send_signal(signal.SIGTERM)
                server.process.wait(60)
                stops.append(time.perf_counter() - began)
                running.enter_context(started(OURS, folder, port=server.port))
                driven.ports = tuple(ports)
                time.sleep(1)
        finally:
            driven.end()
            thread.join()
    return Sample(reading, {"seconds from SIGTERM to the end": stops}), [
        _none("restart: requests without an answer", lost(reading), f"of {reading.sent:,}"),
        Figure("restart: SIGTERM to the end", f"{max(stops):.1f} s", "", None, "", None),
        Figure("restart: p99 meanwhile", f"{reading.p99:.0f} ms", "", None, "", None),
    ]


def shedding(folder: Path, bodies: list[str], given: Given) -> tuple[Sample, list[Figure]]:
    """Far more connections than are taken, and slow clients that never finish their request."""
    seconds = min(given.seconds, 10)
    readings = []
    for most in (MOST, 100_000):
        limits = {
            "TAGSHIP_MAX_CONCURRENCY": str(most),
            "TAGSHIP_REQUEST_TIMEOUT": str(SLOW_SECONDS),
        }
        with started(OURS, folder, limits) as server:
            slow = [_slow_client(server, bodies[0]) for _ in range(SLOW)]
            readings.append(load(Plan([server.port], ONE.path, bodies, OFFERED, seconds)))
            said = [_status(client) for client in slow]
            alive, _ = server.post(ONE.path, json.loads(bodies[0]))
    shed, unlimited = readings
    found = [
        _bound_ms("shedding: p99 of accepted requests", shed.p99, unlimited.p99, ACCEPTED_P99_MS),
        _bound_ms("shedding: p99 of requests shed with 503", shed.shed_p99, None, SHED_P99_MS),
        _none("shedding: 503 without Retry-After", shed.without_retry_after, ""),
        _none("shedding: requests without an answer", lost(shed), f"of {shed.sent:,}"),
    ]
    share = shed.statuses.get("503", 0) / max(1, sum(shed.statuses.values()))
    kept = 0 < share < 1
    found.append(Figure("shedding: share that is shed", f"{share:.0%}", "", None, "some", kept))
    # 503 where they gave way to others before their time was over
    what = f"shedding: {SLOW} slow clients told 408 or 503, then a good request answered"
    kept = set(said) <= {"408", "503"} and alive == 200
    found.append(Figure(what, f"{' '.join(sorted(set(said)))}, {alive}", "", None, "", kept))
    return Sample(shed, {"unlimited": unlimited.p99, "slow clients": said}), found


def _slow_client(server: Server, body: str) -> socket.socket:
    """A client that has sent half of its body, and sends no more."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = f"POST {ONE.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body[: len(body) // 2]}".encode())
    return client


def _status(client: socket.socket) -> str:
    with client:
        try:
            return client.recv(65536)[9:12].decode() or "closed"
        except OSError as error:
            return type(error).__name__


def _bound(what: str, ours: float, before: float, unit: str, most: float) -> Figure:
    ratio = ours / before
    shown = (f"{ours:.1f} {unit}", f"{before:.1f} {unit}")
    return Figure(what, *shown, ratio, f"<= {most:g} x", ratio <= most)


def _bound_ms(what: str, ours: float, other: float | None, most: float) -> Figure:
    peer = "" if other is None else f"{other:.1f} ms unlimited"
    ratio = ours / other if other else None
    return Figure(what, f"{ours:.1f} ms", peer, ratio, f"<= {most} ms", ours <= most)


def _none(what: str, count: int, of: str) -> Figure:
    return Figure(what, f"{count}", of, None, "none", count == 0)


PARTS: dict[str, Callable[[Path, list[str], Given], tuple[Sample, list[Figure]]]] = {
    "soak": soak,
    "restart": restart,
    "shedding": shedding,
}


def read_options() -> Given:
    """The command line."""
    parser = command_line(__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="of the soak")
    parser.add_argument("--project", type=Path, help="keep the project here; later, only pack it")
    given = parse_parts(parser, PARTS)
    seconds = 2.0 if given.quick else given.seconds
    return Given(given.quick, given.results, given.parts, seconds, given.project)


def main() -> None:
    given = read_options()
    figures: list[Figure] = []
    samples = {}
    with packed_forest(given.quick, given.project) as folder:
        bodies = [json.dumps(ONE.ask([record])) for record in read_records(folder, 256)]
        for part in given.parts:
            print(f"{part} …", file=sys.stderr, flush=True)
            sample, found = PARTS[part](folder, bodies, given)
            samples[part] = [sample]
            figures += found
    save("soak", given, figures, samples)


if __name__ == "__main__":
    main()
