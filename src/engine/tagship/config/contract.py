"""``data.yaml``: the contract. What the columns hold, which rows count, how they are split."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from tagship.config.base_model import Character, Duration, Extended, Frozen, Share
from tagship.config.sources import Source

Label = str | int | bool
DatePart = Literal["year", "month", "day", "weekday", "hour", "days"]
"""What of a date is a feature; ``days`` are those since 1970, weekdays count from Monday as 0."""

FLOAT32_MAX = 3.4028234663852886e38
"""The largest number that the model's input holds."""


class WrittenNumber(Frozen):
    """How numbers are written as text, such as ``$1,234.50``, ``12 %`` or ``1.234,5 kg``."""

    unit: str = ""
    """What stands before or after each number, or before and after none; it is not converted."""
    thousands: Annotated[str, Field(max_length=1)] = ""
    """The sign between thousands; a space means every kind of space."""
    decimal: Character = "."
    """The decimal separator."""

    @model_validator(mode="after")
    def _readable(self) -> "WrittenNumber":
        if self.thousands == self.decimal:
            raise ValueError(f"`thousands` and `decimal` are both {self.decimal!r}")
        if any(sign.isalnum() or sign in "+-()" for sign in self.thousands + self.decimal):
            raise ValueError("`thousands` and `decimal` are no letters, digits, signs or brackets")
        if self.unit != self.unit.strip() or any(sign in self.unit for sign in "0123456789+-()"):
            raise ValueError("`unit` has no digits, signs, brackets, or spaces around it")
        return self


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


DateFormats = Annotated[list[str], Field(min_length=1), BeforeValidator(_as_list)]


class Rare(Frozen):
    """Classes with too few rows to be learned and judged."""

    below: Annotated[int, Field(ge=2)]
    """A class with fewer rows is rare."""
    into: Literal["drop", "other"] = "drop"
    """Its rows are dropped, or become rows of one class called other."""


class Target(Extended):
    """The column to predict."""

    later: ClassVar[frozenset[str]] = frozenset({"missing", "rare", "format", "dtype"})
    column: str
    dtype: Literal["string", "int", "bool"] | None = None
    """What labels are in answers; without it, what ``positive`` is, or else text."""
    format: WrittenNumber | None = None
    """How the numbers of a regression are written, where they are text."""
    positive: Label | None = None
    """The label of the positive class; required for a binary task, refused for others."""
    missing: Literal["refuse", "drop"] = "refuse"
    """What becomes of rows without a target: the table is refused, or they are dropped."""
    rare: Rare | None = None
    """What becomes of classes with few rows; without it each class stays."""


