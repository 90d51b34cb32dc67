"""Delimited text, whole or in batches of rows: its encoding, its delimiter and its header."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from tagship.config.contract import CsvSource
from tagship.errors import TagshipError
from tagship.sources.compression import open_file
from tagship.sources.fetching import local_file
from tagship.sources.header import Header, find_header, usual_width
from tagship.sources.tables import NoRows, check_names

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 64 * 1024
_SAMPLE_ROWS = 100
_BATCH_BYTES = 1024 * 1024


@dataclass(frozen=True)
class CsvFile:
    """A local file of delimited text, and how to read it."""

    path: Path
    encoding: str
    delimiter: str
    head: Header
    nulls: Sequence[str]
    """The texts that mean a missing value; with none of them, nothing is missing."""
    decimal: str = "."

    @property
    def header(self) -> list[str]:
        """The names of its columns, without those that are empty."""
        return [name for name in self.head.names if name not in self.head.empty]

    @classmethod
    def inspect(cls, path: Path, settings: CsvSource) -> "CsvFile":
        """Read from the file what ``settings`` does not declare; its ``path`` is not used.

        Raises:
            TagshipError: the file is empty, or not text in its encoding.
        """
        encoding, sniffed = sniff_csv(path, settings.encoding)
        delimiter = settings.delimiter or sniffed
        head = find_header(first_rows(path, encoding, delimiter), settings)
        return cls(path, encoding, delimiter, head, settings.nulls, settings.decimal)

    def read(self, numbers: frozenset[str]) -> "pa.Table":
        """All rows as text, apart from the columns ``numbers``, which are float64.

        Raises:
            pyarrow.ArrowInvalid: a value is no number, or a row has more or fewer values.
            UnicodeDecodeError: it is not text in its encoding.
        """
        from pyarrow import csv as arrow_csv

        with open_file(self.path) as handle:
            table = arrow_csv.read_csv(
                handle,
                arrow_csv.ReadOptions(**self._place()),
                self._parsing(),
                self._converting(numbers=numbers),
            )
        for name in self.head.empty:
            _check_empty(table[name], name, self.path.name)
        return table.drop_columns(sorted(self.head.empty))

    def batches(
        self,
        columns: Sequence[str] | None = None,
        malformed: Callable[[int, int, int], None] | None = None,
    ) -> "Iterator[pa.RecordBatch]":
        """The rows in their order, all values text; the last batch may be empty.

        Args:
            columns: which to read, in which order; all if None.
            malformed: told the number (from 1, the header not counted), the values and the
                expected values of each row that is left out; if None, such a row is an error.

        Raises:
            pyarrow.ArrowInvalid: a row has more or fewer values than the header.
            UnicodeDecodeError: it is not text in its encoding.
        """
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        def skip(row: Any) -> str:
            assert malformed is not None
            above = 1 if self.head.plain else self.head.rows
            malformed(row.number - above, row.actual_columns, row.expected_columns)
            return "skip"

        # One thread: several would not know the number of a malformed row.
        reading = arrow_csv.ReadOptions(**self._place(), block_size=_BATCH_BYTES, use_threads=False)
        if columns is None and self.head.empty:
            columns = self.header
        parsing = self._parsing(invalid_row_handler=skip if malformed else None)
        with open_file(self.path) as handle:
            reader = arrow_csv.open_csv(handle, reading, parsing, self._converting(columns))
            yield from reader
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)

    def _place(self) -> dict[str, Any]:
        """The encoding, and the names and the first row where the file's first row is no header."""
        if self.head.plain:
            return {"encoding": self.encoding}
        names, above = self.head.names, self.head.rows
        return {"encoding": self.encoding, "column_names": names, "skip_rows_after_names": above}

    def _parsing(self, **more: Any) -> Any:
        from pyarrow import csv as arrow_csv

        return arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, **more)

    def _converting(
        self, columns: Sequence[str] | None = None, numbers: frozenset[str] = frozenset()
    ) -> Any:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        return arrow_csv.ConvertOptions(
            include_columns=columns,
            column_types={
                name: pa.float64() if name in numbers else pa.string() for name in self.head.names
            },
            null_values=self.nulls,
            strings_can_be_null=bool(self.nulls),
            decimal_point=self.decimal,
        )


def read_csv(source: CsvSource, root: Path, numbers: frozenset[str]) -> pd.DataFrame:
    """The whole file as text, apart from the columns ``numbers``.

    Those are float64 where each of their values is a number; if one is none, all stay text.

    Raises:
        TagshipError: it cannot be read, or is no table.
    """
    import pyarrow as pa

    file = CsvFile.inspect(local_file(source.path, root, source.sha256), source)
    check_names(file.header, source)
    if len(file.header) == 1:
        raise _one_column(file, source)
    try:
        table = file.read(numbers)
    except pa.ArrowInvalid as error:
        try:
            table = file.read(frozenset())
        except pa.ArrowInvalid:
            raise _ragged(file, source) or _no_table(error, source) from None
    except UnicodeDecodeError as error:
        raise _not_text(source.path, file.encoding, error) from None
    frame = cast(pd.DataFrame, table.to_pandas())
    if source.decimal != ".":
        for name in numbers & set(frame.columns):
            if not pd.api.types.is_numeric_dtype(frame[name]):
                frame[name] = _with_point(frame[name], source.decimal)
    return frame


