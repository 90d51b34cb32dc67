"""``data.yaml: source``: the kinds of source, and what each says of where the data is."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tagship.config.base_model import Character, Extended, Frozen, Sha256, Share

Cell = str | int | float | bool


class _File(Extended):
    path: str
    """A path (relative to the repository's root) or URL: file, http, s3, gs, az. ${VAR} works."""
    sha256: Sha256 | None = None
    """The file's expected SHA-256; a different file is refused."""


class _Headed(_File):
    """Rows of text, under a header or none."""

    later: ClassVar[frozenset[str]] = frozenset({"comment", "header", "names", "skip"})
    skip: Annotated[int, Field(ge=0, le=50)] = 0
    """How many lines stand above the header, such as a title."""
    comment: Character | None = None
    """Lines that begin with it are left out, wherever they stand."""
    header: bool = True
    """Whether the first row names the columns; without it they are column_1, column_2, …"""
    names: Annotated[list[str], Field(min_length=1)] | None = None
    """What the columns are called, in their order, whatever the header says."""
    nulls: list[str] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
    """The texts that mean a missing value."""


class CsvSource(_Headed):
    """A delimited text file; compression follows the file's ending."""

    kind: Literal["csv"]
    delimiter: Character | None = None
    """Sniffed from the first lines when absent."""
    decimal: Character = "."
    """The decimal separator; numbers with thousands separators are refused."""
    encoding: str | None = None
    """UTF-8, or UTF-16 with a byte-order mark, when absent."""


class ExcelSource(_Headed):
    """A sheet of a workbook: xlsx, xlsm or xls."""

    delimiter: ClassVar[str] = ","
    decimal: ClassVar[str] = "."
    encoding: ClassVar[str] = "utf-8"
    kind: Literal["excel"]
    sheet: str | None = None
    """The sheet's name; not needed where one sheet alone has cells."""


class Limits(Frozen):
    """Values from one to another, both included."""

    begin: Cell | None = Field(default=None, alias="from")
    to: Cell | None = None

    @model_validator(mode="after")
    def _limited(self) -> "Limits":
        if self.begin is None and self.to is None:
            raise ValueError("say `from`, `to`, or both")
        return self


Choice = Cell | Annotated[list[Cell], Field(min_length=1)] | Limits
"""Of a column's values: one, several, or all from one to another."""


class TypedSource(_File):
    """A file that types its columns itself: Parquet, Arrow (also called Feather), ORC or Avro.

    Of Parquet also a data set: a folder or glob (``data/events/*/part-*.parquet``) of such files.
    """

    later: ClassVar[frozenset[str]] = frozenset({"select"})
    kind: Literal["parquet", "arrow", "orc", "avro"]
    select: dict[str, Choice] = {}
    """Which rows of Parquet are read, by a column's value, list of values, or ``{from: …, to: …}``
    (both included)."""

    @model_validator(mode="after")
    def _selectable(self) -> "TypedSource":
        if self.select and self.kind != "parquet":
            raise ValueError(f"`select` belongs to parquet, not {self.kind}")
        return self


class JsonSource(_File):
    """A JSON array of records, or one record a line; objects in them become ``outer.inner``."""

    kind: Literal["json"]
    lines: bool = False


class SqlSource(Extended):
    """A query through SQLAlchemy."""

    later: ClassVar[frozenset[str]] = frozenset({"key"})
    kind: Literal["sql"]
    url: str
    """An SQLAlchemy URL; write the password as ${VAR}, read from the environment as it stands."""
    query: str
    key: str | None = None
    """A column that no two rows share and none lacks: rows are read in pages in its order, and the
    lock names its first and last value. PostgreSQL and SQLite."""


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


_Offset = Annotated[int, Field(ge=0)]
Offsets = Annotated[dict[_Offset, _Offset], Field(min_length=1)]
"""An offset for each partition; those that are not named are not read."""


class KafkaSource(Frozen):
    """A Kafka topic from offsets to offsets; each message is a record, one JSON object."""

    kind: Literal["kafka"]
    servers: Annotated[str, Field(min_length=1)]
    """``host:port``, several with commas between them. ${VAR} works; a login does not stand here,
    but in the file that the environment variable TAGSHIP_KAFKA_CONFIG names."""
    topic: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
    begin: Literal["earliest"] | Offsets = Field(default="earliest", alias="from")
    """The first offset, such as ``{0: 100, 1: 250}``; ``earliest`` is the oldest that is kept."""
    to: Literal["latest"] | Offsets = "latest"
    """The offset after the last; ``latest`` is the topic's end when reading begins."""
    timestamp: str | None = None
    """A column that gets the time that Kafka keeps of each message."""
    bad: Share = 0.0
    """Largest share of messages that are no JSON object; they are left out, and counted."""

    @model_validator(mode="after")
    def _possible(self) -> "KafkaSource":
        if isinstance(self.begin, dict) and isinstance(self.to, dict):
            if self.begin.keys() != self.to.keys():
                raise ValueError("`from` and `to` name different partitions")
            for partition, first in self.begin.items():
                if first > self.to[partition]:
                    raise ValueError(
                        f"partition {partition} begins at {first}, above its end"
                        f" {self.to[partition]}"
                    )
        return self


TextSource = CsvSource | ExcelSource
FileSource = TextSource | TypedSource | JsonSource
Source = Annotated[
    CsvSource
    | ExcelSource
    | TypedSource
    | JsonSource
    | SqlSource
    | KafkaSource
    | SklearnSource
    | PythonSource,
    Field(discriminator="kind"),
]
