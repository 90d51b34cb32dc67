"""What `serving.py` measured, as figures with bounds, a table of all servers, and a chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from load import Reading
from measure import Figure

FRAMES = ("fastapi_pandas", "mlflow")
"""The peers that build a pandas frame for each request, and are to be left far behind."""
FASTER, FASTER_IN_BULK, EQUAL = 20, 10, 1
BUSIEST = "64 connections"
P99_MS, READY_SECONDS, WORKER_MB, ENVIRONMENT_MB = 25, 2, 200, 300


@dataclass(frozen=True)
class Loaded:
    """One load on one server."""

    connections: int
    form: str
    """one, records or columns."""
    rows: int
    """In each request."""
    reading: Reading
    cpu_us: float
    """CPU time of all the server's processes for each request, in microseconds."""

    @property
    def name(self) -> str:
        """What the load is called in tables."""
        if self.form != "one":
            return f"{self.connections} x {self.rows} rows in {self.form}"
        return f"{self.connections} connection" + "s" * (self.connections > 1)

    @property
    def rows_per_second(self) -> float:
        """Predictions a second."""
        return self.reading.per_second * self.rows

    @property
    def failed(self) -> int:
        """Requests that did not get a complete 2xx answer."""
        refused = sum(n for status, n in self.reading.statuses.items() if status[0] != "2")
        return refused + sum(self.reading.errors.values())


@dataclass(frozen=True)
class Start:
    """What one start of a server showed besides its speed."""

    ready_seconds: float
    """From the start of the process to the first 200 of its readiness route."""
    worker_mb: float
    """Resident size of the process that predicts, after all loads."""
    resident_mb: float
    """Resident size of all its processes, shared pages counted in each."""


class Findings:
    """Every sample, and the medians over the rounds."""

    def __init__(self) -> None:
        self.loads: dict[tuple[str, str], list[Loaded]] = {}
        self.starts: dict[str, list[Start]] = {}

    def add(self, server: str, start: Start, loads: Sequence[Loaded]) -> None:
        """One round of one server."""
        self.starts.setdefault(server, []).append(start)
        for found in loads:
            self.loads.setdefault((server, found.name), []).append(found)

    def names(self, *servers: str) -> list[str]:
        """The loads that all of these servers had."""
        every = dict.fromkeys(name for _, name in self.loads)
        return [name for name in every if all((server, name) in self.loads for server in servers)]

    def bulk(self, server: str) -> str:
        """The load of many rows in which a server was fastest."""
        names = [name for name in self.names(server) if self.loads[server, name][0].rows > 1]
        return max(names, key=lambda name: self.load(server, name, _speed))

    def load(self, server: str, name: str, value: Callable[[Loaded], float]) -> float:
        """The median of a value of one load."""
        return median(value(found) for found in self.loads[server, name])

    def start(self, server: str, value: Callable[[Start], float]) -> float:
        """The median of a value of the starts."""
        return median(value(found) for found in self.starts[server])

    def failed(self, server: str) -> int:
        """Requests that failed in all loads and rounds."""
        return sum(f.failed for key, found in self.loads.items() for f in found if key[0] == server)

    def samples(self) -> dict[str, list[Any]]:
        """Everything, for the JSON."""
        named: dict[str, list[Any]] = {", ".join(key): found for key, found in self.loads.items()}
        return named | {f"{server}, starts": found for server, found in self.starts.items()}


def figures(findings: Findings, environments: dict[str, float]) -> list[Figure]:
    """Ours against each peer; a bound on ours alone is shown beside the first."""
    peers = [server for server in findings.starts if server != "ours"]
    made = []
    for peer in peers:
        for name in findings.names("ours", peer):
            least = _least(peer, name)
            made.append(_faster(findings, f"{name}, against {peer}", peer, name, name, least))
    for peer in peers:
        what = f"many rows in the best form, against {peer}"
        least = FASTER_IN_BULK if peer in FRAMES else None
        best = (findings.bulk("ours"), findings.bulk(peer))
        made.append(_faster(findings, what, peer, *best, least))
    costs: list[tuple[str, Callable[[str], float], str, float | None]] = [
        (f"p99, {BUSIEST}", lambda s: findings.load(s, BUSIEST, _p99), "ms", P99_MS),
        (f"p99 with storm, {BUSIEST}", lambda s: findings.load(s, BUSIEST, _storm), "ms", None),
        ("ready", lambda s: findings.start(s, lambda f: f.ready_seconds), "s", READY_SECONDS),
        ("worker's memory", lambda s: findings.start(s, lambda f: f.worker_mb), "MB", WORKER_MB),
        ("memory in all", lambda s: findings.start(s, lambda f: f.resident_mb), "MB", None),
        ("failed requests", findings.failed, "", 0),
    ]
    for what, value, unit, bound in costs:
        for number, peer in enumerate(peers):
            limit = None if number else bound
            name = f"serving: {what}, against {peer}"
            made.append(_cost(name, value("ours"), value(peer), unit, limit))
    if environments:
        name = "serving: environment, against the ui extra"
        ours, theirs = environments["serve"], environments["ui"]
        made.append(_cost(name, ours, theirs, "MB", ENVIRONMENT_MB))
    return made


