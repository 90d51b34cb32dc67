"""What a model's report shows and the bundle does not say by itself: bars, groups, contents."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.contract import Column, DataConfig
from tagship.config.model import Candidate, higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.contract.display import range_text
from tagship.formatting import brief, percent
from tagship.reports.drawing import Bar, bounded_bar, place_bar
from tagship.training import metrics
from tagship.training.bundle import Bundle
from tagship.training.lock import CandidateScore, Interval, Lock
from tagship.verdict import GateResult, GateStatus

_ORDER: dict[GateStatus, int] = {"fail": 0, "warn": 1, "pass": 2}


@dataclass(frozen=True)
class SliceRow:
    """One group of rows and how the model does on it."""

    group: str
    rows: int
    share: float
    value: float
    """NaN where the metric is undefined."""
    bar: Bar


def sorted_results(results: Sequence[GateResult]) -> list[GateResult]:
    """The gates, worst first."""
    return sorted(results, key=lambda result: _ORDER[result.status])


def metric_bar(interval: Interval, bound: Bound | None) -> Bar:
    """A metric with its interval and the limits of ``thresholds.yaml``."""
    marks = [(at, kind) for kind, at in limits_of(bound).items()] if bound else []
    return bounded_bar(interval.low, interval.value, interval.high, marks)


def limits_of(bound: Bound) -> dict[str, float]:
    """Where a metric is set to ``fail`` and to ``warn``."""
    kinds = ("fail", "warn")
    way = "below" if bound.below else "above"
    limits = {kind: getattr(bound, f"{kind}_{way}") for kind in kinds}
    return {kind: limit for kind, limit in limits.items() if limit is not None}


def sorted_candidates(lock: Lock) -> dict[str, CandidateScore]:
    """The candidates over the folds, best first."""
    better = -1 if higher_is_better(lock.inputs.model["select"]["metric"]) else 1
    return dict(sorted(lock.candidates.items(), key=lambda item: better * item[1].mean))


def settings_text(candidate: Candidate) -> str:
    """Its parameters, and what else differs from how candidates are prepared by default."""
    declared = candidate.model_dump(exclude_defaults=True, exclude={"estimator", "params"})
    settings = {**candidate.params, **declared}
    return ", ".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in settings.items()
    )


def slices_by_column(files: ModelFiles, bundle: Bundle, metric: str) -> dict[str, list[SliceRow]]:
    """Each column's groups with a metric, the worst first."""
    overall = measure(files, bundle, metric)
    worst = 1 if higher_is_better(metric) else -1
    marks = [(overall, "overall")] if np.isfinite(overall) else []
    slices: dict[str, list[SliceRow]] = {}
    for column, members in bundle.evidence.groups.items():
        groups = {group: members == group for group in sorted(set(members.tolist()))}
        values = {group: measure(files, bundle, metric, rows) for group, rows in groups.items()}
        finite = [value for value in [*values.values(), overall] if np.isfinite(value)]
        end = 1.0 if finite and max(finite) <= 1 else 1.1 * max(finite, default=1.0)
        start = min(0.0, *finite) if finite else 0.0
        slices[column] = []
        for group in sorted(groups, key=lambda g: (np.isnan(values[g]), worst * values[g])):
            rows, value = groups[group], values[group]
            bar = place_bar(0, value if np.isfinite(value) else 0, 0, start, end, marks)
            slices[column].append(SliceRow(group, int(rows.sum()), float(rows.mean()), value, bar))
    return slices


def measure(files: ModelFiles, bundle: Bundle, metric: str, rows: Any = slice(None)) -> float:
    """One metric of some of the holdout's rows; all of them by default."""
    target, scores = bundle.evidence.target[rows], bundle.evidence.scores[rows]
    classes, threshold = bundle.boundary.classes, bundle.boundary.threshold
    weights = None if bundle.evidence.weights is None else bundle.evidence.weights[rows]
    return metrics.value(metric, files.model.task, target, scores, classes, threshold, weights)


def column_use(data: DataConfig, name: str) -> str:
    """What a column of the contract is for; personal data has its fate."""
    if data.columns[name].pii is not None:
        return f"personal, {'dropped' if data.columns[name].pii == 'drop' else 'hashed'}"
    if name in data.features:
        return "feature"
    return "read by features" if name in data.request else "not a feature"


def allowed_text(column: Column) -> str:
    """What the contract allows a column to hold."""
    if column.values is not None:
        return ", ".join(map(str, column.values))
    return range_text(column) or ("any" if column.dtype != "bool" else "true, false")


def holdout_content(column: Column, values: NDArray[Any] | None) -> tuple[str, str]:
    """What a column of the holdout holds, and the share of it that is missing, in words.

    Both are empty for personal data, for text and for times.
    """
    if values is None or column.pii is not None:
        return "", ""
    if column.dtype == "category":
        codes = values.astype(np.int64)
        count = len(np.unique(codes[codes >= 0]))
        return f"{count} of {len(column.values or [])} values", percent(float((codes < 0).mean()))
    if not column.numeric:
        return "", ""
    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    content = "none"
    if len(finite) and column.dtype == "bool":
        content = f"{percent(float(finite.mean()))} true"
    elif len(finite):
        content = f"{brief(float(finite.min()))} to {brief(float(finite.max()))}"
    return content, percent(float(np.isnan(numbers).mean()))
