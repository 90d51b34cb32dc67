"""Projects in temporary folders: the repository's own models, and one large table."""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from measure import ROOT, run

MODELS = ("churn", "fraud", "housing", "iris")

_TABLES = """
import sys
from pathlib import Path
from tagship.config.project_files import load_model
from tagship.sources.read import read_source
root = Path(sys.argv[1])
for name in sys.argv[2:]:
    files = load_model(root, name)
    read_source(files.data.source, root).to_csv(root / f"{name}.csv", index=False)
"""


def copy_models(folder: Path, models: tuple[str, ...] = MODELS) -> Path:
    """A project with these models of the repository, no lock, and each table as ``<model>.csv``."""
    for package in ("features", "sources"):
        shutil.copytree(ROOT / "src" / package, folder / "src" / package)
    (folder / "config").mkdir()
    shutil.copy(ROOT / "config" / "project.yaml", folder / "config")
    for name in models:
        unlocked = shutil.ignore_patterns("model.lock.yaml", "reference.json")
        shutil.copytree(ROOT / "config" / name, folder / "config" / name, ignore=unlocked)
        shutil.copytree(ROOT / "bentos" / name, folder / "bentos" / name)
    run([sys.executable, "-c", _TABLES, str(folder), *models])
    return folder


# Twenty columns: twelve numbers, three counts, four categories, one truth value.
_LARGE = """
import sys
import numpy as np, pandas as pd
rows, folder = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(7)
table = {f"n{i}": rng.normal(size=rows).round(5) for i in range(12)}
table |= {f"c{i}": rng.poisson(3 + i, rows) for i in range(3)}
levels = [np.array([f"k{i}-{j}" for j in range(4 + 4 * i)]) for i in range(4)]
picked = [rng.integers(0, len(level), rows) for level in levels]
table |= {f"k{i}": levels[i][picked[i]] for i in range(4)}
table["b0"] = np.where(rng.random(rows) < 0.3, "true", "false")
signal = table["n0"] + table["n1"] * table["n2"] + 0.3 * table["c0"] + 0.4 * (picked[0] == 1)
label = np.where(signal + rng.normal(size=rows) > 1.2, "yes", "no")
frame = pd.DataFrame(table)
for name in ("n3", "n4", "n5"):
    frame.loc[rng.random(rows) < 0.05, name] = np.nan
frame = frame.assign(label=label)
frame.to_csv(f"{folder}/large.csv", index=False)
frame.to_parquet(f"{folder}/large.parquet")
"""

_LARGE_MODEL = """\
task: binary
select: {metric: roc_auc, folds: %d}
candidates:
  gradient_boosting:
    estimator: sklearn.ensemble.HistGradientBoostingClassifier
    params: {max_iter: %d, early_stopping: false}
    impute: none
    encode: ordinal
"""

_LARGE_THRESHOLDS = """\
metrics: {roc_auc: {fail_below: 0.5}}
baseline: {metric: roc_auc, margin: 0.01}
parity: {max_difference: 1.0e-5}
"""


def make_large(folder: Path, rows: int, folds: int, trees: int) -> None:
    """A project with one model, ``large``, and its table as large.csv and large.parquet."""
    columns: dict[str, dict[str, object]] = {f"n{i}": {"dtype": "float"} for i in range(12)}
    for name in ("n3", "n4", "n5"):
        columns[name] = {"dtype": "float", "missing": 0.2}
    columns |= {f"c{i}": {"dtype": "int", "min": 0, "max": 1000} for i in range(3)}
    for i in range(4):
        values = [f"k{i}-{j}" for j in range(4 + 4 * i)]
        columns[f"k{i}"] = {"dtype": "category", "values": values}
    columns["b0"] = {"dtype": "bool"}
    data = {
        "source": {"kind": "csv", "path": "large.csv"},
        "target": {"column": "label", "positive": "yes"},
        "split": {"test": 0.2, "stratify": True, "seed": 42},
        "columns": columns,
    }
    write_config(folder, "large", data, _LARGE_MODEL % (folds, trees), _LARGE_THRESHOLDS)
    run([sys.executable, "-c", _LARGE, str(rows), str(folder)])


def read_from(folder: Path, model: str, kind: str) -> None:
    """Let a model read the ``<model>.<kind>`` (csv or parquet) that lies in the project."""
    path = folder / "config" / model / "data.yaml"
    text = path.read_text(encoding="utf-8")
    source = f"source: {{kind: {kind}, path: {model}.{kind}}}"
    text, count = re.subn(r"(?m)^source: .*$", source, text)
    assert count == 1, f"{path}: one source"
    path.write_text(text, encoding="utf-8")


def write_config(
    root: Path, name: str, data: Mapping[str, object], model: str, thresholds: str
) -> None:
    """A project with one model, from the content of its three YAML files."""
    config = root / "config" / name
    config.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "config" / "project.yaml", root / "config")
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in data.items())
    (config / "data.yaml").write_text(lines, encoding="utf-8")
    (config / "model.yaml").write_text(model, encoding="utf-8")
    (config / "thresholds.yaml").write_text(thresholds, encoding="utf-8")


def copy_bento(root: Path, name: str) -> None:
    """Let a model be served as churn is."""
    bento = root / "bentos" / name
    bento.mkdir(parents=True)
    for file in ("bentofile.yaml", "service.py"):
        text = (ROOT / "bentos" / "churn" / file).read_text(encoding="utf-8")
        (bento / file).write_text(text.replace("churn", name), encoding="utf-8")
