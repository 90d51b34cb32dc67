"""What is larger than memory, on one machine: ``python benchmarks/scale.py PART --rows N``.

``parquet``: a folder of ten files with twenty columns is validated, hashed and profiled, again when
everything is known, and again with an eleventh file; a model is trained on a sample of it, and
scores all rows and a tenth of them; the verdict on drift reads as many lines of a log. There is no
peer: memory must not grow with the rows.
"""

import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from dask_runs import dask
from measure import TAGSHIP, Figure, Options, Sample, command_line, parse_parts, run, save
from project import copy_bento, write_config

NAME = "events"
FILES, GROUP_ROWS, FEW, TREES = 10, 250_000, 20_000, 100
PROFILE_MB, PROFILE_SECONDS, PREDICT_MB, GROWTH, DRIFT_MB = 3_000, 120.0, 1_000, 11.0, 2_000

_FILES = """
import sys
from pathlib import Path
import numpy as np, pandas as pd
folder, first, last, rows, group = Path(sys.argv[1]), *map(int, sys.argv[2:])
for file in range(first, last):
    rng = np.random.default_rng(file)
    table = {"event": [f"e{file:03d}-{at:08d}" for at in range(rows)]}
    begin = pd.Timestamp("2026-01-01") + pd.Timedelta(days=file)
    table["seen"] = begin + pd.to_timedelta(np.sort(rng.integers(0, 86_400_000, rows)), "ms")
    table |= {f"n{i}": np.round(rng.normal(0, 1 + i, rows) * 64) / 64 for i in range(7)}
    table |= {f"c{i}": rng.poisson(2 + 3 * i, rows) for i in range(4)}
    picked = [rng.integers(0, 3 + i, rows) for i in range(5)]
    table |= {f"k{i}": np.array([f"k{i}-{j}" for j in range(3 + i)])[picked[i]] for i in range(5)}
    signal = table["n0"] + 0.3 * table["n1"] * (picked[0] == 1) + 0.2 * table["c0"]
    signal = signal + 0.5 * (picked[3] == 2) - 0.1 * table["n4"] + rng.normal(size=rows)
    frame = pd.DataFrame(table).assign(label=np.where(signal > 0.9, "yes", "no"))
    frame.loc[rng.random(rows) < 0.05, "n3"] = np.nan
    path = folder / f"day={file + 1}" / "part-0.parquet"
    path.parent.mkdir(parents=True)
    frame.to_parquet(path, index=False, row_group_size=group)
"""
_LOG = """
import json, sys, uuid, random
from datetime import UTC, datetime, timedelta
from pathlib import Path
import pyarrow.parquet as pq
from tagship.config.project_files import load_model
from tagship.training.lock import read_lock
root, model, table, lines, files = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
known = load_model(Path(root), model)
names = list(known.data.request)
rows = pq.ParquetFile(table).read_row_group(0, columns=names).slice(0, 20_000).to_pylist()
records = [json.dumps(row) for row in rows]
about = {"model": model, "release": "unreleased"}
about = json.dumps(about | {"model_sha256": read_lock(known.lock_path).artifact.sha256})[1:-1]
folder = Path(root) / ".tagship" / "predictions" / model
folder.mkdir(parents=True)
draw, now = random.Random(7), datetime.now(UTC)
for file in range(files):
    begin = now - timedelta(hours=files - file)
    path = folder / f"predictions-{begin:%Y%m%dT%H%M%S%f}-{file}.jsonl"
    with path.open("w") as handle:
        for at in range(lines // files):
            time = f"{begin + timedelta(seconds=3000 * at * files / lines):%Y-%m-%dT%H:%M:%S.%f}"
            p = draw.random()
            answer = f'{{"prediction": "{"yes" if p >= 0.5 else "no"}", "probability": {p}}}'
            head = f'"schema": 1, "time": "{time[:-3]}Z", "request_id": "{file:02d}{at:030x}"'
            record = records[at % len(records)]
            handle.write(f'{{{head}, {about}, "request": {record}, "response": {answer}}}\\n')
"""
_MODEL = """\
task: binary
select: {metric: roc_auc, folds: 2}
candidates:
  forest:
    estimator: sklearn.ensemble.RandomForestClassifier
    params: {n_estimators: %d, max_depth: 10, min_samples_leaf: 5}
"""
_THRESHOLDS = """\
metrics: {roc_auc: {fail_below: 0.5}}
baseline: {metric: roc_auc, margin: 0.01}
parity: {max_difference: 1.0e-5}
drift:
  method: wasserstein
  fail_above: 0.1
  categories: {method: jensen_shannon, fail_above: 0.1}
"""
_ANY_VERDICT = """
import subprocess, sys
sys.exit(subprocess.run(sys.argv[1:]).returncode not in (0, 3, 5))
"""


