"""A course-style pipeline: ``course.py PROJECT MODEL…``, the same tables and candidates, no folds.

One fit per candidate on the training rows with n_jobs as scikit-learn defaults it; each logged to
MLflow (sqlite) as a run of its own by the fluent API, with ``log_model`` that infers requirements
and takes an input example; joblib.dump; two matplotlib PNGs. No validation of the data, gates,
intervals, lock, bento or report.
"""

import os
import sys
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import mlflow
from sklearn import metrics
from sklearn.model_selection import train_test_split
from tables import load, pipeline

warnings.simplefilter("ignore")


def main(folder: Path, names: list[str]) -> None:
    os.chdir(folder)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'course.db'}")
    for name in names:
        mlflow.set_experiment(name)
        model, frame, target = load(folder, name)
        split = model["split"]
        parts = train_test_split(
            frame,
            target,
            test_size=split["test"],
            random_state=split["seed"],
            stratify=target if split.get("stratify") else None,
        )
        for candidate in model["candidates"]:
            with mlflow.start_run(run_name=candidate):
                one_run(folder, name, model, candidate, *parts)


def one_run(folder, name, model, candidate, train, test, y_train, y_test) -> None:
    """Fit, measure, draw and log one candidate."""
    fitted = pipeline(model, train, candidate, jobs=None).fit(train, y_train)
    predicted = fitted.predict(test)
    mlflow.log_params(model["candidates"][candidate]["params"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    if model["task"] == "regression":
        mlflow.log_metric("rmse", metrics.root_mean_squared_error(y_test, predicted))
        mlflow.log_metric("r2", metrics.r2_score(y_test, predicted))
        left.scatter(y_test, predicted, s=4)
        right.hist(y_test - predicted, bins=50)
    else:
        mlflow.log_metric("accuracy", metrics.accuracy_score(y_test, predicted))
        mlflow.log_metric("f1", metrics.f1_score(y_test, predicted, average="macro"))
        metrics.ConfusionMatrixDisplay.from_predictions(y_test, predicted, ax=left)
        if model["task"] == "binary":
            metrics.RocCurveDisplay.from_estimator(fitted, test, y_test, ax=right)
    path = folder / f"{name}-{candidate}"
    figure.savefig(f"{path}.png")
    plt.close(figure)
    mlflow.log_artifact(f"{path}.png")
    joblib.dump(fitted, f"{path}.joblib")
    # cloudpickle: the default format, skops, refuses forests without a list of trusted types.
    mlflow.sklearn.log_model(
        fitted, name="model", input_example=test[:5], serialization_format="cloudpickle"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
