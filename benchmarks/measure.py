"""Measuring whole processes, and the form in which every benchmark reports.

Standard library only: a child's peak memory starts at its parent's, so the parent stays small.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = HERE / "peers"
TAGSHIP = str(Path(sys.executable).with_name("tagship"))
QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",  # what the tagship command sets; peers get it too
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MPLBACKEND": "Agg",
}


@dataclass(frozen=True)
class Sample:
    """One run of one process, its children included in the CPU time."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    """The largest resident size of the process or of any one of its children."""
    output: str
    code: int = 0


@dataclass(frozen=True)
class Figure:
    """One line of the table; ``kept`` is None where a number is shown without a bound."""

    what: str
    ours: str
    peer: str
    ratio: float | None
    bound: str
    kept: bool | None
    cpu_ratio: float | None = None
    """The same ratio of CPU times, which other processes disturb less."""


@dataclass(frozen=True)
class Options:
    """How one benchmark is to run."""

    quick: bool
    results: Path


def command_line(description: str | None) -> argparse.ArgumentParser:
    """What every benchmark's command line takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it still run?")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="JSON goes here")
    return parser


def parse_parts(parser: argparse.ArgumentParser, parts: Iterable[str]) -> argparse.Namespace:
    """The command line of a benchmark in parts; all of them where none is named."""
    known = tuple(parts)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(known))
    given = parser.parse_args()
    unknown = sorted(set(given.parts) - set(known))
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(known)}")
    given.parts = tuple(given.parts) or known
    return given


def options(description: str | None) -> Options:
    """The options of a benchmark that has no others."""
    given = command_line(description).parse_args()
    return Options(given.quick, given.results)


def run(
    command: Sequence[str],
    folder: Path | None = None,
    extra: Mapping[str, str] | None = None,
    may_fail: bool = False,
) -> Sample:
    """Run a command to its end; a failure shows what it printed and stops the benchmark, unless it
    ``may_fail``.

    Python keeps its bytecode, as it does unless told otherwise: only a first start compiles.
    """
    left_out = ("MLFLOW_", "PYTHONDONTWRITEBYTECODE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    environment |= QUIET | dict(extra or {})
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode and not may_fail:
        sys.exit(f"{' '.join(command)} exited {process.returncode}:\n{text[-2000:]}")
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Sample(seconds, usage.ru_utime + usage.ru_stime, peak, text, process.returncode)


def middle(samples: Sequence[Sample]) -> float:
    """The median wall time."""
    return median(sample.seconds for sample in samples)


def middle_cpu(samples: Sequence[Sample]) -> float:
    """The median CPU time."""
    return median(sample.cpu_seconds for sample in samples)


def peak(samples: Sequence[Sample]) -> float:
    """The largest peak memory, in MB."""
    return max(sample.peak_mb for sample in samples)


def save(
    name: str,
    given: Options,
    figures: Sequence[Figure],
    samples: Mapping[str, Sequence[Any]],
    notes: Mapping[str, object] | None = None,
) -> None:
    """Write ``<results>/<name>.json`` and print the figures; samples are dataclasses."""
    timings = {
        key: [{k: v for k, v in asdict(sample).items() if k != "output"} for sample in found]
        for key, found in samples.items()
    }
    content = {
        "benchmark": name,
        "quick": given.quick,
        "machine": machine(),
        "figures": [asdict(figure) for figure in figures],
        "samples": timings,
        "notes": dict(notes or {}),
    }
    given.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1) + "\n"
    (given.results / f"{name}.json").write_text(text, encoding="utf-8")
    print(table(figures))


def machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned text."""
    cells = [("figure", "ours", "peer", "ratio", "CPU ratio", "bound", "")]
    words = {True: "kept", False: "OVER", None: ""}
    for figure in figures:
        ratios = ["" if r is None else f"{r:.2f}" for r in (figure.ratio, figure.cpu_ratio)]
        verdict = words[figure.kept]
        cells.append((figure.what, figure.ours, figure.peer, *ratios, figure.bound, verdict))
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
