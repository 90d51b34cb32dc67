"""Every benchmark still runs; how fast anything is decides no test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import brokers
from databases import find_binaries
from tools import lacking, need_kustomize

BENCHMARKS = Path(__file__).resolve().parents[4] / "benchmarks"
NAMES = (
    "startup",
    "desk",
    "example_tables",
    "busy_machine",
    "training",
    "large_table",
    "drift",
    "tuning",
    "watch",
    "predict",
    "compare",
    "explain",
    "whole_run",
    "serving",
    "soak",
    "hostile",
    "gitops_scale",
    "site",
    "tables",
    "kafka",
    "postgres",
    "scale",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_on_tiny_sizes_and_writes_its_figures(name: str, tmp_path: Path) -> None:
    if name == "postgres" and find_binaries() is None:
        lacking("PostgreSQL is not installed: run `make tools`")
    if name == "kafka":
        brokers.find_java()
    command = [sys.executable, str(BENCHMARKS / "run.py"), name, "--quick"]
    done = subprocess.run(
        [*command, "--results", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert content["quick"]
    assert content["figures"]
    for figure in content["figures"]:
        assert figure["what"] in done.stdout


@pytest.mark.slow
def test_two_checkouts_of_one_commit_are_equal(tmp_path: Path) -> None:
    need_kustomize()
    command = [sys.executable, str(BENCHMARKS / "equal.py"), str(BENCHMARKS.parent)]
    done = subprocess.run(
        [*command, str(tmp_path / "work"), "iris"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count, _, total = done.stdout.splitlines()[-1].partition(" of ")
    assert total == f"{count} equal"
    for name in (
        "model.lock.yaml",
        "model.onnx",
        "answers",
        "predict iris.csv",
        "drift of its log",
    ):
        assert f"equal      iris: {name}\n" in done.stdout


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    command = [sys.executable, str(BENCHMARKS / "run.py"), "speed", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(name in done.stderr for name in NAMES)