def _least(peer: str, name: str) -> float | None:
    if peer in FRAMES and name == "16 connections":
        return FASTER
    return (
        EQUAL if peer == "fastapi_onnx" and name.endswith(("connection", "connections")) else None
    )


def _faster(
    findings: Findings, what: str, peer: str, load: str, peer_load: str, least: float | None
) -> Figure:
    ours, theirs = findings.load("ours", load, _speed), findings.load(peer, peer_load, _speed)
    cpu, peer_cpu = findings.load("ours", load, _cpu), findings.load(peer, peer_load, _cpu)
    bound, kept = ("", None) if least is None else (f">= {least} x", ours >= least * theirs)
    shown = (f"{ours:,.0f}/s", f"{theirs:,.0f}/s")
    ratios = [a / b if b else None for a, b in ((ours, theirs), (peer_cpu, cpu))]
    return Figure(f"serving: {what}", *shown, ratios[0], bound, kept, ratios[1])


def _cost(what: str, ours: float, theirs: float, unit: str, bound: float | None) -> Figure:
    digits = 1 if unit in ("ms", "s") else 0
    shown = [f"{value:,.{digits}f} {unit}".strip() for value in (ours, theirs)]
    limit = "" if bound is None else f"<= {bound:g} {unit}".strip()
    kept = None if bound is None else ours <= bound
    return Figure(what, *shown, ours / theirs if theirs else None, limit, kept)


def table(findings: Findings) -> str:
    """One line a load and server: a second, p50 and p99; then what each server costs."""
    rows = [["load", "server", "rows/s", "p50 ms", "p99 ms", "with storm", "failed"]]
    for name in findings.names():
        for server in findings.starts:
            if (server, name) in findings.loads:
                times = [findings.load(server, name, of) for of in (_p50, _p99, _storm)]
                failed = sum(found.failed for found in findings.loads[server, name])
                row = [name, server, f"{findings.load(server, name, _speed):,.0f}"]
                rows.append(
                    [*row, *(f"{time:,.1f}" if time else "-" for time in times), f"{failed}"]
                )
    starts = [["server", "ready s", "worker MB", "all MB"]]
    for server in findings.starts:
        row = [server, f"{findings.start(server, lambda f: f.ready_seconds):.1f}"]
        row += [f"{findings.start(server, lambda f: f.worker_mb):.0f}"]
        starts.append([*row, f"{findings.start(server, lambda f: f.resident_mb):.0f}"])
    return f"{_aligned(rows)}\n\n{_aligned(starts)}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def chart(findings: Findings, path: Path) -> None:
    """Speed and p99 of every server at every load, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = findings.names()
    width = 0.8 / len(findings.starts)
    figure, axes = pyplot.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    for axis, (label, value) in zip(
        axes, [("rows a second", _speed), ("p99, ms", _p99)], strict=True
    ):
        for number, server in enumerate(findings.starts):
            at = [i for i, name in enumerate(names) if (server, name) in findings.loads]
            heights = [findings.load(server, names[i], value) for i in at]
            axis.bar([i + number * width for i in at], heights, width, label=server)
        middle = 0.4 - width / 2
        shown = [name.replace(" rows ", " rows\n") for name in names]
        axis.set_xticks([i + middle for i in range(len(names))], shown)
        axis.set_yscale("log")
        axis.set_ylabel(label)
    axes[0].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _speed(found: Loaded) -> float:
    return found.rows_per_second


def _cpu(found: Loaded) -> float:
    return found.cpu_us


def _p50(found: Loaded) -> float:
    return found.reading.p50


def _p99(found: Loaded) -> float:
    return found.reading.p99


def _storm(found: Loaded) -> float:
    return found.reading.storm_p99