def _with_point(texts: pd.Series, decimal: str) -> pd.Series:
    """Numbers as text, with a point in place of the decimal separator ``decimal``.

    A text with a point already would become another number; it is made unreadable instead.
    """
    if decimal == ".":
        return texts
    pointed = texts.str.contains(".", regex=False, na=False)
    unreadable = texts + f" (decimal: {decimal})"
    return texts.str.replace(decimal, ".", regex=False).mask(pointed, unreadable)


def sniff_csv(path: Path, encoding: str | None = None) -> tuple[str, str]:
    """The encoding and delimiter of a delimited text file.

    Raises:
        TagshipError: the file is empty or not text in that encoding.
    """
    with open_file(path) as handle:
        sample = handle.read(_SAMPLE_BYTES)
    if not sample.strip():
        raise TagshipError(f"source.path: {path.name}: the file is empty", "export it again")
    encoding = encoding or _encoding(sample)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except (UnicodeDecodeError, LookupError) as error:
        raise _not_text(path.name, encoding, error) from None
    if not text.strip():  # a byte order mark and no more
        raise TagshipError(f"source.path: {path.name}: the file is empty", "export it again")
    lines = text.splitlines()[:50]
    lines = lines[:-1] if len(sample) == _SAMPLE_BYTES and len(lines) > 1 else lines

    def columns(delimiter: str) -> tuple[float, int]:
        rows = list(csv.reader(lines, delimiter=delimiter))
        width, full = usual_width(rows), [row for row in rows if row]
        return (sum(len(row) == width for row in full) / len(full), width)

    scored = {delimiter: columns(delimiter) for delimiter in DELIMITERS}
    several = [delimiter for delimiter in DELIMITERS if scored[delimiter][1] > 1]
    return encoding, max(several, key=lambda delimiter: scored[delimiter], default=",")


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if sample.startswith(codecs.BOM_UTF8) else "utf-8"


def first_rows(path: Path, encoding: str, delimiter: str) -> list[list[str]]:
    """The first rows of a file as texts, blank ones as ``[]``.

    Raises:
        TagshipError: it is not text in this encoding, or the delimiter is none.
    """
    name = path.name
    try:
        with (
            open_file(path) as handle,
            io.TextIOWrapper(handle, encoding=encoding, newline="") as text,
        ):
            return list(_readable(csv.reader(text, delimiter=delimiter)))
    except UnicodeDecodeError as error:
        raise _not_text(name, encoding, error) from None
    except (csv.Error, TypeError) as error:
        raise TagshipError(f"source.delimiter: {delimiter!r}: {error}", "one character") from None


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The first rows, until one is too long for a sample, as a quote makes it that never ends."""
    for number in range(_SAMPLE_ROWS):
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            if number:
                return
            raise


def _one_column(file: CsvFile, source: CsvSource) -> TagshipError:
    sniffed = sniff_csv(file.path, file.encoding)[1]
    if file.delimiter != sniffed:
        return TagshipError(
            f"source.delimiter: {source.path}: with {file.delimiter!r} the header is one column",
            f"with {sniffed!r} it would be more: set `delimiter: {sniffed!r}` or leave it out",
        )
    shown = repr(file.header[0][:60])
    return TagshipError(
        f"source.delimiter: {source.path}: the header is one column, {shown}",
        "declare what stands between the columns, such as `delimiter: '^'`",
        quotes=shown,
    )


def _check_empty(column: Any, name: str, file: str) -> None:
    if any(str(value or "").strip() for value in column.unique().to_pylist()):
        number = name.rpartition("_")[2]
        raise TagshipError(
            f"source.path: {file}: column {number} has values and no name", "name it there"
        )


def _ragged(file: CsvFile, source: CsvSource) -> TagshipError | None:
    """The first row with more or fewer values than the header, where there is one."""
    import pyarrow as pa

    wrong: list[tuple[int, int, int]] = []
    try:
        for _ in file.batches(malformed=lambda *row: wrong.append(row)):
            if wrong:
                break
    except pa.ArrowInvalid:
        return None
    if not wrong:
        return None
    row, values, expected = wrong[0]
    line = row + file.head.rows
    return TagshipError(
        f"source.path: {source.path}: line {line:,} (row {row:,} of the data) has {values} values,"
        f" the header {expected}",
        "mend that line; rows above the header are left out by `skip`, a comma within a value needs"
        ' quotes: "a, b"',
    )


def _no_table(error: Exception, source: CsvSource) -> TagshipError:
    text = str(error).splitlines()[0]
    if "UTF8" in text:
        return _not_text(source.path, source.encoding or "utf-8", error)
    if "Empty CSV" in text or "no columns" in text.lower():
        return NoRows(f"source.path: {source.path}: has no rows", "export it again")
    return TagshipError(
        f"source.path: {source.path}: not a table: {text}",
        "check `delimiter` and the quoting of the file",
        quotes=text.partition(": ")[2],
    )


def _not_text(name: str, encoding: str, error: Exception) -> TagshipError:
    return TagshipError(
        f"source.encoding: {name} is not {encoding}: {error}",
        "declare it, such as `encoding: latin-1` or `encoding: cp1252`",
    )
