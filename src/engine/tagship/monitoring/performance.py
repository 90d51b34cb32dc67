"""How well a release predicts, by the labels that arrived: window by window, against its lock.

A metric fails only on a confident drop: its whole 95 % interval is further behind the lock's value
than allowed. It warns when only its value is, which may be chance.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np

from tagship.config.base_model import parse_duration
from tagship.config.model import higher_is_better
from tagship.config.thresholds import Performance, Slices, ThresholdsConfig, Value
from tagship.contract.boundary import Boundary
from tagship.formatting import brief
from tagship.monitoring.label_join import LabelledRows
from tagship.monitoring.log_reader import LoggedRows
from tagship.monitoring.sample import Sample, Span, cut_windows
from tagship.monitoring.verdicts import (
    ORDER,
    MetricResult,
    PerformanceReport,
    SliceResult,
    Status,
    ValueResult,
    WindowResult,
    worst,
)
from tagship.training.bootstrap import mean_interval
from tagship.training.lock import Interval
from tagship.training.metrics import outcome_values

MOST_LABELS = 20_000
"""A window with more labelled predictions is judged by the newest of them."""
Reason = tuple[Status, str]


def judge_performance(
    boundary: Boundary,
    logged: LoggedRows,
    labelled: LabelledRows,
    thresholds: ThresholdsConfig,
    locked: Mapping[str, Interval],
    until: datetime,
) -> PerformanceReport:
    """Judge the newest window that has enough labels.

    Args:
        thresholds: whose ``performance`` is declared.
        locked: the lock's metrics.
        until: where the newest window ends.
    """
    gate = thresholds.performance
    assert gate is not None
    sample = Sample.of(boundary, logged, labelled)
    spans = cut_windows(sample, gate.window, until)
    enough = [span for span in spans if len(span.sample) >= gate.min_labels]
    windows = [_window(span, gate) for span in spans]
    if not enough:
        most = max((len(span.sample) for span in spans), default=0)
        few = f"at most {most} labelled predictions in a window of {gate.window}"
        why = f"{few}; {gate.min_labels} are needed"
        blank = nothing_judged(thresholds, locked, why)
        return blank.model_copy(update={"labels": labelled.counts, "windows": windows})
    newest = enough[-1]
    part = newest.sample.only(slice(-MOST_LABELS, None))
    metrics = list(_metrics(part, gate, locked))
    slices = list(_slices(part, thresholds.slices)) if thresholds.slices else []
    of_slices = list(_slice_reasons(slices, thresholds.slices)) if thresholds.slices else []
    reasons = [*_metric_reasons(metrics, len(part)), *of_slices]
    reasons.sort(key=lambda reason: -ORDER.index(reason[0]))
    return PerformanceReport(
        status=worst(["ok", *(status for status, _ in reasons)]),
        reasons=[text for _, text in reasons],
        labels=labelled.counts,
        judged=windows[spans.index(newest)],
        metrics=metrics,
        slices=slices,
        slices_status=_slices_status(slices, of_slices) if thresholds.slices else None,
        value=_value(part, thresholds.value) if thresholds.value else None,
        windows=windows,
    )


def nothing_judged(
    thresholds: ThresholdsConfig, locked: Mapping[str, Interval], why: str
) -> PerformanceReport:
    """The report of a ``performance`` that could not be judged: no data, and why."""
    gate = thresholds.performance
    assert gate is not None
    return PerformanceReport(
        status="no data",
        reasons=[why],
        metrics=list(_metrics(None, gate, locked)),
        slices_status="no data" if thresholds.slices else None,
    )


def window_length(gate: Performance) -> timedelta | None:
    """How long a window is; None when it is a number of predictions."""
    return None if isinstance(gate.window, int) else parse_duration(gate.window)


def _window(span: Span, gate: Performance) -> WindowResult:
    metrics = {}
    if len(span.sample) >= gate.min_labels:
        newest = span.sample.only(slice(-MOST_LABELS, None))
        metrics = {n: metric for n in gate.max_drop if (metric := newest.metric(n)) is not None}
    return WindowResult(
        since=_format_time(span.since),
        until=_format_time(span.until),
        rows=span.rows,
        labelled=len(span.sample),
        metrics=metrics,
    )


def _format_time(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time, unit='s')}Z"


def _metrics(
    sample: Sample | None, gate: Performance, locked: Mapping[str, Interval]
) -> Iterator[MetricResult]:
    """Every metric; those with an allowed drop are judged, and first."""
    measured = sample.metrics() if sample is not None else {}
    for name in dict.fromkeys([*gate.max_drop, *measured]):
        interval, reference = measured.get(name), locked.get(name)
        limit: float | None = None
        status: Status | None = None
        if name in gate.max_drop:
            status = "no data"
            if reference is not None:
                sign = 1 if higher_is_better(name) else -1
                limit = reference.value - sign * gate.max_drop[name]
                status = _status(name, interval, limit) if interval is not None else status
        yield MetricResult(
            metric=name,
            locked=reference.value if reference else None,
            limit=limit,
            status=status,
            **dict(interval or ()),
        )


def _status(metric: str, interval: Interval, limit: float) -> Status:
    """Whether the whole interval, or only the value, is worse than the limit."""
    if higher_is_better(metric):
        return "fail" if interval.high < limit else "warn" if interval.value < limit else "ok"
    return "fail" if interval.low > limit else "warn" if interval.value > limit else "ok"


def _metric_reasons(metrics: list[MetricResult], rows: int) -> Iterator[Reason]:
    for m in metrics:
        if m.status == "no data":
            missing = "the lock has no such metric" if m.locked is None else "it is undefined here"
            yield "no data", f"{m.metric}: {missing}"
        elif m.status in ("warn", "fail"):
            assert m.value is not None
            assert m.limit is not None
            assert m.locked is not None
            side = "under" if higher_is_better(m.metric) else "over"
            sure = "" if m.status == "fail" else ", which may be chance"
            yield m.status, (
                f"{m.metric} is {_shown(m)}, {side} {brief(m.limit)} (the lock's is"
                f" {brief(m.locked)}) over {rows:,} labelled predictions{sure}"
            )


def _shown(result: MetricResult | SliceResult) -> str:
    values = [brief(v) for v in (result.value, result.low, result.high) if v is not None]
    return f"{values[0]} ({values[1]} to {values[2]})"


def _slices(sample: Sample, gate: Slices) -> Iterator[SliceResult]:
    limit = gate.fail_below if gate.fail_below is not None else gate.fail_above
    for column in gate.by:
        values = sample.groups(column)
        if values is None:
            yield SliceResult(column=column, group="(not logged)", rows=0)
            continue
        for group in sorted(set(values.tolist())):
            part = sample.only(values == group)
            metric = part.metric(gate.metric) if len(part) >= gate.min_rows else None
            status = _status(gate.metric, metric, limit) if metric and limit is not None else None
            yield SliceResult(
                column=column, group=group, rows=len(part), status=status, **dict(metric or ())
            )


def _slice_reasons(slices: list[SliceResult], gate: Slices) -> Iterator[Reason]:
    for s in slices:
        if s.status in ("warn", "fail"):
            sure = "" if s.status == "fail" else ", which may be chance"
            where = f"where {s.column} = {s.group}"
            yield s.status, f"{gate.metric} is {_shown(s)} {where}, over {s.rows:,} rows{sure}"
    for column in gate.by if gate.max_gap is not None else ():
        groups = [s for s in slices if s.column == column and s.value is not None]
        if len(groups) > 1:
            yield from _gap_reasons(column, groups, gate)


def _slices_status(slices: list[SliceResult], reasons: list[Reason]) -> Status:
    """No data when every group is too small, or its column is not logged."""
    statuses: list[Status] = ["ok" for s in slices if s.value is not None]
    return worst([*statuses, *(status for status, _ in reasons)])


def _gap_reasons(column: str, groups: list[SliceResult], gate: Slices) -> Iterator[Reason]:
    """Whether the best and the worst group are too far apart, for sure or perhaps."""
    assert gate.max_gap is not None
    best = max(groups, key=lambda s: s.value or 0.0)
    least = min(groups, key=lambda s: s.value or 0.0)
    gap = (best.value or 0.0) - (least.value or 0.0)
    sure = (best.low or 0.0) - (least.high or 0.0)
    if gap > gate.max_gap:
        yield "fail" if sure > gate.max_gap else "warn", (
            f"{gate.metric} differs by {brief(gap)} between {column} = {least.group} and"
            f" {best.group}; {brief(gate.max_gap)} is allowed"
            + ("" if sure > gate.max_gap else ", and it may be chance")
        )


def _value(sample: Sample, prices: Value) -> ValueResult:
    called = sample.scores >= sample.boundary.threshold
    worth = outcome_values(prices, sample.target, called.astype(np.int64))
    mean = mean_interval(worth)
    return ValueResult(total=float(worth.sum()), mean=mean.value, low=mean.low, high=mean.high)
