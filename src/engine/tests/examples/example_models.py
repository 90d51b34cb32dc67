"""What every example model of the template keeps; each has a test module that leaves with it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import find_root
from tagship.config.sources import PythonSource
from tagship.data.table import load_table, make_boundary, request_columns
from tagship.data.validation import check_contract
from tagship.sources.read import read_source
from tagship.training.estimators import make_pipeline
from tagship.training.export import artifact_scorer, pipeline_scores, to_onnx_bytes
from tagship.training.lock import read_lock

Columns = dict[str, NDArray[Any]]
Derive = Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]

ROOT = find_root(Path(__file__).parent)
ROWS = 2_000


def config(name: str) -> ModelFiles:
    """An example's config."""
    return load_model(ROOT, name)


def made_up(name: str, rows: int, seed: int) -> pd.DataFrame:
    """An example's table, by another number of rows or seed."""
    arguments = {"rows": rows, "seed": seed}
    declared = {"kind": "python", "function": f"sources.{name}:table", "arguments": arguments}
    return read_source(PythonSource.model_validate(declared), ROOT)


def check_made_up_table(name: str, rows: int) -> None:
    """The function gives the columns and rows that data.yaml declares, by any seed."""
    files = config(name)
    data = files.data
    assert isinstance(data.source, PythonSource)
    assert data.source.function == f"sources.{name}:table"
    assert data.source.arguments == {"rows": rows, "seed": 42}
    for seed in (42, 7):
        frame = made_up(name, rows, seed)
        declared = [*([data.id] if data.id else []), *data.columns, data.target.column]
        assert list(frame.columns) == declared
        assert len(check_contract(frame, data, files.model.task)) == rows


def check_bar(name: str, metric: str, bar: float) -> None:
    """The bar of the course is a gate, and the locked model is over it."""
    files = config(name)
    assert files.thresholds.metrics[metric].fail_below == bar
    assert read_lock(files.lock_path).metrics[metric].value > bar


def check_artifacts(name: str) -> None:
    """The artifact equals scikit-learn for every candidate over all rows."""
    files = config(name)
    frame = load_table(files).frame
    boundary = make_boundary(files, frame)
    matrix = boundary.matrix(request_columns(frame, files.data))
    target = frame[files.data.target.column].astype("str").factorize(sort=True)[0]
    if files.model.task == "regression":
        target = frame[files.data.target.column].to_numpy()
    unit = target.std() if files.model.task == "regression" else 1
    rows = np.random.default_rng(0).permutation(len(matrix))[:3000]
    for candidate in files.model.candidates.values():
        pipeline = make_pipeline(boundary, candidate, seed=1, jobs=1)
        pipeline.fit(matrix[rows], target[rows])
        artifact = to_onnx_bytes(pipeline, matrix.shape[1])
        theirs = pipeline_scores(pipeline, matrix, files.model.task)
        ours = artifact_scorer(artifact, files.model.task)(matrix)
        assert np.abs(ours - theirs).max() / unit < 1e-5, candidate.estimator


def request(name: str, rows: int = ROWS) -> Columns:
    """Request columns as the protocol hands them over."""
    frame = made_up(name, rows, 5)
    return {
        column: (
            frame[column].to_numpy(np.float64)
            if kind.numeric
            else frame[column].astype(object).to_numpy()
        )
        for column, kind in config(name).data.request.items()
    }


def check_features(name: str, derive: Derive) -> None:
    """A feature function keeps the protocol that training and serving rely on."""
    files = config(name)
    assert files.model.features == f"features.{name}:derive"
    columns = request(name)
    derived = derive(columns)
    for column, values in request(name).items():
        assert pd.Series(values).equals(pd.Series(columns[column])), f"{column} was changed"
    assert len(derived) >= 3
    assert not derived.keys() & {*files.data.columns, files.data.target.column, files.data.id}
    alone = derive({column: values[7:8] for column, values in columns.items()})
    incomplete = np.any([pd.isna(values) for values in columns.values()], axis=0)
    assert incomplete.any()
    for feature, values in derived.items():
        assert values.shape == (ROWS,)
        assert values.dtype in (np.float64, np.bool_)
        assert not np.isnan(values[~incomplete].astype(np.float64)).any(), feature
        np.testing.assert_allclose(alone[feature].astype(float), values[7:8].astype(float))
    for end in ("min", "max"):
        edge = {
            column: np.array([float(getattr(kind, end) or 0.0)])
            for column, kind in files.data.request.items()
            if kind.numeric
        }
        for feature, values in derive(edge).items():
            assert np.isfinite(values.astype(np.float64)).all(), (feature, end)
