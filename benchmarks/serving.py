"""The forest served by us and by its peers, on one core each in turn, under the same load."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from forest import make_forest, read_records
from load import Plan, Reading
from measure import HERE
from servers import KINDS, Server, load, started

CONNECTIONS = (1, 16, 64)
BULK_ROWS, BULK_CONNECTIONS = 256, 16
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Loaded:
    """One load on one server."""

    server: str
    load: str
    rows: int
    """Rows in each request."""
    reading: Reading
    cpu_us: float
    """CPU time of the server for each request, in microseconds."""


@dataclass(frozen=True)
class Seen:
    """What one start of a server showed besides its speed."""

    server: str
    ready_seconds: float
    resident_mb: list[float]
    """Each process after the loads, largest first."""


@dataclass(frozen=True)
class Given:
    """The command line."""

    quick: bool
    results: Path
    only: tuple[str, ...]
    seconds: float
    rounds: int


def command_line() -> Given:
    """Read it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it still run?")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="JSON goes here")
    parser.add_argument("--only", default=",".join(KINDS), help="servers, by commas")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load, after a warm-up")
    parser.add_argument("--rounds", type=int, default=3, help="the medians of so many are shown")
    given = parser.parse_args()
    only = tuple(given.only.split(","))
    unknown = sorted(set(only) - set(KINDS))
    if unknown:
        parser.error(f"no server {', '.join(unknown)}; there are: {', '.join(KINDS)}")
    if given.quick:
        given.seconds, given.rounds = 0.3, 1
    return Given(given.quick, given.results, only, given.seconds, given.rounds)


def same_answers(server: Server, records: list[Any], expected: list[float]) -> float:
    """The largest difference from the expected probabilities, one by one and in bulk."""
    kind, found = server.kind, []
    for record in records[:50]:
        status, answer = server.post(kind.ask(record))
        assert status == 200, f"{kind.name}: {status} {answer}"
        found += kind.read(answer)
    status, answer = server.post(kind.ask(records), kind.many)
    assert status == 200, f"{kind.name}: {status} {answer}"
    found += kind.read(answer)
    wanted = [*expected[:50], *expected]
    worst = max(abs(a - b) for a, b in zip(found, wanted, strict=True))
    assert worst <= TOLERANCE, f"{kind.name} answers otherwise: {worst}"
    return worst


def measure(server: Server, records: list[Any], given: Given) -> list[Loaded]:
    """All loads on one server."""
    kind = server.kind
    ones = [json.dumps(kind.ask(record)) for record in records]
    chunks = [records[at:] + records[:at] for at in range(0, len(records), len(records) // 8)]
    many = [json.dumps(kind.ask(chunk[:BULK_ROWS])) for chunk in chunks]
    warm = min(1.0, given.seconds)
    plans = [
        (f"{count}", 1, Plan(server.port, kind.one, ones, count, given.seconds, warm))
        for count in CONNECTIONS
    ]
    bulk = Plan(server.port, kind.many, many, BULK_CONNECTIONS, given.seconds, warm)
    plans.append((f"bulk {BULK_CONNECTIONS}", BULK_ROWS, bulk))
    found = []
    for name, rows, plan in plans:
        before = server.cpu_seconds()
        reading = load(plan)
        answered = sum(reading.statuses.values())
        cpu = 1e6 * (server.cpu_seconds() - before) / max(1, answered)
        found.append(Loaded(kind.name, name, rows, reading, cpu))
        print(line(found[-1]), file=sys.stderr, flush=True)
    return found


def line(found: Loaded) -> str:
    """One load as a line of text."""
    r = found.reading
    failed = sum(r.errors.values()) + sum(n for s, n in r.statuses.items() if s[0] != "2")
    return (
        f"{found.server:15} c={found.load:8} {r.per_second * found.rows:9.0f}/s"
        f"  p50 {r.p50:7.2f}  p99 {r.p99:7.2f}  with storm {r.storm_p99:7.2f} ms"
        f"  CPU {found.cpu_us:7.0f} us/request  failed {failed}  generator {r.busy:4.0%}"
    )


def main() -> None:
    given = command_line()
    found: list[Loaded] = []
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = Path(temporary)
        make_forest(folder, *((600, 10) if given.quick else (10_000, 100)))
        records = read_records(folder, BULK_ROWS)
        expected: list[float] = []
        for number in range(given.rounds):
            for name in given.only:
                with started(KINDS[name], folder) as server:
                    if not expected:
                        status, answer = server.post(server.kind.ask(records), server.kind.many)
                        assert status == 200, f"{status} {answer}"
                        expected = server.kind.read(answer)
                    if number == 0:
                        worst = same_answers(server, records, expected)
                        print(f"{name}: differs by at most {worst:.1g}", file=sys.stderr)
                    found += measure(server, records, given)
                    seen.append(Seen(name, server.ready_seconds, server.resident_mb()))
                    print(seen[-1], file=sys.stderr)


if __name__ == "__main__":
    main()