class Split(Frozen):
    """How the holdout is set apart: stratified, random, by group or by time."""

    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of rows in the holdout; as near to it as whole groups, or rows of one time, allow."""
    stratify: bool = False
    group: str | None = None
    """Rows with the same value of this column stay on one side."""
    time: str | None = None
    """The latest rows by this column are the holdout; rows of one time stay on one side."""
    seed: Annotated[int, Field(ge=0)] = 42

    @model_validator(mode="after")
    def _one_way(self) -> "Split":
        ways = [name for name in ("stratify", "group", "time") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} cannot be combined; keep one")
        return self


class Rows(Frozen):
    """What the table as a whole must satisfy."""

    min: Annotated[int, Field(ge=1)] = 100
    """Fewer rows than this are refused."""
    duplicates: Share = 0.05
    """Largest share of holdout rows that may also stand, value for value, in the training rows."""


class Sampling(Frozen):
    """A sample of a data set: the same rows each time, drawn evenly."""

    rows: Annotated[int, Field(ge=1)]
    """How many."""
    seed: Annotated[int, Field(ge=0)] = 42


class EventWindow(Frozen):
    """Which rows count, by when they happened; the lock says which time that came to."""

    time: str
    """The datetime column that says when; times without a zone are UTC."""
    last: Duration
    """How far back rows count, such as ``90d``."""
    until: str = "newest"
    """Rows before this count: a time (ISO 8601), ``now``, or ``newest``: with the newest row."""
    watermark: Duration | None = None
    """How late rows may still arrive: the window ends that long before ``now`` or ``newest``."""

    @model_validator(mode="after")
    def _known(self) -> "EventWindow":
        if self.until not in ("now", "newest"):
            if self.watermark is not None:
                raise ValueError("`watermark` belongs to `until: now` or `until: newest`")
            try:
                datetime.fromisoformat(self.until)
            except ValueError:
                raise ValueError(
                    f"`until`: {self.until!r} is no time such as 2026-10-01T00:00:00Z, and neither"
                    " `now` nor `newest`"
                ) from None
        return self


class Column(Extended):
    """One column of the table."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"usual", "format", "nulls", "closed", "parts", "terms"}
    )
    dtype: Literal["float", "int", "bool", "category", "string", "datetime"]
    min: float | None = None
    """A smaller number is impossible, and refused."""
    max: float | None = None
    """A larger number is impossible, and refused."""
    usual: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """From and to: a number beyond them is answered, and counted as out of range."""
    values: Annotated[list[str | int], Field(min_length=1)] | None = None
    """Every value of a category in the table; the service answers others as unknown."""
    closed: bool = False
    """Whether the service refuses a category that is not among ``values``."""
    missing: Share = 0.0
    """Largest share of missing values."""
    nulls: Annotated[list[str | int | float], Field(min_length=1)] | None = None
    """What else means a missing value in this column, such as -999."""
    format: WrittenNumber | DateFormats | None = None
    """How numbers, or dates (``%d.%m.%Y``, ``unix``, ``unix_ms``; several are tried in their
    order), are written, in the table and in requests."""
    parts: Annotated[list[DatePart], Field(min_length=1)] | None = None
    """What of a date is a feature."""
    terms: Annotated[int, Field(ge=1, le=2000)] | None = None
    """How many words and pairs of words of a text are features: those of most training rows."""
    feature: bool = True
    """False keeps the column for slices, fairness or feature functions, away from the model."""
    pii: Literal["drop", "hash"] | None = None
    """Personal data: dropped, or replaced by a keyed hash; never a feature."""

    @model_validator(mode="after")
    def _possible(self) -> "Column":
        if self.dtype == "category" and not self.values:
            raise ValueError("a category needs `values: [...]`, all that it may take")
        number = self.dtype in ("float", "int")
        for key, fits, kinds in (
            ("values", self.dtype == "category", "category"),
            ("closed", self.dtype == "category", "category"),
            ("min", number, "float and int"),
            ("max", number, "float and int"),
            ("usual", number, "float and int"),
            ("parts", self.dtype == "datetime", "datetime"),
            ("terms", self.dtype == "string", "string"),
            ("format", number or self.dtype == "datetime", "float, int and datetime"),
        ):
            setting = getattr(self, key)
            if setting is not None and setting is not False and not fits:
                raise ValueError(f"`{key}` belongs to dtype {kinds}, not {self.dtype}")
        if self.values is not None and len({str(value) for value in self.values}) < len(
            self.values
        ):
            raise ValueError("`values` holds the same value twice")
        if self.format is not None and isinstance(self.format, list) != (not number):
            raise ValueError(
                '`format` of a number is a mapping such as `{unit: $, thousands: ","}`, that of a'
                ' date a text such as "%d.%m.%Y"'
            )
        for pattern in self.format if isinstance(self.format, list) else ():
            check_date_format(pattern)
        for key in ("min", "max"):
            if self.feature and abs(getattr(self, key) or 0.0) > FLOAT32_MAX:
                raise ValueError(
                    f"{key} {getattr(self, key):g} is beyond {FLOAT32_MAX:g}, the largest that the"
                    " model's input (float32) holds; lower it, or leave it out"
                )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        if self.usual is not None and self.usual[0] > self.usual[1]:
            raise ValueError(f"`usual` begins at {self.usual[0]:g}, above its end")
        return self

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers (bool counts as 0 and 1)."""
        return self.dtype in ("float", "int", "bool")

    @property
    def is_input(self) -> bool:
        """Whether the model is trained on it, with no feature function between them."""
        usable = self.numeric or self.values or self.parts or self.terms
        return self.feature and self.pii is None and bool(usable)


def check_date_format(pattern: str) -> None:
    """Refuse a pattern that does not say a whole date.

    Raises:
        ValueError: names it, and what it lacks.
    """
    if pattern in ("unix", "unix_ms"):
        return
    codes = set(re.findall("%(.)", pattern.replace("%%", "")))
    if unknown := codes - set("YymbBdjHIpMSfzZaA"):
        raise ValueError(f"`format`: {pattern!r}: %{min(unknown)} is no part of a date")
    if not codes & set("Yy") or not ((codes & set("mbB") and "d" in codes) or "j" in codes):
        raise ValueError(f"`format`: {pattern!r} says no year, month and day")


class DataConfig(Extended):
    """The contract of one model's data."""

    later: ClassVar[frozenset[str]] = frozenset({"weight", "extra", "window", "sample"})
    source: Source
    target: Target
    id: str | None = None
    """The column that names a row; never a feature, must be unique."""
    weight: str | None = None
    """The column that says how much a row counts in fitting, metrics and gates; never a feature."""
    split: Split = Split()
    rows: Rows = Rows()
    window: EventWindow | None = None
    sample: Sampling | None = None
    """How many rows of a Parquet data set are trained on; all are checked and hashed."""
    extra: Literal["refuse", "ignore"] = "refuse"
    """What becomes of columns that are declared nowhere, in tables and in requests."""
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    """Every other column of the table, by name."""

    @property
    def kept(self) -> dict[str, Column]:
        """The columns that stay in the table: all but those dropped as personal data."""
        return {name: column for name, column in self.columns.items() if column.pii != "drop"}

    @property
    def table_columns(self) -> list[str]:
        """What stays in the table: the id, the columns that are kept, the target."""
        return [*([self.id] if self.id else []), *self.kept, self.target.column]

    @property
    def personal_columns(self) -> frozenset[str]:
        """The columns of personal data, dropped or hashed."""
        return frozenset(name for name, column in self.columns.items() if column.pii)

    @property
    def features(self) -> dict[str, Column]:
        """The columns that the model is trained on, in the contract's order."""
        return {name: column for name, column in self.columns.items() if column.is_input}

    @property
    def ignored(self) -> list[str]:
        """The declared columns that a request may carry and the model does not use."""
        names = [name for name in (self.id, self.target.column) if name]
        return [*names, *(name for name in self.columns if name not in self.request)]

    @property
    def request(self) -> dict[str, Column]:
        """The columns a prediction request carries: features, and text for feature functions."""
        return {
            name: column
            for name, column in self.columns.items()
            if column.feature and column.pii is None
        }
