"""What an exploration of a table says, as data."""

from dataclasses import dataclass
from typing import Literal

from tagship.data.failures import Failure

Kind = Literal["number", "category", "text", "time"]
OF_SAMPLE = "quantiles, outliers, duplicates, texts, charts, correlations"
"""What is not of all rows where these are too many."""
Role = Literal["feature", "target", "id", "not a feature", "personal, hashed", "not in contract"]


@dataclass(frozen=True)
class Histogram:
    """Counts over equal bins; ``beyond`` rows lie outside a range cut to its middle 99 %."""

    low: float
    high: float
    counts: tuple[int, ...]
    beyond: int
    outcome: tuple[float | None, ...] = ()
    """For each bin the positive share (binary) or the target's mean (regression)."""


@dataclass(frozen=True)
class Numbers:
    """The distribution of finite numbers; quantiles interpolate linearly."""

    mean: float
    std: float | None
    """With one degree of freedom less than rows; None for a single row."""
    min: float
    q25: float
    median: float
    q75: float
    max: float
    zeros: int
    infinite: int
    outliers: int
    """Rows more than 1.5 interquartile ranges outside the quartiles."""
    fences: tuple[float, float]
    histogram: Histogram


@dataclass(frozen=True)
class Top:
    """A frequent value."""

    value: str
    count: int
    outcome: float | None = None
    """The positive share (binary) or the target's mean (regression) among its rows."""


@dataclass(frozen=True)
class Association:
    """How strongly a column goes with the target, from 0 to 1 (Pearson's r keeps its sign)."""

    measure: Literal["Pearson r", "correlation ratio", "Cramér's V"]
    value: float


@dataclass(frozen=True)
class ColumnDescription:
    """One column, read by its contract's type where it has one."""

    name: str
    role: Role
    kind: Kind
    declared: str
    """The contract's type, or empty."""
    stored: str
    """The type as read from the source."""
    missing: int
    distinct: int
    unreadable: int
    """Values that are present and not of the declared type."""
    numbers: Numbers | None
    top: tuple[Top, ...]
    """The most frequent values; none where they may be personal or name a row."""
    period: tuple[str, str] | None
    """The first and the last time."""
    association: Association | None
    notes: tuple[str, ...] = ()
    """What a person should look at: constant, id-like, mostly missing, …"""


@dataclass(frozen=True)
class Correlation:
    """Pearson's r of two numeric columns over the rows where both are present."""

    left: str
    right: str
    value: float


@dataclass(frozen=True)
class Description:
    """The exploration of one model's table as its source holds it, personal data left out."""

    model: str
    task: str
    source: str
    rows: int
    duplicate_rows: int
    memory_mb: float
    personal: tuple[str, ...]
    """Columns dropped before anything was computed."""
    target: str
    positive: str | None
    columns: tuple[ColumnDescription, ...]
    correlated: tuple[str, ...]
    """The columns of ``correlations``, in order."""
    correlations: tuple[Correlation, ...]
    """Every pair, strongest first."""
    failures: tuple[Failure, ...]
    """Where the table breaks its contract."""
    drawn: int | None = None
    """Of how many rows, drawn evenly, everything is but counts, gaps, ends and means; None: all."""

    @property
    def target_column(self) -> ColumnDescription | None:
        """The target's column, where the table has it."""
        return next((column for column in self.columns if column.role == "target"), None)

    def columns_of(self, *kinds: Kind) -> list[ColumnDescription]:
        """The columns of some kinds but the target, in the table's order."""
        return [c for c in self.columns if c.kind in kinds and c.role != "target"]

    @property
    def by_association(self) -> list[ColumnDescription]:
        """The columns that have an association with the target, strongest first."""
        strengths = {
            column.name: abs(column.association.value)
            for column in self.columns
            if column.association is not None
        }
        related = [column for column in self.columns if column.name in strengths]
        return sorted(related, key=lambda column: -strengths[column.name])
