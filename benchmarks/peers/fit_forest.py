"""``fit_forest.py PROJECT MODEL``: the pipeline on pandas columns, for joblib and for MLflow.

The same rows, parameters and seed as ``tagship run``, so every server can give the same answers.
"""

import sys
from pathlib import Path

import joblib
import mlflow.sklearn
import numpy as np
from sklearn.model_selection import train_test_split
from tables import load, pipeline


def main(folder: Path, name: str) -> None:
    model, frame, target = load(folder, name)
    train, _ = train_test_split(
        np.arange(len(frame)),
        test_size=model["split"]["test"],
        random_state=model["split"]["seed"],
        stratify=target,
    )
    train = np.sort(train)
    (candidate,) = model["candidates"]
    fitted = pipeline(model, frame, candidate, jobs=-1)
    fitted.fit(frame.iloc[train], target.iloc[train])
    fitted[-1].set_params(n_jobs=None)  # scikit-learn's default, and the fastest for one row
    (folder / "peer").mkdir()
    joblib.dump(fitted, folder / "peer" / "pipeline.joblib")
    mlflow.sklearn.save_model(
        fitted,
        folder / "peer" / "mlflow",
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        pip_requirements=["scikit-learn"],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
