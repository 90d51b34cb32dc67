"""The part ``dask`` of scale.py: the same commands here and on a scheduler with two workers."""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from measure import ROOT, TAGSHIP, Figure, Sample, run
from project import copy_bento, make_large, read_from

sys.path.insert(0, str(ROOT / "src" / "engine" / "tests"))  # what starts a cluster there
from clusters import Cluster

RATIO = 1.3
_MODEL = """\
task: binary
select: {{metric: roc_auc, folds: 5}}
candidates:
  logistic_regression: {{estimator: sklearn.linear_model.LogisticRegression, scale: true}}
  random_forest:
    estimator: sklearn.ensemble.RandomForestClassifier
    params: {{n_estimators: {trees}, max_depth: 12}}
  gradient_boosting:
    estimator: sklearn.ensemble.HistGradientBoostingClassifier
    params: {{max_iter: {trees}, early_stopping: false}}
    impute: none
    encode: ordinal
tune:
  candidate: gradient_boosting
  trials: {trials}
  space: {{learning_rate: {{float: [0.02, 0.3], log: true}}, max_leaf_nodes: {{int: [7, 63]}}}}
"""
_LOG = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
import pandas as pd
from tagship.config.project_files import load_model
from tagship.training.lock import read_lock
root, lines, files = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
known = load_model(root, "large")
table = pd.read_parquet(root / "large.parquet")[list(known.data.request)].head(20_000)
table["b0"] = table["b0"] == "true"
records = [json.dumps({k: v for k, v in r.items() if v == v}) for r in table.to_dict("records")]
about = {"model": "large", "release": "unreleased"}
about = json.dumps(about | {"model_sha256": read_lock(known.lock_path).artifact.sha256})[1:-1]
folder, now = root / "log", datetime.now(UTC)
folder.mkdir()
for file in range(files):
    begin = now - timedelta(hours=files - file)
    with (folder / f"predictions-{begin:%Y%m%dT%H%M%S%f}-{file}.jsonl").open("w") as handle:
        for at in range(lines // files):
            moment = begin + timedelta(seconds=3000 * at * files / lines)
            head = f'"schema": 1, "time": "{moment:%Y-%m-%dT%H:%M:%S.%f}Z"'
            head += f', "request_id": "{file:02d}{at:030x}"'
            answer = '{"prediction": "no", "probability": %.4f}' % (at % 997 / 2000)
            record = records[at % len(records)]
            handle.write(f'{{{head}, {about}, "request": {record}, "response": {answer}}}\\n')
"""
_DRIFT = "drift: {method: psi, fail_above: 0.2, min_rows: 100}\n"


def dask(given: Namespace) -> tuple[list[Figure], dict[str, list[Sample]]]:
    """Train, search, score and watch; once more while a worker is killed."""
    rows, trees, trials, lines = (2_000, 5, 2, 2_000) if given.quick else (100_000, 100, 8, 500_000)
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="tagship-bench-", dir=given.folder) as temporary:
        root = Path(temporary)
        make_large(root, rows, folds=5, trees=trees)
        read_from(root, "large", "parquet")
        model = root / "config" / "large"
        (model / "model.yaml").write_text(_MODEL.format(trees=trees, trials=trials))
        with (model / "thresholds.yaml").open("a") as thresholds:
            thresholds.write(_DRIFT)
        copy_bento(root, "large")
        (root / "src").mkdir()
        locks: dict[str, bytes] = {}

        def train(name: str, address: str = "") -> Sample:
            (model / "model.lock.yaml").unlink(missing_ok=True)
            samples[name] = [run([TAGSHIP, "run", "large"], root, extra=_at(address))]
            locks[name] = (model / "model.lock.yaml").read_bytes()
            return samples[name][0]

        def both(name: str, *command: str) -> None:
            for place, address in (("here", ""), ("dask", own.address)):
                shutil.rmtree(root / ".tagship" / "models" / "large" / "tune", ignore_errors=True)
                done = run([TAGSHIP, *command], root, _at(address), may_fail=True)
                assert done.code in (0, 3, 5, 6), done.output  # a verdict, or what it gives
                samples[f"{name} {place}"] = [done]

        train("run here")
        project = root / "config" / "project.yaml"
        plain = project.read_text()
        project.write_text(plain + "compute: {dask: {workers: 2}}\n")
        train("run on 2 processes")
        project.write_text(plain)
        with Cluster.started(root / "cluster") as own:
            train("run dask", own.address)
            killer = threading.Thread(target=_kill_one, args=(own, 1.0 if given.quick else 15.0))
            killer.start()
            train("run, a worker killed", own.address)
            killer.join()
            both("tune", "tune", "large")
            output = ["--output", str(root / "scored.parquet")]
            both("predict", "predict", "large", "--input", str(root / "large.parquet"), *output)
            run([sys.executable, "-c", _LOG, str(root), str(lines), "8"])
            both("drift", "drift", "large", "--current", "log")
    return _figures(rows, lines, trials, samples, locks), samples


def _figures(
    rows: int, lines: int, trials: int, samples: dict[str, list[Sample]], locks: dict[str, bytes]
) -> list[Figure]:
    here = samples["run here"][0]
    figures = []
    for name in ("run on 2 processes", "run dask", "run, a worker killed"):
        bound = RATIO if name == "run on 2 processes" else None
        figures.append(
            _against(f"{rows:,} rows, 3 x 5 fits: {name}", samples[name][0], here, bound)
        )
    same = len(set(locks.values())) == 1
    figures.append(Figure("lock", "the same" if same else "another", "", None, "the same", same))
    for name, what in (
        ("tune", f"{trials} trials"),
        ("predict", f"{rows:,} rows"),
        ("drift", f"{lines:,} lines"),
    ):
        there, alone = samples[f"{name} dask"][0], samples[f"{name} here"][0]
        figures.append(_against(f"{name}: {what}", there, alone, None))
    return figures


def _against(what: str, ours: Sample, here: Sample, bound: float | None) -> Figure:
    ratio = ours.seconds / here.seconds
    shown, kept = ("", None) if bound is None else (f"<= {bound:g} x", ratio <= bound)
    return Figure(what, f"{ours.seconds:.1f} s", f"{here.seconds:.1f} s", ratio, shown, kept)


def _at(address: str) -> dict[str, str]:
    return {"DASK_SCHEDULER_ADDRESS": address} if address else {}


def _kill_one(cluster: Cluster, after: float) -> None:
    """Kill the process of a worker once it has tasks, and some seconds have passed."""
    pids = cluster.wait_until_busy(300)
    time.sleep(after)
    with suppress(ProcessLookupError, AssertionError):
        pids = cluster.wait_until_busy(30)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
