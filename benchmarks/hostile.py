"""What clients that mean harm can do to the service, and to everybody else who asks it.

With ``--engine FOLDER``, the service is packed from another engine (``src/engine`` of an older
checkout), so that two of them can be compared.
"""

import contextlib
import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from forest import NAME, packed_forest, read_records
from measure import TAGSHIP, Figure, Options, command_line, parse_parts, run, save
from servers import KINDS, Server, started

OURS = KINDS["ours"]
SIZES = (49_000, 429_000, 1_090_000, 10_000_000)
LIMIT_MB = 768
"""A pod's memory, as `deploy/base` has it."""
BODY_SECONDS, PROBE_SECONDS = 2.0, 2.0
"""The worst body's time; the probes' delay, beyond which Kubernetes calls the pod not ready."""
MANY, LARGE = 100, 9_900_000
PLACES = 512


@dataclass(frozen=True)
class Given(Options):
    """How this benchmark is to run."""

    parts: tuple[str, ...]
    seconds: float
    patience: float
    project: Path | None
    engine: Path | None


@dataclass
class Watched:
    """A server's memory, its probes, and good requests to it, while something else goes on."""

    server: Server
    good: str
    peak_mb: float = 0.0
    probe_ms: list[float] = field(default_factory=list)
    lost_probes: int = 0
    good_statuses: Counter[str] = field(default_factory=Counter)

    def work(self, ended: threading.Event) -> None:
        """Ask and measure until the end."""
        while not ended.wait(0.05):
            began = time.perf_counter()
            try:
                status = ask(self.server, "/readyz")
            except (OSError, http.client.HTTPException):
                status = 0
            self.lost_probes += status != 200
            self.probe_ms.append(1000 * (time.perf_counter() - began))
            with contextlib.suppress(psutil.Error):
                self.peak_mb = max(self.peak_mb, memory_mb(self.server))
            try:
                self.good_statuses[str(ask(self.server, "/predict", self.good.encode()))] += 1
            except (OSError, http.client.HTTPException) as error:
                self.good_statuses[type(error).__name__] += 1

    def figures(self, what: str) -> list[Figure]:
        """What everybody else noticed."""
        slowest = max(self.probe_ms, default=0.0)
        answered, asked = self.good_statuses["200"], sum(self.good_statuses.values())
        return [
            _bound(f"{what}: slowest probe", slowest, "ms", 1000 * PROBE_SECONDS),
            _bound(f"{what}: probes not answered with 200", self.lost_probes, "", 0),
            _bound(f"{what}: peak memory", self.peak_mb, "MB", LIMIT_MB),
            Figure(
                f"{what}: good requests answered",
                f"{answered} of {asked}",
                "",
                None,
                "all",
                answered == asked,
            ),
        ]


def memory_mb(server: Server) -> float:
    """Memory of all its processes, pages that they share counted once, as a container's limit."""
    return sum(process.memory_full_info().pss for process in server.processes()) / 1e6


