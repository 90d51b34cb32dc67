"""What a model's report shows, as plain values: the template only arranges them."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.contract import Column
from tagship.config.model import Candidate, higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.contract.readable import range_text
from tagship.formatting import NONE, brief, percent, plain
from tagship.training import metrics
from tagship.training.bundle import Bundle, Evidence
from tagship.training.lock import Interval
from tagship.verdict import GateResult, GateStatus, Verdict

_ORDER: dict[GateStatus, int] = {"fail": 0, "warn": 1, "pass": 2}


@dataclass(frozen=True)
class Bar:
    """Places on a scale, in % of its width; ``marks`` are limits with their meaning."""

    low: float
    value: float
    high: float
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class MetricRow:
    """One metric of the holdout with its interval."""

    name: str
    value: str
    interval: str
    direction: str
    limit: str
    bar: Bar
    selected: bool


@dataclass(frozen=True)
class CandidateRow:
    """One candidate over the folds."""

    name: str
    estimator: str
    settings: str
    holdout: str
    """The mean over the folds' models: not the winner's own figure, and nothing to choose by."""
    mean: str
    spread: str
    seconds: str
    winner: bool
    bar: Bar


@dataclass(frozen=True)
class SliceRow:
    """One group of rows and how the model does on it."""

    group: str
    rows: int
    share: str
    value: str
    judged: bool
    bar: Bar


@dataclass(frozen=True)
class ColumnRow:
    """One column of the contract, as declared and as the holdout holds it."""

    name: str
    use: str
    dtype: str
    declared: str
    missing_allowed: str
    content: str
    missing: str


def sorted_results(verdict: Verdict) -> list[GateResult]:
    """The gates, worst first."""
    return sorted(verdict.results, key=lambda result: _ORDER[result.status])


def metric_rows(files: ModelFiles, bundle: Bundle) -> list[MetricRow]:
    """The metrics of the whole holdout; those of single classes are in ``class_rows``."""
    rows = []
    for name, interval in bundle.lock.metrics.items():
        if "[" in name:
            continue
        bound = files.thresholds.metrics.get(name)
        rows.append(
            MetricRow(
                name=name,
                value=plain(interval.value),
                interval=f"{plain(interval.low)} to {plain(interval.high)}",
                direction="higher is better" if higher_is_better(name) else "lower is better",
                limit=bound.limit if bound else "",
                bar=_metric_bar(name, interval, _marks(bound)),
                selected=name == files.model.select.metric,
            )
        )
    return sorted(rows, key=lambda row: not row.selected)


def _marks(bound: Bound | None) -> list[tuple[float, str]]:
    names = ("fail_below", "fail_above", "warn_below", "warn_above")
    limits = [(getattr(bound, name, None), name[:4]) for name in names]
    return [(value, kind) for value, kind in limits if value is not None]


def _metric_bar(name: str, interval: Interval, marks: list[tuple[float, str]]) -> Bar:
    points = [interval.low, interval.value, interval.high, *(value for value, _ in marks)]
    high = max(points, default=1.0)
    if not higher_is_better(name):
        high *= 1.25
    elif high <= 1:
        high = 1.0
    return place_bar(interval.low, interval.value, interval.high, min(0.0, *points), high, marks)


def place_bar(
    low: float,
    value: float,
    high: float,
    start: float,
    end: float,
    marks: list[tuple[float, str]] | None = None,
) -> Bar:
    span = (end - start) or 1.0

    def place(at: float) -> float:
        return round(float(np.clip(100 * (at - start) / span, 0, 100)), 2)

    placed = tuple((place(at), kind) for at, kind in marks or [])
    return Bar(place(low), place(value), place(high), placed)


def class_rows(bundle: Bundle) -> list[tuple[str, list[str]]]:
    """For multiclass: each class with precision, recall and F1 as text."""
    classes = bundle.boundary.classes if bundle.lock.task == "multiclass" else ()
    keys = ("precision", "recall", "f1")
    intervals = bundle.lock.metrics
    return [
        (name, [_interval_text(intervals.get(f"{key}[{name}]")) for key in keys])
        for name in classes
    ]


def _interval_text(interval: Interval | None) -> str:
    if interval is None:
        return NONE
    low, value, high = (plain(n, 3) for n in (interval.low, interval.value, interval.high))
    return f"{value} ({low} to {high})"


def candidate_rows(files: ModelFiles, bundle: Bundle) -> list[CandidateRow]:
    """The candidates, best first, on one scale."""
    scores = bundle.lock.candidates
    better = -1 if higher_is_better(files.model.select.metric) else 1
    start = min(score.mean - score.std for score in scores.values())
    end = max(score.mean + score.std for score in scores.values())
    pad = 0.06 * (end - start)
    rows = []
    for name in sorted(scores, key=lambda name: better * scores[name].mean):
        score = scores[name]
        candidate = files.model.candidates.get(name)
        seconds = bundle.cost.candidate_seconds.get(name)
        holdout = bundle.diagnosis.holdout.get(name)
        low, high = score.mean - score.std, score.mean + score.std
        rows.append(
            CandidateRow(
                name=name,
                estimator=candidate.estimator if candidate else "",
                settings=_settings_text(candidate) if candidate else "",
                holdout=plain(float(np.mean(holdout))) if holdout else NONE,
                mean=plain(score.mean),
                spread=plain(score.std),
                seconds=NONE if seconds is None else f"{seconds:.1f} s",
                winner=name == bundle.lock.winner.candidate,
                bar=place_bar(low, score.mean, high, start - pad, end + pad),
            )
        )
    return rows


def _settings_text(candidate: Candidate) -> str:
    """Its parameters, and what else differs from how candidates are prepared by default."""
    declared = candidate.model_dump(exclude_defaults=True, exclude={"estimator", "params"})
    settings = {**candidate.params, **declared}
    return ", ".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in settings.items()
    )


def slice_rows(files: ModelFiles, bundle: Bundle) -> tuple[str, dict[str, list[SliceRow]]]:
    """The metric of the slices, and each column's groups with it, the worst first."""
    gate, evidence = files.thresholds.slices, bundle.evidence
    metric = gate.metric if gate else files.model.select.metric
    least = gate.min_rows if gate else 1
    overall = measure(files, bundle, metric)
    slices: dict[str, list[SliceRow]] = {}
    for column, members in evidence.groups.items():
        groups = {group: members == group for group in sorted(set(members.tolist()))}
        values = {group: measure(files, bundle, metric, rows) for group, rows in groups.items()}
        finite = [value for value in [*values.values(), overall] if np.isfinite(value)]
        end = 1.0 if finite and max(finite) <= 1 else 1.1 * max(finite, default=1.0)
        start = min(0.0, *finite) if finite else 0.0
        marks = [(overall, "overall")] if np.isfinite(overall) else []
        worst = 1 if higher_is_better(metric) else -1
        slices[column] = []
        for group in sorted(groups, key=lambda g: (np.isnan(values[g]), worst * values[g])):
            size, share = int(groups[group].sum()), percent(float(groups[group].mean()))
            value = values[group]
            bar = place_bar(0, value if np.isfinite(value) else 0, 0, start, end, marks)
            row = SliceRow(group, size, share, plain(value, 3), size >= least, bar)
            slices[column].append(row)
    return metric, slices


