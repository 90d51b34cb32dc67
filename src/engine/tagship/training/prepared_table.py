"""A table as arrays, its holdout set apart, and an artifact's scores on the holdout."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.model import ModelConfig
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary
from tagship.data.splitting import Holdout, check_leakage, split_table
from tagship.data.table import encode_target, make_boundary, request_columns
from tagship.data.terms import shorten_texts, with_terms
from tagship.errors import TagshipError
from tagship.training import metrics
from tagship.training.bundle import Evidence
from tagship.training.export import artifact_scorer
from tagship.training.project_code import check_served

LEAK_ROWS = 4000
"""Of the training rows, as many are kept to find leaks; of the holdout, as many are judged."""


@dataclass(frozen=True)
class PreparedTable:
    """What training and judging see of a table."""

    boundary: Boundary
    matrix: NDArray[np.float32]
    target: NDArray[Any]
    holdout: Holdout
    weights: NDArray[np.float64] | None = None
    """How much each row counts; None where all count alike."""
    groups: NDArray[np.int64] | None = None
    """The number of each row's group; None where the split knows none."""

    def weights_of(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """The weights of some rows."""
        return None if self.weights is None else self.weights[rows]


def prepare(files: ModelFiles, frame: pd.DataFrame) -> PreparedTable:
    """Derive, split and encode a checked table.

    Raises:
        TagshipError: the feature function breaks its protocol, or the split cannot be made.
    """
    boundary = make_boundary(files, frame)
    check_served(files)
    metrics.check_labels(files, boundary.classes)
    try:
        holdout = split_table(frame, files.data, files.model)
        check_leakage(frame, holdout, files.data, _allowed(files))
        weights = _weights(frame, holdout, files.data.weight)
        boundary = with_terms(boundary, files.data, frame, holdout.train)
    except TagshipError as error:
        raise error.within(files.folder / "data.yaml") from None
    matrix = boundary.matrix(request_columns(frame, files.data))
    target = encode_target(frame, files.data, boundary)
    group = files.data.split.group
    groups = None if group is None else pd.factorize(frame[group].astype("str"))[0]
    return PreparedTable(boundary, matrix, target, holdout, weights, groups)


def _allowed(files: ModelFiles) -> Collection[str]:
    return files.thresholds.leakage.allow if files.thresholds.leakage else ()


def _weights(frame: pd.DataFrame, holdout: Holdout, name: str | None) -> NDArray[np.float64] | None:
    if name is None:
        return None
    weights = frame[name].to_numpy(np.float64)
    for rows, side in ((holdout.train, "training rows"), (holdout.test, "holdout")):
        if not weights[rows].any():
            raise TagshipError(
                f"weight: '{name}' is 0 in the whole {side}", "split otherwise, or mend the weights"
            )
    return weights


def make_evidence(
    files: ModelFiles,
    frame: pd.DataFrame,
    prepared: PreparedTable,
    artifact: bytes,
    pipeline_scores: NDArray[np.floating],
) -> Evidence:
    """The holdout rows, scored by an artifact; ``pipeline_scores`` are scikit-learn's own."""
    test = prepared.holdout.test
    matrix = prepared.matrix[test]
    holdout_frame = frame.iloc[test]
    thresholds = files.thresholds
    by = [*(thresholds.slices.by if thresholds.slices else [])]
    by += [thresholds.fairness.by] if thresholds.fairness else []
    by += thresholds.behaviour.by if thresholds.behaviour else []
    train, time = prepared.holdout.train, files.data.split.time
    sampled = balanced_rows(prepared.target[train], files.model, LEAK_ROWS)
    return Evidence(
        matrix=matrix,
        target=prepared.target[test],
        scores=artifact_scorer(artifact, files.model.task)(matrix),
        pipeline_scores=pipeline_scores,
        columns=shorten_texts(request_columns(holdout_frame, files.data)),
        groups={name: _group_texts(holdout_frame[name]) for name in dict.fromkeys(by)},
        train_target=prepared.target[train],
        weights=prepared.weights_of(test),
        train_weights=prepared.weights_of(train),
        train_rows=sampled,
        train_matrix=prepared.matrix[train[sampled]],
        times=holdout_frame[time].to_numpy() if time else None,
        rows=test,
    )


def balanced_rows(target: NDArray[Any], model: ModelConfig, most: int) -> NDArray[np.int64]:
    """Places of up to ``most`` rows by chance, class after class in turn, so that none is lost."""
    order = np.random.default_rng(model.select.seed).permutation(len(target))
    if model.task == "regression":
        return order[:most]
    turns = pd.Series(target[order]).groupby(target[order]).cumcount().to_numpy()
    return order[np.argsort(turns, kind="stable")][:most]


def _group_texts(values: pd.Series) -> NDArray[np.str_]:
    texts = values.astype(object).where(values.notna(), "(missing)")
    if pd.api.types.is_numeric_dtype(values.dtype):
        texts = values.map({1.0: "true", 0.0: "false"}).fillna("(missing)")
    return np.asarray(texts, dtype=np.str_)
