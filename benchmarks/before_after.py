"""Another checkout of this repository and this one, doing the same work in turn; medians, ratios.

``python benchmarks/before_after.py OTHER``: both are set up (``make setup-all``), and each works in
a project of its own with the repository's models. OTHER stands where the other benchmarks' peer
does.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from measure import HERE, Figure, Options, Sample, command_line, middle, middle_cpu, peak, run, save
from predict import repeat

_COPY = """
import sys
from pathlib import Path
from project import copy_models
copy_models(Path(sys.argv[1]))
"""
_FILES = ("--input", "many.csv", "--output", "scored.csv")
_START_SECONDS = 60


def start_service(python: Path, bento: str) -> float:
    """Seconds from the start of a service to its first 200 of ``/readyz``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "tagship.serving.server", bento, "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while time.perf_counter() - started < _START_SECONDS:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                    return time.perf_counter() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        sys.exit(f"{bento}: not ready in {_START_SECONDS} s")
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    given = parser.parse_args()
    sides = {"ours": HERE.parent, "peer": given.other.resolve()}
    rows, rounds = (5_000, 1) if given.quick else (300_000, 3)
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folders = {side: Path(temporary) / side for side in sides}
        for side, root in sides.items():
            folders[side].mkdir()
            python = str(root / ".venv" / "bin" / "python")
            run([python, "-c", _COPY, str(folders[side])], root / "benchmarks")
            repeat(folders[side] / "churn.csv", folders[side] / "many.csv", rows)
        for _ in range(rounds):
            for side, root in sides.items():
                folder, python = folders[side], root / ".venv" / "bin" / "python"
                tagship = str(python.with_name("tagship"))
                for lock in folder.glob("config/*/model.lock.yaml"):
                    lock.unlink()
                shutil.rmtree(folder / ".tagship", ignore_errors=True)
                commands = {
                    "run": [tagship, "run", "churn", "fraud", "housing", "iris"],
                    "predict": [tagship, "predict", "churn", *_FILES],
                    "describe": [tagship, "describe", "churn"],
                    "help": [tagship, "--help"],
                }
                for name, command in commands.items():
                    samples.setdefault(f"{name} {side}", []).append(run(command, folder))
                drift = [str(python), str(root / "benchmarks" / "drift_runs.py"), "verdict"]
                timed = json.loads(run([*drift, "20000", "5"]).output.splitlines()[-1])["ours"]
                samples.setdefault(f"drift verdict {side}", []).extend(
                    Sample(seconds, seconds, 0, "") for seconds in timed
                )
                bentos = folder / ".tagship" / "bentoml" / "bentos" / "churn"
                newest = max(bentos.glob("*/bento.yaml"), key=lambda path: path.stat().st_mtime)
                for _ in range(3):
                    seconds = start_service(python, str(newest.parent))
                    samples.setdefault(f"ready {side}", []).append(Sample(seconds, seconds, 0, ""))
    figures = []
    for name in ("run", "predict", "describe", "help", "drift verdict", "ready"):
        ours, peer = samples[f"{name} ours"], samples[f"{name} peer"]
        measured = peak(ours) > 0
        cpu = middle_cpu(ours) / middle_cpu(peer) if measured else None
        memory = f", {peak(ours):,.0f} MB" if measured else ""
        before = f", {peak(peer):,.0f} MB" if measured else ""
        figures.append(
            Figure(
                name,
                f"{middle(ours):.3g} s{memory}",
                f"{middle(peer):.3g} s{before}",
                middle(ours) / middle(peer),
                "",
                None,
                cpu,
            )
        )
    save("before_after", Options(given.quick, given.results), figures, samples)


if __name__ == "__main__":
    main()
