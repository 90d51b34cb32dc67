"""What a model must reach, and where it stands: KPIs by thresholds.yaml, gates by a verdict."""

from collections.abc import Iterator

from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import MetricBound
from tagship.formatting import brief
from tagship.site.document import Kpi, Origin
from tagship.training.lock import Interval, Lock
from tagship.verdict import GateStatus


def kpis(files: ModelFiles, lock: Lock | None, origin: Origin) -> list[Kpi]:
    """Each metric that thresholds.yaml bounds, with the lock's value."""
    return [
        _kpi(name, bound, lock.metrics.get(name) if lock else None, origin)
        for name, bound in files.thresholds.metrics.items()
    ]


def prices(files: ModelFiles) -> dict[str, float]:
    """What outcomes are worth; empty where they are not priced."""
    value = files.thresholds.value
    return value.model_dump() if value else {}


def _kpi(name: str, bound: MetricBound, interval: Interval | None, origin: Origin) -> Kpi:
    status: GateStatus | None = None
    if interval is not None:
        end = interval.low if bound.below else interval.high
        status = bound.outcome(end if bound.judge == "interval" else interval.value)
    fail, warn = (
        (bound.fail_below, bound.warn_below)
        if bound.below
        else (bound.fail_above, bound.warn_above)
    )
    return Kpi(
        name=name,
        value=interval,
        higher_is_better=higher_is_better(name),
        limits=list(_limits(bound)),
        fail=fail,
        warn=warn,
        status=status,
        origin=origin if interval else None,
    )


def _limits(bound: MetricBound) -> Iterator[str]:
    words = {"fail": "fails", "warn": "warns"}
    for way in ("below", "above"):
        for key, word in words.items():
            limit = getattr(bound, f"{key}_{way}")
            if limit is not None:
                yield f"{word} {way} {brief(limit)}"
    if bound.judge == "interval":
        yield "judged by the worse end of its 95 % interval"