@contextlib.contextmanager
def watched(server: Server, good: str) -> Iterator[Watched]:
    """Watch a server until the block ends."""
    found, ended = Watched(server, good), threading.Event()
    thread = threading.Thread(target=found.work, args=(ended,))
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def ask(server: Server, path: str, body: bytes | None = None, timeout: float = 10) -> int:
    """The status of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    with contextlib.closing(connection):
        kind = {"Content-Type": "application/json"} if body is not None else {}
        connection.request("POST" if body is not None else "GET", path, body, kind)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def _each_key_twice(size: int) -> str:
    return "{" + ",".join([f'"k{number:06}":0' for number in range(size // 24)] * 2) + "}"


def _empty_records(size: int) -> str:
    return "[" + ",".join(["{}"] * (size // 3)) + "]"


WORST: Mapping[str, Callable[[int], str]] = {
    "each key twice": _each_key_twice,
    "empty records": _empty_records,
}


def bodies(folder: Path, good: str, given: Given) -> tuple[list[Watched], list[Figure]]:
    """The time of the worst bodies, each size on a server of its own."""
    found, figures = [], []
    for size in SIZES[:2] if given.quick else SIZES:
        for kind, make in WORST.items():
            body = make(size).encode()
            what = f"{size / 1000:,.0f} kB, {kind}"
            with started(OURS, folder) as server, watched(server, good) as seen:
                began = time.perf_counter()
                try:
                    status = str(ask(server, "/predict", body, given.patience))
                except (OSError, http.client.HTTPException) as error:
                    status = type(error).__name__
                seconds = time.perf_counter() - began
                time.sleep(0.3)
            kept = seconds <= BODY_SECONDS
            said = f"{seconds:.2f} s, {status}"
            figures.append(Figure(f"{what}: time", said, "", None, f"<= {BODY_SECONDS:g} s", kept))
            figures.append(seen.figures(what)[0])
            found.append(seen)
    return found, figures


def unfinished(folder: Path, good: str, given: Given) -> tuple[list[Watched], list[Figure]]:
    """Bodies that never end: few large ones, then as many tiny ones as there are places."""
    found, figures = [], []
    many, places = (20, 40) if given.quick else (MANY, PLACES)
    for what, count, sent in (
        (f"{many} unfinished bodies of {LARGE / 1e6:g} MB", many, LARGE),
        (f"{places} unfinished bodies of 10 bytes", places, 10),
    ):
        with (
            started(OURS, folder) as server,
            watched(server, good) as seen,
            contextlib.ExitStack() as opened,
        ):
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {sent + 1}\r\n\r\n"
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
                opened.enter_context(connection)
                with contextlib.suppress(OSError):  # given up meanwhile
                    connection.sendall(head.encode() + b" " * sent)
            time.sleep(min(3.0, given.seconds))
        figures += seen.figures(what)
        found.append(seen)
    return found, figures


def together(folder: Path, good: str, given: Given) -> tuple[list[Watched], list[Figure]]:
    """The worst bodies and the largest good answers, from many clients at once."""
    clients, size = (8, SIZES[0]) if given.quick else (40, SIZES[-1])
    sent = [make(size).encode() for make in WORST.values()]
    sent.append(f"[{','.join([good] * min(10_000, size // len(good)))}]".encode())
    end = 0.0

    def drive(server: Server, number: int) -> None:
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(server, "/predict", sent[number % len(sent)])

    with started(OURS, folder) as server, watched(server, good) as seen:
        end = time.monotonic() + min(20.0, given.seconds)
        threads = [threading.Thread(target=drive, args=(server, n)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    what = f"{clients} clients with bodies of {size / 1000:,.0f} kB"
    return [seen], seen.figures(what)[:3]


def garbage(folder: Path, good: str, given: Given) -> tuple[list[Watched], list[Figure]]:
    """Mixed nonsense from eight clients; memory of the first fifth and the last."""
    statuses: Counter[str] = Counter()
    with started(OURS, folder) as server, watched(server, good) as seen:
        end = time.monotonic() + given.seconds
        threads = [
            threading.Thread(target=_nonsense, args=(server, good, seed, end, statuses))
            for seed in range(8)
        ]
        for thread in threads:
            thread.start()
        time.sleep(given.seconds / 5)
        before = memory_mb(server)
        for thread in threads:
            thread.join()
        after = memory_mb(server)
    broken = sum(n for status, n in statuses.items() if status[0] == "5" and status != "503")
    what = f"{given.seconds:g} s of garbage"
    said = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    return [seen], [
        Figure(f"{what}: answers", said, "", None, "", None),
        _bound(f"{what}: 5xx but 503", broken, "", 0),
        Figure(
            f"{what}: memory, first fifth and last",
            f"{before:.0f} MB, {after:.0f} MB",
            "",
            after / before,
            "<= 1.1 x",
            after <= 1.1 * before,
        ),
        *seen.figures(what),
    ]


_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WORDS = [b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\", b"null", b"NaN", b"1e999", b"12.0"]
_WORDS += [b"true", b'"k0"', b'"\\ud800"', b"\xff", b"\x00", b" " * 1000, b"\n", b"9" * 5000]
_HEADERS = [
    b"Content-Type: application/json",
    b"Content-Type: application/x-ndjson",
    b"Content-Type: application/vnd.bentoml+pickle",
    b"Content-Encoding: gzip",
    b"Connection: Upgrade\r\nUpgrade: h2c",
    b"Expect: 100-continue",
    b"X: " + b"a" * 5000,
]


def _nonsense(server: Server, good: str, seed: int, end: float, statuses: Counter[str]) -> None:
    chance = random.Random(seed)  # noqa: S311
    while time.monotonic() < end:
        body = b"".join(chance.choices(_WORDS, k=chance.randrange(200)))
        if chance.random() < 0.3:  # good, but for one place
            at = chance.randrange(len(good))
            body = good[:at].encode() + chance.choice(_WORDS) + good[at + 1 :].encode()
        length = str(chance.choice([len(body)] * 8 + [len(body) + 1, 0, 10**12])).encode()
        length = b"0" * 5000 + length if chance.random() < 0.02 else length
        lines = [chance.choice([b"POST", b"POST", b"PUT"]) + b" /predict HTTP/1.1", b"Host: x"]
        lines += [b"Content-Length: " + length, *chance.sample(_HEADERS, chance.randrange(3))]
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=0.5) as connection:
                connection.sendall(b"\r\n".join([*lines, b"", body]))
                said = connection.recv(4096).removeprefix(_CONTINUE)
                said = said or connection.recv(4096)
            statuses[said[9:12].decode() or "closed"] += 1
        except OSError as error:
            statuses[type(error).__name__] += 1


def _bound(what: str, ours: float, unit: str, most: float) -> Figure:
    return Figure(what, f"{ours:,.0f} {unit}", "", None, f"<= {most:g} {unit}", ours <= most)


PARTS: dict[str, Callable[[Path, str, Given], tuple[list[Watched], list[Figure]]]] = {
    "bodies": bodies,
    "unfinished": unfinished,
    "together": together,
    "garbage": garbage,
}


def read_options() -> Given:
    """The command line."""
    parser = command_line(__doc__)
    parser.add_argument("--seconds", type=float, default=90.0, help="of garbage")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for one body")
    parser.add_argument("--project", type=Path, help="keep the project here; later, only pack it")
    parser.add_argument("--engine", type=Path, help="serve by the engine in this folder instead")
    given = parse_parts(parser, PARTS)
    seconds = 2.0 if given.quick else given.seconds
    return Given(
        given.quick,
        given.results,
        given.parts,
        seconds,
        given.patience,
        given.project,
        given.engine,
    )


def main() -> None:
    given = read_options()
    figures: list[Figure] = []
    notes = {}
    with packed_forest(given.quick, given.project) as folder:
        if given.engine:
            run([TAGSHIP, "build", NAME], folder, {"PYTHONPATH": str(given.engine.resolve())})
        (record,) = read_records(folder, 1)
        good = json.dumps(record)
        for part in given.parts:
            print(f"{part} …", file=sys.stderr, flush=True)
            seen, found = PARTS[part](folder, good, given)
            notes[part] = [
                {"probe ms": one.probe_ms, "good": dict(one.good_statuses), "MB": one.peak_mb}
                for one in seen
            ]
            figures += found
    save("hostile", given, figures, {}, notes)


if __name__ == "__main__":
    main()
