"""What monitoring says of a model, as data: the verdicts on drift and performance, and both as one
observation."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tagship.config.base_model import Frozen
from tagship.training.lock import Interval

Status = Literal["ok", "no data", "warn", "fail"]
ObservedStatus = Status | Literal["error"]
ORDER: tuple[Status, ...] = ("ok", "no data", "warn", "fail")
"""From best to worst."""
Check = Literal["drift", "prediction", "target", "missing", "unknown", "out of range", "column"]


@dataclass(frozen=True)
class Finding:
    """One thing that was judged."""

    check: Check
    column: str
    method: str
    """The statistic, or ``share``."""
    value: float | None
    """None when it could not be computed, which fails. p-values are corrected."""
    limit: str
    """The bound in words, such as ``≤ 0.1``."""
    status: Status
    detail: str = ""


@dataclass(frozen=True)
class WindowVerdict:
    """Rows of one window, judged alone."""

    since: str | None
    """UTC, ISO 8601; None for data without times."""
    until: str | None
    rows: int
    status: Status
    failed: tuple[str, ...]
    """Columns with a finding that fails."""


@dataclass(frozen=True)
class DriftVerdict:
    """Everything that was judged; ``findings`` are those of the latest window."""

    model: str
    status: Status
    reason: str
    """In one sentence."""
    rows: int
    findings: tuple[Finding, ...] = ()
    windows: tuple[WindowVerdict, ...] = ()
    drifted_share: float | None = None
    """Share of the compared columns whose distribution fails."""
    extra: tuple[str, ...] = ()
    releases: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    one_in: float = 1
    """One row of this many was read: the others were too many."""

    def of_status(self, *status: Status) -> list[Finding]:
        """The findings with one of these statuses, in order."""
        return [finding for finding in self.findings if finding.status in status]

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts."""
        return {"schema": 1, **asdict(self)}


class WindowResult(Frozen):
    """One window, by the time of its predictions (UTC)."""

    since: str
    until: str
    rows: int
    """Predictions logged."""
    labelled: int
    metrics: dict[str, Interval]
    """The metrics that are judged; empty when there are too few labels."""


class MetricResult(Frozen):
    """One metric of the judged window beside the lock's."""

    metric: str
    value: float | None = None
    """None when the window's labels leave it undefined."""
    low: float | None = None
    high: float | None = None
    locked: float | None = None
    limit: float | None = None
    """Where the allowed drop ends; None for a metric that is shown, not judged."""
    status: Status | None = None


class SliceResult(Frozen):
    """The slices' metric in one group of the judged window."""

    column: str
    group: str
    rows: int
    value: float | None = None
    """None when the group is too small."""
    low: float | None = None
    high: float | None = None
    status: Status | None = None


class ValueResult(Frozen):
    """What the predictions of the judged window were worth."""

    total: float
    mean: float
    """Of one labelled prediction, with its 95 % interval."""
    low: float
    high: float


class PerformanceReport(Frozen):
    """What the labels say."""

    status: Status
    reasons: list[str]
    """Why it is not ok, worst first."""
    labels: dict[str, int] = {}
    """What became of the labels that arrived."""
    judged: WindowResult | None = None
    """The newest window with enough labels."""
    metrics: list[MetricResult]
    slices: list[SliceResult] = []
    slices_status: Status | None
    """The worst of the groups and of the gaps between them; None without declared slices."""
    value: ValueResult | None = None
    windows: list[WindowResult] = []
    """Oldest first."""


class Period(Frozen):
    """The times of the predictions that were judged, as texts in ISO 8601."""

    since: str
    until: str


class Observation(Frozen):
    """What was observed of one model in one environment: one file of the history."""

    version: Literal[1] = 1
    time: str
    model: str
    environment: str
    release: str
    """Empty for what is served here."""
    model_sha256: str
    status: ObservedStatus
    """The worse of drift and performance, whichever has data."""
    reasons: list[str] = []
    """Why it is not ok, in sentences."""
    error: str = ""
    window: Period | None = None
    rows: int = 0
    """Rows in the window."""
    one_in: int = 1
    """One request of this many was read."""
    skipped: dict[str, int] = {}
    """Lines and files of the log, predictions and feedback, that could not be used, by reason."""
    drift: dict[str, Any] | None = None
    performance: PerformanceReport | None = None


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of several answers; without any there is no data."""
    return max(statuses, key=ORDER.index, default="no data")
