"""How far to trust a model: its gap to the training rows, its worst rows, its threshold."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.model import ChosenThreshold, higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary
from tagship.contract.display import readable
from tagship.data.personal_data import is_personal
from tagship.formatting import percent, plain
from tagship.reports.report_view import measure
from tagship.training import metrics
from tagship.training.bundle import Bundle

_LARGE = 0.1
"""A gap above this share of the larger score is large, unless it may be chance."""
_ROWS = 10
_COLUMNS = 6
_LETTERS = 40


@dataclass(frozen=True)
class Gap:
    """The selection metric on the training rows and on the holdout."""

    train: str
    holdout: str
    gap: str
    large: bool


@dataclass(frozen=True)
class HoldoutRow:
    """A row with a large loss, or whose score moved far. It stays on the machine."""

    number: int
    """Its place in the table, from 1."""
    actual: str
    predicted: str
    distance: str
    """The probability of the actual class, how far a number is off, or how far the score moved."""
    columns: dict[str, str]
    """Some features, which are no personal data."""
    before: str = ""
    """What the champion predicted."""


@dataclass(frozen=True)
class ThresholdRow:
    """What a threshold decides on the holdout."""

    threshold: float
    used: bool
    positives: str
    share: str
    cells: dict[str, str]
    """Text by the name of a metric."""


def is_uploaded() -> bool:
    """Whether reports leave this machine, as in CI, and so must show no row of the table."""
    return bool(os.environ.get("CI"))


def training_gap(files: ModelFiles, bundle: Bundle) -> Gap | None:
    """How much better the winner is on rows that it was fitted to; None where undefined."""
    metric, train = files.model.select.metric, bundle.diagnosis.train
    holdout = measure(files, bundle, metric)
    if train is None or not np.isfinite(holdout):
        return None
    gap = train - holdout if higher_is_better(metric) else holdout - train
    interval = bundle.lock.metrics.get(metric)
    chance = interval is not None and interval.low <= train <= interval.high
    large = gap > _LARGE * max(abs(train), abs(holdout)) and not chance
    text = f"{plain(gap)} worse" if gap > 0 else "no worse"
    return Gap(plain(train), plain(holdout), text, large)


def worst_rows(
    files: ModelFiles, bundle: Bundle, importances: Sequence[tuple[str, float]] = ()
) -> list[HoldoutRow]:
    """The holdout rows with the largest log loss or absolute error, largest first.

    None in CI (the variable ``CI`` is set), whose reports are uploaded.

    Args:
        importances: from ``importance``: its first features are shown.
    """
    evidence, boundary = bundle.evidence, bundle.boundary
    if is_uploaded() or evidence.rows is None:
        return []
    target, scores = evidence.target, evidence.scores.astype(np.float64)
    if boundary.classes:
        decided: NDArray[Any] = metrics.decide(scores, boundary.threshold)
        if scores.ndim == 1:
            likely = np.where(target == 1, scores, 1 - scores)
        else:
            likely = scores[np.arange(len(target)), target]
        order, off = np.argsort(likely, kind="stable"), [percent(share) for share in likely]
    else:
        decided, errors = scores, np.abs(scores - target)
        order, off = np.argsort(-errors, kind="stable"), [plain(error) for error in errors]

    shown = order[:_ROWS]
    features = shown_columns(files, bundle, shown, importances)
    return [
        HoldoutRow(
            number=int(evidence.rows[row]) + 1,
            actual=decision_text(boundary, target[row]),
            predicted=decision_text(boundary, decided[row]),
            distance=off[row],
            columns=columns,
        )
        for row, columns in zip(shown, features, strict=True)
    ]


def decision_text(boundary: Boundary, value: Any) -> str:
    """A decision, or what happened, in words."""
    return boundary.classes[int(value)] if boundary.classes else plain(float(value))


def shown_columns(
    files: ModelFiles,
    bundle: Bundle,
    rows: NDArray[np.int64],
    importances: Sequence[tuple[str, float]] = (),
) -> list[dict[str, str]]:
    """What a report may show of these holdout rows: a few features that do not look personal."""
    columns, features = bundle.evidence.columns, files.data.features
    ranked = [name for name, _ in importances if name in features]
    safe = []
    for name in dict.fromkeys([*ranked, *features]):
        values = pd.Series(columns[name])
        declared = features[name].dtype == "category"
        if declared or not is_personal(name, values, int(values.nunique())):
            safe.append(name)
    fields = {field.name: field for field in bundle.boundary.fields}
    return [
        {name: readable(fields[name], columns[name][row])[:_LETTERS] for name in safe[:_COLUMNS]}
        for row in rows
    ]


def threshold_reason(files: ModelFiles) -> str:
    """Why a binary model decides from its threshold on."""
    declared = files.model.threshold
    if isinstance(declared, ChosenThreshold):
        metric = "value by the prices of thresholds.yaml" if declared.maximise == "value" else None
        return (
            f"training chose it for the best {metric or declared.maximise} on the winner's scores"
            " of the folds (model.yaml: threshold.maximise); the holdout had no say"
        )
    if "threshold" in files.model.model_fields_set:
        return "model.yaml declares it"
    return "the usual, since model.yaml declares none"


def threshold_rows(files: ModelFiles, bundle: Bundle) -> list[ThresholdRow]:
    """The model's threshold, and 0.5 beside it, on the holdout; none where nothing is binary."""
    if files.model.task != "binary":
        return []
    evidence, prices = bundle.evidence, files.thresholds.value
    rows = []
    for threshold in dict.fromkeys([bundle.boundary.threshold, 0.5]):
        decided = metrics.decide(evidence.scores, threshold)
        cells = {
            name: metrics.value(
                name, "binary", evidence.target, evidence.scores, (), threshold, evidence.weights
            )
            for name in ("precision", "recall", "f1")
        }
        if prices is not None:
            worth = metrics.outcome_values(prices, evidence.target, decided)
            cells["value of a decision"] = float(np.average(worth, weights=evidence.weights))
        rows.append(
            ThresholdRow(
                threshold=threshold,
                used=threshold == bundle.boundary.threshold,
                positives=f"{int(decided.sum()):,}",
                share=percent(float(decided.mean())),
                cells={name: plain(value) for name, value in cells.items()},
            )
        )
    return rows