def measure(files: ModelFiles, bundle: Bundle, metric: str, rows: Any = slice(None)) -> float:
    """One metric of some of the holdout's rows; all of them by default."""
    target, scores = bundle.evidence.target[rows], bundle.evidence.scores[rows]
    classes, threshold = bundle.boundary.classes, bundle.boundary.threshold
    weights = None if bundle.evidence.weights is None else bundle.evidence.weights[rows]
    return metrics.value(metric, files.model.task, target, scores, classes, threshold, weights)


def column_rows(files: ModelFiles, evidence: Evidence) -> list[ColumnRow]:
    """Every column of the contract; personal data by its name and its fate only."""
    data = files.data
    rows = []
    for name, column in data.columns.items():
        content, missing = _holdout_content(column, evidence.columns.get(name))
        use = "feature" if name in data.features else "not a feature"
        if column.pii is not None:
            use = "personal, dropped" if column.pii == "drop" else "personal, hashed"
        elif name in data.request and name not in data.features:
            use = "read by features"
        rows.append(
            ColumnRow(
                name=name,
                use=use,
                dtype=column.dtype,
                declared=declared_text(column),
                missing_allowed=percent(column.missing) if column.missing else "none",
                content=content,
                missing=missing,
            )
        )
    return rows


def declared_text(column: Column) -> str:
    """What the contract allows a column to hold."""
    if column.values is not None:
        return ", ".join(map(str, column.values))
    return range_text(column) or ("any" if column.dtype != "bool" else "true, false")


def _holdout_content(column: Column, values: NDArray[Any] | None) -> tuple[str, str]:
    """What a column of the holdout holds, and the share of it that is missing, in words."""
    if values is None or column.pii is not None:
        return "", ""
    if column.dtype == "category":
        codes = values.astype(np.int64)
        known = len(np.unique(codes[codes >= 0]))
        return f"{known} of {len(column.values or [])} values", percent(float((codes < 0).mean()))
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
