"""What the held-out rows of a table say of the winner, and of three models written by hand.

The peers are fitted to the rows that the winner was fitted to, from the clean table: numbers, truth
values, and texts of at most a hundred kinds. All are judged on the held-out rows that ``tagship
predict`` answered. ``python table_runs.py PROJECT MODEL CLEAN ANSWERS`` prints JSON.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from tagship.config.project_files import ModelFiles, load_model
from tagship.data.splitting import split_table
from tagship.data.table import load_table

METRICS = {"binary": "roc_auc", "multiclass": "f1", "regression": "r2"}
_MOST_KINDS = 100
_RESAMPLES = 500


def main(root: Path, model: str, clean_path: Path, answers_path: Path) -> dict[str, object]:
    files = load_model(root, model)
    clean = pd.read_parquet(clean_path)
    held = clean.pop("held out").to_numpy()
    task = files.model.task
    target = clean.pop(list(clean.columns)[_place(files, clean)])
    if task != "regression":
        target = target.astype(object).map(_text)
    before, truth = target[~held], target[held].to_numpy()
    kept = before.notna()
    if files.data.target.rare is not None:
        counts = before.value_counts()
        kept &= before.map(counts) >= files.data.target.rare.below
    table = load_table(files).frame
    assert len(table) == kept.sum(), f"{model}: {len(table)} rows were read, not {kept.sum()}"
    rows = before[kept].index[split_table(table, files.data, files.model).train]
    answers = pd.read_csv(answers_path, dtype={"prediction": str})
    answered = answers["row"].to_numpy(dtype=int) - 1
    judged = answered[np.isin(truth[answered], list(set(target[rows]))) | (task == "regression")]
    answers = answers[np.isin(answered, judged)]
    positive = _text(files.data.target.positive)
    classes = [] if task == "regression" else sorted(set(target[rows]))
    wanted = truth[judged]
    if task == "binary":
        wanted = wanted == positive
        ours = answers["probability"].to_numpy()
    elif task == "multiclass":
        ours = answers["prediction"].map(_text).to_numpy()
    else:
        ours = answers["prediction"].to_numpy(dtype=float)
    features = clean.loc[:, [_usable(clean[name]) for name in clean.columns]]
    said = {"ours": ours}
    for name, peer in _peers(features, task).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer.fit(features.loc[rows], target[rows].to_numpy())
            rest = features[held].iloc[judged]
            if task == "binary":
                said[name] = peer.predict_proba(rest)[:, classes.index(positive)]
            else:
                said[name] = peer.predict(rest)
    scores = {name: _score(task, wanted, each) for name, each in said.items()}
    best = max((name for name in said if name != "ours"), key=lambda name: scores[name])
    low, high = _interval(task, wanted, said[best], said["ours"])
    return {
        "metric": METRICS[task],
        "scores": scores,
        "best": best,
        "gap": scores[best] - scores["ours"],
        "interval": [low, high],
        "refused": 1 - len(answered) / held.sum(),
        "rows": {"trained": len(rows), "held out": int(held.sum()), "judged": len(judged)},
    }


def _place(files: ModelFiles, clean: pd.DataFrame) -> int:
    """Where the target stands: by its name, or by its number where the file names no column."""
    name = files.data.target.column
    if name in clean.columns:
        return list(clean.columns).index(name)
    return int(name.removeprefix("column_")) - 1


def _text(value: object) -> object:
    """A label, however truth values are spelt."""
    return np.nan if value is None or pd.isna(value) else str(value).lower()


def _usable(column: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(column):
        return True
    return not pd.api.types.is_datetime64_any_dtype(column) and column.nunique() <= _MOST_KINDS


def _peers(features: pd.DataFrame, task: str) -> dict[str, object]:
    numbers = [name for name in features.columns if pd.api.types.is_numeric_dtype(features[name])]
    texts = [name for name in features.columns if name not in numbers]
    regression = task == "regression"
    one_hot = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    scaled = make_pipeline(filled, StandardScaler())
    kinds = (
        (HistGradientBoostingRegressor, RandomForestRegressor, Ridge)
        if regression
        else (HistGradientBoostingClassifier, RandomForestClassifier, LogisticRegression)
    )
    prepare = (
        make_column_transformer(("passthrough", numbers), (ordinal, texts)),
        make_column_transformer((filled, numbers), (one_hot, texts)),
        make_column_transformer((scaled, numbers), (one_hot, texts)),
    )
    params: tuple[dict[str, object], ...] = (
        {"random_state": 0},
        {"random_state": 0, "n_jobs": -1},
        {} if regression else {"max_iter": 1000},
    )
    names = ("hist_gradient_boosting", "random_forest", "linear")
    made = (kind(**given) for kind, given in zip(kinds, params, strict=True))
    steps = zip(names, prepare, made, strict=True)
    return {name: make_pipeline(first, last) for name, first, last in steps}


def _score(task: str, truth: np.ndarray, said: np.ndarray) -> float:
    if task == "binary":
        return float(roc_auc_score(truth, said))
    if task == "regression":
        return float(r2_score(truth.astype(float), said))
    return float(f1_score(truth.astype(str), said.astype(str), average="macro", zero_division=0))


def _interval(
    task: str, truth: np.ndarray, best: np.ndarray, ours: np.ndarray
) -> tuple[float, float]:
    """Of the gap, from resamples of the judged rows."""
    random = np.random.default_rng(0)
    gaps = []
    for _ in range(_RESAMPLES):
        rows = random.integers(0, len(truth), len(truth))
        if len(set(truth[rows])) > 1:
            gaps.append(
                _score(task, truth[rows], best[rows]) - _score(task, truth[rows], ours[rows])
            )
    low, high = np.quantile(gaps, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
