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
P99_MS, READY_SECONDS, WORKER_MB, ENVIRONMENT_MB = 25, 2, 200, 300


@dataclass(frozen=True)
class Loaded:
    """One load on one server."""

    connections: int
    rows: int
    """Rows in each request."""
    reading: Reading
    cpu_us: float
    """CPU time of all the server's processes for each request, in microseconds."""

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
        self.loads: dict[tuple[str, int, int], list[Loaded]] = {}
        self.starts: dict[str, list[Start]] = {}

    def add(self, server: str, start: Start, loads: Sequence[Loaded]) -> None:
        """One round of one server."""
        self.starts.setdefault(server, []).append(start)
        for found in loads:
            self.loads.setdefault((server, found.connections, found.rows), []).append(found)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Connections and rows of each load."""
        return list(dict.fromkeys((connections, rows) for _, connections, rows in self.loads))

    def load(self, server: str, shape: tuple[int, int], value: Callable[[Loaded], float]) -> float:
        """The median of a value of one load."""
        return median(value(found) for found in self.loads[(server, *shape)])

    def start(self, server: str, value: Callable[[Start], float]) -> float:
        """The median of a value of the starts."""
        return median(value(found) for found in self.starts[server])

    def failed(self, server: str) -> int:
        """Requests that failed in all loads and rounds."""
        return sum(f.failed for key, found in self.loads.items() for f in found if key[0] == server)

    def samples(self) -> dict[str, list[Any]]:
        """Everything, for the JSON."""
        named: dict[str, list[Any]] = {
            f"{server}, {_shape((connections, rows))}": found
            for (server, connections, rows), found in self.loads.items()
        }
        return named | {f"{server}, starts": found for server, found in self.starts.items()}


def figures(findings: Findings, environments: dict[str, float]) -> list[Figure]:
    """Ours against each peer; of several lines with one bound on ours, the first shows it."""
    peers = [server for server in findings.starts if server != "ours"]
    made = [_speed(findings, shape, peer) for shape in findings.shapes for peer in peers]
    busiest = max(shape for shape in findings.shapes if shape[1] == 1)
    costs: list[tuple[str, Callable[[str], float], str, float | None]] = [
        ("p99", lambda s: findings.load(s, busiest, lambda f: f.reading.p99), "ms", P99_MS),
        ("p99 with storm", lambda s: findings.load(s, busiest, _storm), "ms", None),
        ("ready", lambda s: findings.start(s, lambda f: f.ready_seconds), "s", READY_SECONDS),
        ("worker's memory", lambda s: findings.start(s, lambda f: f.worker_mb), "MB", WORKER_MB),
        ("memory in all", lambda s: findings.start(s, lambda f: f.resident_mb), "MB", None),
        ("failed requests", findings.failed, "", 0),
    ]
    for what, value, unit, bound in costs:
        where = f", {_shape(busiest)}" if "p99" in what else ""
        for number, peer in enumerate(peers):
            limit = None if number else bound
            name = f"serving: {what}{where}, against {peer}"
            made.append(_cost(name, value("ours"), value(peer), unit, limit))
    if environments:
        name = "serving: environment, against the ui extra"
        ours, theirs = environments["serve"], environments["ui"]
        made.append(_cost(name, ours, theirs, "MB", ENVIRONMENT_MB))
    return made


def _speed(findings: Findings, shape: tuple[int, int], peer: str) -> Figure:
    ours, theirs = (findings.load(s, shape, lambda f: f.rows_per_second) for s in ("ours", peer))
    cpu, peer_cpu = (findings.load(s, shape, lambda f: f.cpu_us) for s in ("ours", peer))
    least = None
    if peer in FRAMES:
        least = {(16, 1): FASTER}.get(shape, FASTER_IN_BULK if shape[1] > 1 else None)
    elif peer == "fastapi_onnx" and shape[1] == 1:
        least = EQUAL
    kept = None if least is None else ours >= least * theirs
    bound = "" if least is None else f">= {least} x"
    unit = "requests/s" if shape[1] == 1 else "rows/s"
    what = f"serving: {unit}, {_shape(shape)}, against {peer}"
    return Figure(
        what, f"{ours:,.0f}", f"{theirs:,.0f}", ours / theirs, bound, kept, peer_cpu / cpu
    )


def _cost(what: str, ours: float, theirs: float, unit: str, bound: float | None) -> Figure:
    shown = [
        f"{value:,.{1 if unit in ('ms', 's') else 0}f} {unit}".strip() for value in (ours, theirs)
    ]
    limit = "" if bound is None else f"<= {bound:g} {unit}".strip()
    kept = None if bound is None else ours <= bound
    return Figure(what, *shown, ours / theirs if theirs else None, limit, kept)


def table(findings: Findings) -> str:
    """One line a server: requests/s (or rows/s), p50 and p99 in ms at each load, and its costs."""
    head = ["server", *(_shape(shape) for shape in findings.shapes)]
    rows = [[*head, "failed", "ready s", "worker MB", "all MB"]]
    for server in findings.starts:
        row = [server]
        for shape in findings.shapes:
            speed = findings.load(server, shape, lambda f: f.rows_per_second)
            times = [
                findings.load(server, shape, value)
                for value in (lambda f: f.reading.p50, lambda f: f.reading.p99)
            ]
            row.append(f"{speed:,.0f} ({times[0]:.1f}, {times[1]:.1f})")
        row += [f"{findings.failed(server)}", f"{findings.start(server, _ready):.1f}"]
        row += [f"{findings.start(server, lambda f: f.worker_mb):.0f}"]
        row += [f"{findings.start(server, lambda f: f.resident_mb):.0f}"]
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "a second (p50, p99 in ms); medians"])


def chart(findings: Findings, path: Path) -> None:
    """Speed and p99 of every server at every load, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    servers = list(findings.starts)
    wanted: list[tuple[str, Callable[[Loaded], float]]] = [
        ("rows a second", lambda f: f.rows_per_second),
        ("p99, ms", lambda f: f.reading.p99),
    ]
    width = 0.8 / len(servers)
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    for axis, (label, value) in zip(axes, wanted, strict=True):
        for number, server in enumerate(servers):
            heights = [findings.load(server, shape, value) for shape in findings.shapes]
            places = [at + number * width for at in range(len(heights))]
            axis.bar(places, heights, width, label=server)
        middle = 0.4 - width / 2
        names = [_shape(shape).replace(", ", "\n") for shape in findings.shapes]
        axis.set_xticks([at + middle for at in range(len(names))], names)
        axis.set_yscale("log")
        axis.set_ylabel(label)
    axes[0].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _shape(shape: tuple[int, int]) -> str:
    connections, rows = shape
    name = f"{connections} connection" + "s" * (connections > 1)
    return name if rows == 1 else f"{name}, {rows} rows"


def _storm(found: Loaded) -> float:
    return found.reading.storm_p99


def _ready(found: Start) -> float:
    return found.ready_seconds