def make_events(folder: Path, first: int, last: int, rows: int) -> None:
    """Write the files from ``first`` until before ``last``, of so many rows each."""
    numbers = map(str, (first, last, rows, min(GROUP_ROWS, rows // 2)))
    run([sys.executable, "-c", _FILES, str(folder), *numbers])


def make_model(root: Path, trees: int) -> None:
    """A project with one model on the files of ``events/``, trained on a sample of them."""
    columns: dict[str, dict[str, object]] = {"seen": {"dtype": "datetime", "feature": False}}
    columns["day"] = {"dtype": "int", "feature": False}
    columns |= {f"n{i}": {"dtype": "float"} for i in range(7)}
    columns["n3"] = {"dtype": "float", "missing": 0.2}
    columns |= {f"c{i}": {"dtype": "int", "min": 0, "max": 1000} for i in range(4)}
    for i in range(5):
        columns[f"k{i}"] = {"dtype": "category", "values": [f"k{i}-{j}" for j in range(3 + i)]}
    data = {
        "source": {"kind": "parquet", "path": "events"},
        "target": {"column": "label", "positive": "yes"},
        "id": "event",
        "sample": {"rows": FEW},
        "columns": columns,
    }
    write_config(root, NAME, data, _MODEL % trees, _THRESHOLDS)
    copy_bento(root, NAME)


def bounded(what: str, value: float, unit: str, bound: float) -> Figure:
    """A figure with the bound that it must keep."""
    shown, most = (f"{number:,.4g} {unit}" for number in (value, bound))
    return Figure(what, shown, "", None, f"<= {most}", value <= bound)


def shown(what: str, sample: Sample) -> list[Figure]:
    """Time and memory without a bound."""
    return [
        Figure(f"{what}: time", f"{sample.seconds:.1f} s", "", None, "", None),
        Figure(f"{what}: peak memory", f"{sample.peak_mb:,.0f} MB", "", None, "", None),
    ]


def parquet(given: Namespace) -> tuple[list[Figure], dict[str, list[Sample]]]:
    """Validate, profile, train, score and watch."""
    rows, lines = given.rows, given.lines
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="tagship-bench-", dir=given.folder) as temporary:
        root = Path(temporary)
        events, day = root / "events", root / "events" / "day=1" / "part-0.parquet"
        make_events(events, 0, FILES, rows // FILES)
        make_model(root, 5 if given.quick else TREES)

        def timed(name: str, *command: str) -> Sample:
            samples[name] = [run([TAGSHIP, *command], root)]
            return samples[name][0]

        fresh = timed("validate", "validate", NAME)
        profile = timed("describe", "describe", NAME)
        known = timed("validate, all known", "validate", NAME)
        make_events(events, FILES, FILES + 1, rows // FILES)
        appended = timed("validate, one file appended", "validate", NAME)
        shutil.rmtree(events / f"day={FILES + 1}")
        trained = timed("run", "run", NAME)
        output = str(root / "scored.parquet")
        few = timed("predict a tenth", "predict", NAME, "--input", str(day), "--output", output)
        many = timed("predict", "predict", NAME, "--input", str(events), "--output", output)
        written = [sys.executable, "-c", _LOG, str(root), NAME, str(day), str(lines), str(FILES)]
        run(written)
        watch = [sys.executable, "-c", _ANY_VERDICT, TAGSHIP, "drift", NAME]
        samples["drift of a log"] = [run(watch, root)]
        table = [*watch, "--current", str(events)]
        samples["drift of the files"] = [run(table, root)]
    log, of_files = samples["drift of a log"][0], samples["drift of the files"][0]
    size = f"{rows:,} x 20 rows of Parquet"
    seconds, peak = fresh.seconds + profile.seconds, max(fresh.peak_mb, profile.peak_mb)
    figures = [
        bounded(f"{size}: validate, hash, profile: time", seconds, "s", PROFILE_SECONDS),
        bounded(f"{size}: validate, hash, profile: peak memory", peak, "MB", PROFILE_MB),
        *shown(f"{size}: validate alone", fresh),
        *shown("validate again, nothing changed", known),
        *shown("validate again, one file of ten appended", appended),
        *shown(f"tagship run on a sample of {FEW:,} of them", trained),
        bounded(f"predict {rows:,} rows: peak memory", many.peak_mb, "MB", PREDICT_MB),
        bounded(f"predict: from a tenth to {rows:,} rows", many.seconds / few.seconds, "x", GROWTH),
        *shown(f"predict {rows:,} rows", many)[:1],
        bounded(f"drift of {lines:,} log lines: peak memory", log.peak_mb, "MB", DRIFT_MB),
        *shown(f"drift of {lines:,} log lines", log)[:1],
        bounded(f"drift of {rows:,} rows: peak memory", of_files.peak_mb, "MB", DRIFT_MB),
        *shown(f"drift of {rows:,} rows", of_files)[:1],
    ]
    return figures, samples


PARTS = {"parquet": parquet, "dask": dask}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, help="of the data set; by default ten million")
    parser.add_argument("--lines", type=int, help="of the log; by default ten million")
    parser.add_argument("--folder", type=Path, help="where there is room: 8 GB for ten million")
    given = parse_parts(parser, PARTS)
    given.rows = given.rows or (200_000 if given.quick else 10_000_000)
    given.lines = given.lines or (20_000 if given.quick else 10_000_000)
    figures: list[Figure] = []
    samples: dict[str, list[Sample]] = {}
    for part in given.parts:
        made, runs = PARTS[part](given)
        figures += made
        samples |= {f"{part}: {name}": each for name, each in runs.items()}
    notes = {"rows": given.rows, "lines": given.lines}
    save("scale", Options(given.quick, given.results), figures, samples, notes)


if __name__ == "__main__":
    main()
