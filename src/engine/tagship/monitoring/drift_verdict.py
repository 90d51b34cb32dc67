"""The verdict on drift, its findings and its windows, as data."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tagship.monitoring.status import Status

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
