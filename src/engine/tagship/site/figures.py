"""Figures that are drawn when the site is made, as places in percent; they need no script."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import starmap

import numpy as np

from tagship.comparison.page import tuning_plot
from tagship.formatting import brief, plain
from tagship.monitoring.drift_statistics import Distribution
from tagship.reports.drawing import Bar, Plot, PlotValue, bounded_bar, make_plot
from tagship.site.document import DeploymentRow, Kpi, ObservationRow, Site, Step, Training
from tagship.training.profiles import CategoryProfile, NumberProfile
from tagship.verdict import GateResult

_BINS = 24
_BOUND = re.compile(r"(?:[≥≤<>] )(-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)")
"""The numbers of a limit in words, such as ``≥ 0.8 (warn < 0.82)``: it fails, then it warns."""
_MONTHS = 24
_LEAST_HEIGHT = 1.5
"""In % of a histogram's height, so that a single row is still seen."""


@dataclass(frozen=True)
class DistributionChart:
    """Bars of a histogram in % of its width and height, and what its axis says."""

    bars: tuple[tuple[float, float, float], ...]
    """Left end, width and height of each bar that has rows."""
    low: str
    high: str


@dataclass(frozen=True)
class StepBox:
    """A step of the pipeline and where its box stands, in steps from the left and the top."""

    step: Step
    column: int
    row: float


@dataclass(frozen=True)
class Lane:
    """What ran in one environment, each with its start and width in % of the time shown."""

    environment: str
    first: str
    """When the time shown begins: the first deployment of any environment, in ISO 8601."""
    spans: tuple[tuple[float, float, DeploymentRow], ...]


@dataclass(frozen=True)
class Month:
    """What reached the last environment in one month, in UTC."""

    month: str
    deployments: int
    rollbacks: int
    share: float
    """All of it in % of the fullest month's."""


def distribution_chart(profile: NumberProfile) -> DistributionChart | None:
    """How a column's numbers were distributed in training; null when all were missing."""
    if not profile.points or profile.rows == profile.missing:
        return None
    low, high = profile.points[0], profile.points[-1]
    if low == high:
        return DistributionChart(((46.0, 8.0, 100.0),), brief(low), brief(high))
    edges = np.linspace(low, high, _BINS + 1)
    under, _ = Distribution.of(profile).at(edges)
    shares = np.diff([*under[:-1], 1.0])
    width = 100 / _BINS
    bars = tuple(
        (round(at * width, 2), round(width * 0.88, 2), max(round(height, 1), _LEAST_HEIGHT))
        for at, height in enumerate((100 * shares / shares.max()).tolist())
        if height > 0
    )
    return DistributionChart(bars, brief(low), brief(high))


def shares(profile: CategoryProfile) -> list[tuple[int, str]]:
    """How often each value occurred, the most frequent first."""
    counted = zip(profile.counts, map(str, profile.values), strict=True)
    return sorted(counted, key=lambda pair: -pair[0])


def kpi_bar(kpi: Kpi) -> Bar | None:
    """A metric with its interval and the bounds at which it warns and fails, on one scale."""
    if kpi.value is None:
        return None
    marks = [(at, kind) for at, kind in ((kpi.fail, "fail"), (kpi.warn, "warn")) if at is not None]
    return bounded_bar(kpi.value.low, kpi.value.value, kpi.value.high, marks)


def gate_bar(gate: GateResult) -> Bar | None:
    """A gate's value and the bounds of its limit on one scale; null where it lacks either."""
    bounds = [float(number) for number in _BOUND.findall(gate.limit)]
    if gate.value is None or not bounds:
        return None
    marks = list(zip(bounds, ("fail", "warn"), strict=False))
    return bounded_bar(gate.value, gate.value, gate.value, marks)


def tuning_plots(training: Training) -> Iterator[Plot]:
    """Every tuning of more than one trial."""
    for tuning in training.tuning:
        if len(tuning.values) > 1:
            yield tuning_plot(tuning, training.metric, training.higher_is_better)


def step_boxes(steps: Sequence[Step]) -> list[StepBox]:
    """Place each step right of all that it waits for; steps of one column stand in the middle."""
    steps_by_name = {step.name: step for step in steps}

    @cache
    def column(name: str, above: frozenset[str] = frozenset()) -> int:
        inputs = set(steps_by_name[name].inputs) & steps_by_name.keys() - above - {name}
        return max((column(n, above | {name}) + 1 for n in inputs), default=0)

    columns: dict[int, list[Step]] = defaultdict(list)
    for step in steps_by_name.values():
        columns[column(step.name)].append(step)
    tallest = max(map(len, columns.values()), default=0)
    return [
        StepBox(step, at, row + (tallest - len(inside)) / 2)
        for at, inside in sorted(columns.items())
        for row, step in enumerate(inside)
    ]


