"""The forest served by us and by its peers, one after another on one core, under the same load."""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forest import packed_forest, read_records
from load import Plan
from measure import ROOT, Options, command_line, run, save
from servers import KINDS, Records, Server, load, started
from serving_figures import Findings, Loaded, Start, chart, figures, table

CONNECTIONS = (1, 16, 64)
BULK_CONNECTIONS, BULK_ROWS = 16, 256
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Given(Options):
    """How this benchmark is to run."""

    only: tuple[str, ...]
    seconds: float
    rounds: int
    project: Path | None


def read_options() -> Given:
    """The command line."""
    parser = command_line(__doc__)
    parser.add_argument("--only", default=",".join(KINDS), help="these servers, and ours")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load, once warm")
    parser.add_argument("--rounds", type=int, default=3, help="whose medians are shown")
    parser.add_argument("--project", type=Path, help="keep the project here; later, only pack it")
    given = parser.parse_args()
    unknown = sorted(set(given.only.split(",")) - set(KINDS))
    if unknown:
        parser.error(f"no server {', '.join(unknown)}; there are: {', '.join(KINDS)}")
    only = tuple(name for name in KINDS if name == "ours" or name in given.only.split(","))
    seconds, rounds = (0.3, 1) if given.quick else (given.seconds, given.rounds)
    return Given(given.quick, given.results, only, seconds, rounds, given.project)


def same_answers(server: Server, records: Records, expected: list[float]) -> float:
    """The largest difference from the expected probabilities, one by one and in bulk."""
    found = [p for record in records for p in server.ask("one", [record])]
    bulk = [form for form in server.kind.forms if form != "one"]
    found += [p for form in bulk for p in server.ask(form, records)]
    wanted = expected * (1 + len(bulk))
    worst = max(abs(a - b) for a, b in zip(found, wanted, strict=True))
    if worst > TOLERANCE:
        sys.exit(f"{server.kind.name}: an answer differs by {worst:g}: it serves another model")
    return worst


def loads(server: Server, records: Records, given: Given) -> Iterator[Loaded]:
    """Put each load on one server."""
    rotated = [[*records[at:], *records[:at]] for at in range(0, BULK_ROWS, BULK_ROWS // 8)]
    ones = [[record] for record in records]
    wanted = [(count, "one", ones) for count in CONNECTIONS]
    wanted += [(BULK_CONNECTIONS, form, rotated) for form in server.kind.forms if form != "one"]
    for connections, form, requests in wanted:
        spoken = server.kind.forms[form]
        bodies = [json.dumps(spoken.ask(request)) for request in requests]
        warm = min(1.0, given.seconds)
        before = server.cpu_seconds()
        reading = load(Plan([server.port], spoken.path, bodies, connections, given.seconds, warm))
        used = server.cpu_seconds() - before
        cpu_us = 1e6 * used / sum(reading.statuses.values())
        found = Loaded(connections, form, len(requests[0]), reading, cpu_us)
        print(_line(server.kind.name, found), file=sys.stderr, flush=True)
        yield found


def _line(server: str, found: Loaded) -> str:
    r = found.reading
    return (
        f"{server:15}{found.name:>24}{found.rows_per_second:10,.0f}/s"
        f"  p50{r.p50:8.2f}  p99{r.p99:8.2f}  with storm{r.storm_p99:8.2f} ms"
        f"  CPU{found.cpu_us:7,.0f} us/request  failed {found.failed}  generator {r.busy:.0%}"
    )


def rounds(folder: Path, given: Given) -> tuple[Findings, dict[str, float]]:
    """Every server in every round, so that what disturbs the machine meets them alike."""
    findings = Findings()
    differences: dict[str, float] = {}
    records = read_records(folder, BULK_ROWS)
    expected: list[float] = []
    for _ in range(given.rounds):
        for name in given.only:
            with started(KINDS[name], folder) as server:
                expected = expected or server.ask("records", records)
                if name not in differences:
                    differences[name] = same_answers(server, records, expected)
                found = list(loads(server, records, given))
                start = Start(server.ready_seconds, *server.resident_mb())
            findings.add(name, start, found)
            print(f"{name}: {start}", file=sys.stderr, flush=True)
    return findings, differences


def environment_mb(extra: str, folder: Path) -> float:
    """Size of a new environment with one extra of this project, bytecode included."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv) if uv.exists() else "uv", "sync", "--frozen", "--quiet", "--extra", extra]
    command += ["--no-default-groups", "--no-install-project", "--compile-bytecode"]
    made = folder / f"environment-{extra}"
    run(command, ROOT, {"UV_PROJECT_ENVIRONMENT": str(made)})
    found = [path for path in made.rglob("site-packages/**/*") if path.is_file()]
    return sum(path.stat().st_size for path in found) / 1e6


def main() -> None:
    given = read_options()
    with (
        packed_forest(given.quick, given.project) as folder,
        tempfile.TemporaryDirectory() as temporary,
    ):
        findings, differences = rounds(folder, given)
        extras = () if given.quick or len(given.only) < len(KINDS) else ("serve", "ui")
        environments = {extra: environment_mb(extra, Path(temporary)) for extra in extras}
    given.results.mkdir(parents=True, exist_ok=True)
    chart(findings, given.results / "serving.png")
    print(table(findings), end="\n\n")
    notes = {"largest difference of an answer from ours": differences}
    save("serving", given, figures(findings, environments), findings.samples(), notes)


if __name__ == "__main__":
    main()
