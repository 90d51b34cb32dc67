"""The model that `serving.py` and `soak.py` serve: churn's forest on 20 mixed columns."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import PEERS, TAGSHIP, run
from project import copy_bento, write_config

NAME = "forest"
NUMBERS, COUNTS, CATEGORIES = 10, 4, 6
"""Columns: numbers (three of them with gaps), whole numbers, categories of 3 to 8 values."""

# Numbers are multiples of 1/64, so that float32 and float64 hold the same.
_TABLE = """
import sys
import numpy as np, pandas as pd
rows, path = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(11)
table = {f"n{i}": np.round(rng.normal(0, 1 + i, rows) * 64) / 64 for i in range(10)}
table |= {f"c{i}": rng.poisson(2 + 3 * i, rows) for i in range(4)}
picked = [rng.integers(0, 3 + i, rows) for i in range(6)]
table |= {f"k{i}": np.array([f"k{i}-{j}" for j in range(3 + i)])[picked[i]] for i in range(6)}
signal = table["n0"] + 0.3 * table["n1"] * (picked[0] == 1) + 0.2 * table["c0"]
signal = signal + 0.5 * (picked[3] == 2) - 0.1 * table["n4"]
frame = pd.DataFrame(table)
for name in ("n3", "n4", "n5"):
    frame.loc[rng.random(rows) < 0.05, name] = np.nan
noise = rng.normal(size=rows)
frame.assign(label=np.where(signal + noise > 0.9, "yes", "no")).to_csv(path, index=False)
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
"""


def make_forest(folder: Path, rows: int, trees: int) -> None:
    """A project with the model, run by ``tagship run``; the same fit in the peers' forms beside it.

    ``peer/`` holds pipeline.joblib and mlflow/; ``artifact`` leads to our own model.onnx.
    """
    columns: dict[str, dict[str, object]] = {f"n{i}": {"dtype": "float"} for i in range(NUMBERS)}
    for name in ("n3", "n4", "n5"):
        columns[name] = {"dtype": "float", "missing": 0.2}
    columns |= {f"c{i}": {"dtype": "int", "min": 0, "max": 1000} for i in range(COUNTS)}
    for i in range(CATEGORIES):
        columns[f"k{i}"] = {"dtype": "category", "values": [f"k{i}-{j}" for j in range(3 + i)]}
    data = {
        "source": {"kind": "csv", "path": f"{NAME}.csv"},
        "target": {"column": "label", "positive": "yes"},
        "split": {"test": 0.2, "stratify": True, "seed": 42},
        "columns": columns,
    }
    write_config(folder, NAME, data, _MODEL % trees, _THRESHOLDS)
    copy_bento(folder, NAME)
    run([sys.executable, "-c", _TABLE, str(rows), str(folder / f"{NAME}.csv")])
    run([TAGSHIP, "run", NAME], folder)
    built = next((folder / ".tagship" / "bentoml" / "bentos" / NAME).glob("*/src/artifact"))
    (folder / "artifact").symlink_to(built)
    run([sys.executable, str(PEERS / "fit_forest.py"), str(folder), NAME])


@contextmanager
def packed_forest(quick: bool, kept: Path | None = None) -> Iterator[Path]:
    """The project's folder; one that is kept is only packed anew when it is there already."""
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = kept or Path(temporary)
        if (folder / "peer" / "mlflow").is_dir():
            run([TAGSHIP, "build", NAME], folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            make_forest(folder, *((600, 10) if quick else (10_000, 100)))
        yield folder


def read_records(folder: Path, count: int) -> list[dict[str, object]]:
    """The table's first rows as JSON records."""
    script = (
        "import json, sys, pandas as pd\n"
        "frame = pd.read_csv(sys.argv[1], nrows=int(sys.argv[2])).drop(columns='label')\n"
        "print(frame.to_json(orient='records'))"
    )
    found = run([sys.executable, "-c", script, str(folder / f"{NAME}.csv"), str(count)])
    records: list[dict[str, object]] = json.loads(found.output.splitlines()[-1])
    return records
