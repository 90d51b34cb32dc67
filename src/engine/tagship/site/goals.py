"""What a model must reach, and where it stands: KPIs by thresholds.yaml, gates by a verdict."""

from collections.abc import Iterator

from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import MetricBound
from tagship.formatting import brief
from tagship.reports.report_view import limits_of
from tagship.site.document import Kpi, Origin
from tagship.training.lock import Interval, Lock
from tagship.verdict import GateStatus


def kpis(files: ModelFiles, lock: Lock | None, origin: Origin) -> list[Kpi]:
    """Each metric that thresholds.yaml bounds, with the lock's value."""
    return [
        _kpi(name, bound, lock.metrics.get(name) if lock else None, origin)
        for name, bound in files.thresholds.metrics.items()
    ]


def _kpi(name: str, bound: MetricBound, interval: Interval | None, origin: Origin) -> Kpi:
    status: GateStatus | None = None
    if interval is not None:
        end = interval.low if bound.below else interval.high
        status = bound.outcome(end if bound.judge == "interval" else interval.value)
    limits = limits_of(bound)
    return Kpi(
        name=name,
        value=interval,
        higher_is_better=higher_is_better(name),
        limits=list(_limit_texts(bound)),
        fail=limits.get("fail"),
        warn=limits.get("warn"),
        status=status,
        origin=origin if interval else None,
    )


def _limit_texts(bound: MetricBound) -> Iterator[str]:
    for kind, limit in limits_of(bound).items():
        yield f"{kind}s {'below' if bound.below else 'above'} {brief(limit)}"
    if bound.judge == "interval":
        yield "judged by the worse end of its 95 % interval"
