"""``data.yaml``: the contract. Where the data is, what its columns hold, how it is split."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tagship.config.base_model import Extended, Frozen

Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Character = Annotated[str, Field(min_length=1, max_length=1)]
Label = str | int | bool

FLOAT32_MAX = 3.4028234663852886e38
"""The largest number that the model's input holds."""


class _File(Extended):
    path: str
    """A path (relative to the repository's root) or URL: file, http, s3, gs, az. ${VAR} works."""
    sha256: Sha256 | None = None
    """The file's expected SHA-256; a different file is refused."""


class CsvSource(_File):
    """A delimited text file; compression follows the file's ending."""

    later: ClassVar[frozenset[str]] = frozenset({"header", "names", "skip"})
    kind: Literal["csv"]
    delimiter: Character | None = None
    """Sniffed from the first lines when absent."""
    decimal: Character = "."
    """The decimal separator; numbers with thousands separators are refused."""
    header: bool = True
    """Whether the first row names the columns; without it they are column_1, column_2, …"""
    names: Annotated[list[str], Field(min_length=1)] | None = None
    """What the columns are called, in their order, whatever the header says."""
    skip: Annotated[int, Field(ge=0, le=50)] = 0
    """How many lines stand above the header, such as a title."""
    encoding: str | None = None
    """UTF-8, or UTF-16 with a byte-order mark, when absent."""
    nulls: list[str] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
    """The texts that mean a missing value."""


class ParquetSource(_File):
    """A Parquet file."""

    kind: Literal["parquet"]


class JsonSource(_File):
    """A JSON array of records, or one record a line."""

    kind: Literal["json"]
    lines: bool = False


class SqlSource(Frozen):
    """A query through SQLAlchemy."""

    kind: Literal["sql"]
    url: str
    """An SQLAlchemy URL; write secrets as ${VAR}, read from the environment."""
    query: str


class SklearnSource(Frozen):
    """One of the tables that scikit-learn bundles."""

    kind: Literal["sklearn"]
    table: Literal["iris", "wine", "breast_cancer", "diabetes"]


class PythonSource(Frozen):
    """A table that a function of the project's own code returns: pandas or Arrow."""

    kind: Literal["python"]
    function: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
    """``module:function``, such as ``sources.churn:table`` in ``src/sources/churn.py``."""
    arguments: dict[str, Any] = {}
    """What it is called with, by name; secrets it reads from the environment itself."""


Source = Annotated[
    CsvSource | ParquetSource | JsonSource | SqlSource | SklearnSource | PythonSource,
    Field(discriminator="kind"),
]


class Rare(Frozen):
    """Classes with too few rows to be learned and judged."""

    below: Annotated[int, Field(ge=2)]
    """A class with fewer rows is rare."""
    into: Literal["drop", "other"] = "drop"
    """Its rows are dropped, or become rows of one class called other."""


class Target(Extended):
    """The column to predict."""

    later: ClassVar[frozenset[str]] = frozenset({"missing", "rare"})
    column: str
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
        chosen = [name for name in ("stratify", "group", "time") if getattr(self, name)]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} cannot be combined; keep one")
        return self


class Rows(Frozen):
    """What the table as a whole must satisfy."""

    min: Annotated[int, Field(ge=1)] = 100
    """Fewer rows than this are refused."""
    duplicates: Share = 0.05
    """Largest share of holdout rows that may also stand, value for value, in the training rows."""


class Column(Frozen):
    """One column of the table."""

    dtype: Literal["float", "int", "bool", "category", "string", "datetime"]
    min: float | None = None
    max: float | None = None
    values: Annotated[list[str | int], Field(min_length=1)] | None = None
    """Every value a category may take."""
    missing: Share = 0.0
    """Largest share of missing values."""
    feature: bool = True
    """False keeps the column for slices, fairness or feature functions, away from the model."""
    pii: Literal["drop", "hash"] | None = None
    """Personal data: dropped, or replaced by a keyed hash; never a feature."""

    @model_validator(mode="after")
    def _possible(self) -> "Column":
        if self.dtype == "category" and not self.values:
            raise ValueError("a category needs `values: [...]`, all that it may take")
        if self.dtype != "category" and self.values is not None:
            raise ValueError(f"`values` belongs to dtype category, not {self.dtype}")
        if self.values is not None and len({str(value) for value in self.values}) < len(
            self.values
        ):
            raise ValueError("`values` holds the same value twice")
        ranged = self.min is not None or self.max is not None
        if ranged and self.dtype not in ("float", "int"):
            raise ValueError(f"`min` and `max` belong to float and int, not {self.dtype}")
        for key in ("min", "max"):
            if self.feature and abs(getattr(self, key) or 0.0) > FLOAT32_MAX:
                raise ValueError(
                    f"{key} {getattr(self, key):g} is beyond {FLOAT32_MAX:g}, the largest that the"
                    " model's input (float32) holds; lower it, or leave it out"
                )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers (bool counts as 0 and 1)."""
        return self.dtype in ("float", "int", "bool")


class DataConfig(Extended):
    """The contract of one model's data."""

    later: ClassVar[frozenset[str]] = frozenset({"weight"})
    source: Source
    target: Target
    id: str | None = None
    """The column that names a row; never a feature, must be unique."""
    weight: str | None = None
    """The column that says how much a row counts in fitting, metrics and gates; never a feature."""
    split: Split = Split()
    rows: Rows = Rows()
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    """Every other column of the table, by name."""

    @property
    def kept(self) -> dict[str, Column]:
        """The columns that stay in the table: all but those dropped as personal data."""
        return {name: column for name, column in self.columns.items() if column.pii != "drop"}

    @property
    def features(self) -> dict[str, Column]:
        """The columns that the model is trained on, in the contract's order."""
        return {
            name: column
            for name, column in self.columns.items()
            if column.feature and column.pii is None and column.dtype not in ("string", "datetime")
        }

    @property
    def request(self) -> dict[str, Column]:
        """The columns a prediction request carries: features, and text for feature functions."""
        return {
            name: column
            for name, column in self.columns.items()
            if column.feature and column.pii is None
        }
