"""Plain scikit-learn: ``plain_train.py PROJECT MODEL`` does the fits that ``tagship train`` does.

The same CSV, holdout, folds, candidates, parameters and n_jobs; then the refit of the winner, the
holdout's metrics by scikit-learn, and joblib.dump. No contract, hash, ONNX, intervals or lock.
"""

import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from tables import load, pipeline, show

warnings.simplefilter("ignore", ConvergenceWarning)


def score(metric: str, fitted: object, x: object, y: object) -> float:
    """The metric by which model.yaml selects."""
    match metric:
        case "rmse":
            return metrics.root_mean_squared_error(y, fitted.predict(x))
        case "roc_auc":
            return metrics.roc_auc_score(y, fitted.predict_proba(x)[:, 1])
        case "pr_auc":
            return metrics.average_precision_score(y, fitted.predict_proba(x)[:, 1])
        case _:
            return metrics.f1_score(y, fitted.predict(x), average="macro")


def main(folder: Path, name: str) -> None:
    model, frame, target = load(folder, name)
    regression = model["task"] == "regression"
    split, select = model["split"], model["select"]
    train, test = train_test_split(
        np.arange(len(frame)),
        test_size=split["test"],
        random_state=split["seed"],
        stratify=target if split.get("stratify") else None,
    )
    train, test = np.sort(train), np.sort(test)
    folds = (KFold if regression else StratifiedKFold)(
        select["folds"], shuffle=True, random_state=select.get("seed", 42)
    )
    splits = [(train[fit], train[judge]) for fit, judge in folds.split(train, target.iloc[train])]
    means = {}
    for candidate in model["candidates"]:
        found = []
        for fit, judge in splits:
            fitted = pipeline(model, frame, candidate, jobs=-1)
            fitted.fit(frame.iloc[fit], target.iloc[fit])
            found.append(score(select["metric"], fitted, frame.iloc[judge], target.iloc[judge]))
        means[candidate] = float(np.mean(found))
    winner = (min if select["metric"] == "rmse" else max)(means, key=means.get)
    best = pipeline(model, frame, winner, jobs=-1).fit(frame.iloc[train], target.iloc[train])
    held = score(select["metric"], best, frame.iloc[test], target.iloc[test])
    joblib.dump(best, folder / f"{name}.joblib")
    show({"candidates": means, "winner": winner, "holdout": held})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
