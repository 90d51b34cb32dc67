"""Plain Optuna over scikit-learn: ``plain_tune.py PROJECT MODEL CANDIDATE TRIALS_JSON FOLDS``.

The trials of a search of ours, the same parameters in the same order, enqueued: the same folds, the
same pruner, a storage in memory. No contract, no process of its own, no MLflow, no page.
"""

import json
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import optuna
from plain_train import score
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from tables import load, pipeline, show

warnings.simplefilter("ignore", ConvergenceWarning)


def main(folder: Path, name: str, candidate: str, trials: Path, folds: int) -> None:
    model, frame, target = load(folder, name)
    regression, select, split = model["task"] == "regression", model["select"], model["split"]
    train, _ = train_test_split(
        np.arange(len(frame)),
        test_size=split["test"],
        random_state=split["seed"],
        stratify=target if split.get("stratify") else None,
    )
    train = np.sort(train)
    splitter = (KFold if regression else StratifiedKFold)(
        folds, shuffle=True, random_state=select.get("seed", 42)
    )
    splits = [
        (train[fit], train[judge]) for fit, judge in splitter.split(train, target.iloc[train])
    ]
    given = json.loads(trials.read_text())
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="minimize" if select["metric"] == "rmse" else "maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=8),
        sampler=optuna.samplers.TPESampler(seed=42),
    )
    started = time.perf_counter()
    fits = 0
    for params, steps in given:
        trial, values = study.ask(), []
        for fit, judge in splits[:steps]:
            fitted = pipeline(model, frame, candidate, jobs=-1)
            fitted[-1].set_params(**params)
            fitted.fit(frame.iloc[fit], target.iloc[fit])
            values.append(score(select["metric"], fitted, frame.iloc[judge], target.iloc[judge]))
            trial.report(float(np.mean(values)), len(values))
            trial.should_prune()
            fits += 1
        if steps == folds:
            study.tell(trial, float(np.mean(values)))
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    show({"best": study.best_value, "fits": fits, "seconds": time.perf_counter() - started})


if __name__ == "__main__":
    project = Path(sys.argv[1])
    sys.path.append(str(project / "src"))
    import_module("features")
    main(project, *sys.argv[2:4], Path(sys.argv[4]), int(sys.argv[5]))
