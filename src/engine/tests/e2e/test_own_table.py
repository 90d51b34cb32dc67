"""A person's own table, from the file to answers over HTTP, with three commands and no editing."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pandas as pd
import pytest

from tagship.config.project_files import load_model
from tagship.training.bundle import load_bundle

pytestmark = pytest.mark.slow


def make_warts(rows=800, seed=11):
    """A table with blanks in a number, an id, a constant, Unicode and a comma in names."""
    rng = np.random.default_rng(seed)
    months = rng.integers(0, 60, rows)
    price = rng.gamma(4, 20, rows).round(2)
    plan = rng.choice(["Größe S", "Größe M", "Größe L"], rows)
    pull = 1.2 - 0.08 * months + 0.012 * price + (plan == "Größe L")
    left = np.where(rng.random(rows) < 1 / (1 + np.exp(-pull)), "Yes", "No")
    total = [" " if m == 0 else f"{m * p:.2f}" for m, p in zip(months, price, strict=True)]
    return pd.DataFrame(
        {
            "Kunde": [f"K-{i:05d}" for i in range(rows)],
            "months": months,
            "price, monthly": price,
            "total": total,
            "plan": plan,
            "country": "DE",
            "left": left,
        }
    )


def post(address, records):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/predict", json.dumps(records).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["predictions"]


@contextlib.contextmanager
def serve(project, model):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tagship", "serve", model, "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=project.root, env=dict(os.environ), **quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1800):
            assert process.poll() is None
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"{address}/readyz", timeout=2).close()
                break
            time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def test_new_then_run_then_serve_gives_scikit_learns_answers(project):
    project.write("data/leavers.csv", make_warts().to_csv(index=False))
    made = project.tagship("new", "leavers", "--data", "data/leavers.csv", "--target", "left")
    assert made.code == 0, made.err
    ran = project.tagship("run", "leavers")
    assert ran.code == 0, ran.out + ran.err
    files = load_model(project.root, "leavers")
    assert (project.root / "reports" / "leavers.html").stat().st_size > 10_000
    bundle = load_bundle(files)
    evidence = bundle.evidence
    fields = bundle.boundary.fields
    records = []
    for row in range(len(evidence.target)):
        record = {}
        for field in fields:
            value = evidence.columns[field.name][row]
            if field.dtype == "category":
                record[field.name] = field.values[value] if value >= 0 else None
            elif field.dtype == "bool":
                record[field.name] = bool(value)
            else:
                record[field.name] = None if np.isnan(value) else float(value)
        records.append(record)
    with serve(project, "leavers") as address:
        answers = post(address, records)
    found = np.array([answer["probability"] for answer in answers])
    np.testing.assert_allclose(found, evidence.pipeline_scores, atol=1e-5)
    assert bundle.lock.metrics["roc_auc"].value == pytest.approx(0.8, abs=0.15)


def test_run_trains_all_models_reports_the_failed_one_and_finishes_the_others(project):
    """One model's failed gate is an exit code 1, not the end of the others."""
    project.write("data/leavers.csv", make_warts().to_csv(index=False))
    made = project.tagship("new", "leavers", "--data", "data/leavers.csv", "--target", "left")
    assert made.code == 0, made.err
    limits = project.root / "config" / "leavers" / "thresholds.yaml"
    text, count = re.subn(r"fail_below: 0\.\d+", "fail_below: 0.999", limits.read_text(), count=1)
    assert count == 1
    limits.write_text(text)
    ran = project.tagship("run")
    assert ran.code == 1
    assert "leavers: a gate failed" in ran.out
    assert re.search(r"^leavers: metrics \w+: 0\.\d+, wanted ≥ 0\.999", ran.out, re.MULTILINE)
    assert project.lock.exists()
    assert not (project.root / "config" / "leavers" / "model.lock.yaml").exists()
