"""What both small-table scripts start from: a table as pandas reads it, and its pipelines."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def load(folder: Path, name: str) -> tuple[dict, pd.DataFrame, pd.Series]:
    """model.yaml, the features as a frame and the target of one model."""
    model = yaml.safe_load((folder / "config" / name / "model.yaml").read_text())
    data = yaml.safe_load((folder / "config" / name / "data.yaml").read_text())
    table = pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""])
    target = table[data["target"]["column"]]
    if model["task"] == "binary":
        target = (target.astype(str) == str(data["target"]["positive"])).astype(int)
    columns = {k: v for k, v in data["columns"].items() if v.get("feature", True)}
    frame = table[list(columns)].copy()
    for column, rule in columns.items():
        if rule["dtype"] == "bool" and frame[column].dtype.kind not in "biuf":
            frame[column] = frame[column].astype(str).str.lower().eq("true")
        if rule["dtype"] != "category":
            frame[column] = frame[column].astype(float)
    if "features" in model:
        module, function = model["features"].split(":")
        given = {column: frame[column].to_numpy() for column in frame}
        derived = getattr(import_module(module), function)(given)
        frame = frame.assign(**{k: np.asarray(v, dtype=float) for k, v in derived.items()})
    model["split"] = data["split"]
    model["categories"] = {k: v["values"] for k, v in columns.items() if v["dtype"] == "category"}
    return model, frame, target


def pipeline(model: dict, frame: pd.DataFrame, name: str, jobs: int | None) -> Pipeline:
    """One candidate of model.yaml as a scikit-learn pipeline over the frame."""
    candidate = model["candidates"][name]
    module, _, kind = candidate["estimator"].rpartition(".")
    estimator = getattr(import_module(module), kind)(**candidate.get("params", {}))
    known = estimator.get_params()
    extra = {"random_state": model["select"].get("seed", 42)}
    if module == "sklearn.ensemble":
        extra["n_jobs"] = jobs
    estimator.set_params(**{k: v for k, v in extra.items() if k in known})
    steps = []
    if candidate.get("impute", "median") != "none":
        steps.append(("impute", SimpleImputer(strategy=candidate.get("impute", "median"))))
    if candidate.get("scale"):
        steps.append(("scale", StandardScaler()))
    categories = [[str(v) for v in values] for values in model["categories"].values()]
    numbers = [column for column in frame if column not in model["categories"]]
    parts = [("numbers", Pipeline(steps) if steps else "passthrough", numbers)]
    if categories:
        encode = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
        if candidate.get("encode") == "ordinal":
            encode = OrdinalEncoder(categories=categories)
        parts.append(("categories", encode, list(model["categories"])))
    return Pipeline([("prepare", ColumnTransformer(parts)), ("estimate", estimator)])


def show(found: dict) -> None:
    """Print the result as the last line, in JSON."""
    print(json.dumps(found))