def lanes(deployments: Sequence[DeploymentRow], end: str) -> list[Lane]:
    """What ran when, oldest first, on the time from the first deployment to ``end``.

    Deployments without a date, and those that the next one precedes, have no place here.
    """
    last = datetime.fromisoformat(end).timestamp()
    spans: dict[str, list[tuple[float, float, DeploymentRow]]] = defaultdict(list)
    for row in reversed(deployments):
        if row.valid and row.date:
            start = datetime.fromisoformat(row.date).timestamp()
            until = datetime.fromisoformat(row.until).timestamp() if row.until else last
            if start < until <= last:
                spans[row.environment].append((start, until, row))
    first = min((start for inside in spans.values() for start, *_ in inside), default=last)
    scale = 100 / ((last - first) or 1.0)

    def place(start: float, until: float, row: DeploymentRow) -> tuple[float, float, DeploymentRow]:
        return round((start - first) * scale, 2), round((until - start) * scale, 2), row

    begin = datetime.fromtimestamp(first, UTC).isoformat()
    return [Lane(name, begin, tuple(starmap(place, inside))) for name, inside in spans.items()]


def observation_plots(
    observations: Sequence[ObservationRow], kpis: Sequence[Kpi], environment: str
) -> Iterator[tuple[Plot, dict[str, object]]]:
    """Drift and each performance metric over time: the drawing, and the same for the script."""
    rows = [row for row in observations if row.environment == environment]
    bounds = {kpi.name: [bound for bound in (kpi.fail, kpi.warn) if bound is not None]
              for kpi in kpis}  # fmt: skip
    drift = [(row, row.drift) for row in rows if row.drift is not None]
    yield from _over_time("Drift", "largest drift of a column over the bound at which it fails: "
                          "1 fails", drift, [1.0])  # fmt: skip
    for metric in dict.fromkeys(name for row in rows for name in row.performance):
        points = [(row, row.performance[metric]) for row in rows if metric in row.performance]
        note = "on labelled outcomes; the line is a bound of thresholds.yaml"
        limits = bounds.get(metric, [])
        yield from _over_time(metric, note if limits else "on labelled outcomes", points, limits)


def _over_time(
    title: str, note: str, points: Sequence[tuple[ObservationRow, float]], limits: list[float]
) -> Iterator[tuple[Plot, dict[str, object]]]:
    if len(points) < 2:
        return
    times = [datetime.fromisoformat(row.time).timestamp() for row, _ in points]
    values = [value for _, value in points]
    alt = (
        f"{title} in {len(points)} observations: from {plain(min(values))} to"
        f" {plain(max(values))}, last {plain(values[-1])}"
    )
    dots = [
        PlotValue(time, value, title=f"{row.time[:10]} {row.release}: {plain(value)}")
        for time, (row, value) in zip(times, points, strict=True)
    ]
    line = [(times[0], limits[0]), (times[-1], limits[0])] if limits else []
    plot = make_plot(
        title, note, alt, dots, line, (points[0][0].time[:10], points[-1][0].time[:10])
    )
    yield plot, {"label": title, "times": times, "values": values, "limits": limits}


def delivery_months(site: Site) -> list[Month]:
    """Every month from the first valid deployment to the site's, at most two years, oldest first.

    A date after the site's own is no date to count by: a clock went wrong.
    """
    counts: dict[str, Counter[str]] = {"deploy": Counter(), "rollback": Counter()}
    for model in site.models:
        for row in model.deployments:
            last = row.environment in site.environments[-1:]
            if last and row.valid and row.date and row.action in counts:
                counts[row.action][_month(row.date)] += 1
    total = counts["deploy"] + counts["rollback"]
    if not total:
        return []
    months = np.arange(min(total), np.datetime64(_month(site.made)) + 1, dtype="datetime64[M]")
    names = months.astype(str).tolist()[-_MONTHS:]
    most = max((total[name] for name in names), default=0) or 1
    return [
        Month(name, counts["deploy"][name], counts["rollback"][name], 100 * total[name] / most)
        for name in names
    ]


def _month(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m}"
