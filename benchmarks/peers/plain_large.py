"""Plain scikit-learn on the large table: ``plain_large.py FILE.csv FOLDS TREES``.

pandas.read_csv, the same holdout and folds, HistGradientBoosting with categories encoded as
numbers, ROC AUC, joblib.dump. No contract, hash, leakage check, ONNX, intervals or lock.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder


def make(trees: int) -> Pipeline:
    """The unfitted pipeline."""
    encode = ColumnTransformer(
        [
            (
                "categories",
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                [f"k{i}" for i in range(4)],
            )
        ],
        remainder="passthrough",
    )
    boosting = HistGradientBoostingClassifier(max_iter=trees, early_stopping=False, random_state=42)
    return Pipeline([("prepare", encode), ("estimate", boosting)])


def main(path: Path, count: int, trees: int) -> None:
    table = pd.read_csv(path)
    target = (table.pop("label") == "yes").astype(int)
    train, test = train_test_split(
        np.arange(len(table)), test_size=0.2, random_state=42, stratify=target
    )
    train, test = np.sort(train), np.sort(test)
    folds = StratifiedKFold(count, shuffle=True, random_state=42)
    found = []
    for fit, judge in folds.split(train, target.iloc[train]):
        fitted = make(trees).fit(table.iloc[train[fit]], target.iloc[train[fit]])
        rows = train[judge]
        found.append(roc_auc_score(target.iloc[rows], fitted.predict_proba(table.iloc[rows])[:, 1]))
    best = make(trees).fit(table.iloc[train], target.iloc[train])
    held = roc_auc_score(target.iloc[test], best.predict_proba(table.iloc[test])[:, 1])
    joblib.dump(best, path.with_suffix(".joblib"))
    print(f"cross-validated {np.mean(found):.4f}, holdout {held:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
