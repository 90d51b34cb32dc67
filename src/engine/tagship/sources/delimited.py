"""A csv file or a sheet as a table, whole or in batches of rows, by its dialect and header."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tagship.config.sources import CsvSource, ExcelSource, TextSource
from tagship.errors import TagshipError
from tagship.sources.csv_dialect import (
    blank_comments,
    first_rows,
    not_text,
    open_content,
    open_lines,
    sniff,
)
from tagship.sources.header import Header, find_header
from tagship.sources.tables import NoRows, check_names
from tagship.sources.workbook import refuse_merged_rows

_BATCH_BYTES = 1024 * 1024


@dataclass(frozen=True)
class CsvFile:
    """A local file of delimited text, or a sheet of a workbook, and how to read it."""

    path: Path
    source: TextSource
    """What is declared of it; without ``nulls``, nothing is missing."""
    encoding: str
    delimiter: str
    head: Header

    @property
    def header(self) -> list[str]:
        """The names of its columns, without those that are empty."""
        return [name for name in self.head.names if name not in self.head.empty]

    @classmethod
    def inspect(cls, path: Path, source: TextSource) -> "CsvFile":
        """Read from the file what ``source`` does not declare; its ``path`` is not used.

        Raises:
            TagshipError: the file is empty, or not text in its encoding; cells of rows are merged.
        """
        encoding, delimiter = sniff(path, source)
        head = find_header(first_rows(path, source, encoding, delimiter), source)
        if isinstance(source, ExcelSource):
            refuse_merged_rows(path, source, head.rows - source.header)
        return cls(path, source, encoding, delimiter, head)

    def line_of(self, row: int) -> int:
        """The line of the file on which a row ends; rows count from 1, the header not counted."""
        with open_lines(self.path, self.source, self.encoding) as lines:
            rows = csv.reader(blank_comments(lines, self.source.comment), delimiter=self.delimiter)
            for at, values in enumerate(rows):
                row -= bool(values) and at >= self.head.rows
                if not row:
                    break
            return rows.line_num

    def read(self, numbers: frozenset[str]) -> pa.Table:
        """All rows as text, apart from the columns ``numbers``, which are float64.

        Raises:
            pyarrow.ArrowInvalid: a value is no number, or a row has more or fewer values.
            UnicodeDecodeError: it is not text in its encoding.
        """
        with open_content(self.path, self.source, self.encoding) as (handle, encoding):
            table = arrow_csv.read_csv(
                handle,
                arrow_csv.ReadOptions(**self._place(), encoding=encoding),
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
    ) -> Iterator[pa.RecordBatch]:
        """The rows in their order, all values text; the last batch may be empty.

        Args:
            columns: which to read, in which order; all if None.
            malformed: told the number (from 1, the header not counted), the values and the
                expected values of each row that is left out; if None, such a row is an error.

        Raises:
            pyarrow.ArrowInvalid: a row has more or fewer values than the header.
            UnicodeDecodeError: it is not text in its encoding.
        """

        def skip(row: Any) -> str:
            assert malformed is not None
            above = 1 if self.head.plain else self.head.rows
            malformed(row.number - above, row.actual_columns, row.expected_columns)
            return "skip"

        # One thread: several would not know the number of a malformed row.
        if columns is None and self.head.empty:
            columns = self.header
        parsing = self._parsing(invalid_row_handler=skip if malformed else None)
        with open_content(self.path, self.source, self.encoding) as (handle, encoding):
            reading = arrow_csv.ReadOptions(
                **self._place(), encoding=encoding, block_size=_BATCH_BYTES, use_threads=False
            )
            reader = arrow_csv.open_csv(handle, reading, parsing, self._converting(columns))
            yield from reader
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)

    def _place(self) -> dict[str, Any]:
        """The names and the first row where the file's first row is no header."""
        if self.head.plain:
            return {}
        return {"column_names": self.head.names, "skip_rows_after_names": self.head.rows}

    def _parsing(self, **more: Any) -> Any:
        return arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, **more)

    def _converting(
        self, columns: Sequence[str] | None = None, numbers: frozenset[str] = frozenset()
    ) -> Any:
        return arrow_csv.ConvertOptions(
            include_columns=columns,
            column_types={
                name: pa.float64() if name in numbers else pa.string() for name in self.head.names
            },
            null_values=self.source.nulls,
            strings_can_be_null=bool(self.source.nulls),
            decimal_point=self.source.decimal,
        )


def read_text(source: TextSource, path: Path, numbers: frozenset[str]) -> pd.DataFrame:
    """The whole file ``path`` as text, apart from the columns ``numbers``.

    Those are float64 where each of their values is a number; if one is none, all stay text.

    Raises:
        TagshipError: it cannot be read, or is no table.
    """
    file = CsvFile.inspect(path, source)
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
        raise not_text(source.path, file.encoding, error) from None
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
    pointed = texts.str.contains(".", regex=False, na=False)
    unreadable = texts + f" (decimal: {decimal})"
    return texts.str.replace(decimal, ".", regex=False).mask(pointed, unreadable)


def _one_column(file: CsvFile, source: TextSource) -> TagshipError:
    if not isinstance(source, CsvSource):
        return TagshipError(
            f"source.path: {source.path}: the sheet has one column, {file.header[0][:60]!r}",
            "is it the right sheet? A target needs a column to predict it from",
        )
    sniffed = sniff(file.path, source.model_copy(update={"delimiter": None}))[1]
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


def _ragged(file: CsvFile, source: TextSource) -> TagshipError | None:
    """The first row with more or fewer values than the header, where there is one."""
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
    return TagshipError(
        f"source.path: {source.path}: line {file.line_of(row):,} (row {row:,} of the data) has"
        f" {values} values, the header {expected}",
        "mend that line, or take it out, such as a footer; `skip` leaves out lines above the"
        " header, `comment` those that begin with a character; a comma within a value needs quotes:"
        ' "a, b"',
    )


def _no_table(error: Exception, source: TextSource) -> TagshipError:
    text = str(error).splitlines()[0]
    if "UTF8" in text:
        return not_text(source.path, source.encoding or "utf-8", error)
    if "Empty CSV" in text or "no columns" in text.lower():
        return NoRows(f"source.path: {source.path}: has no rows", "export it again")
    return TagshipError(
        f"source.path: {source.path}: not a table: {text}",
        "check `delimiter` and the quoting of the file",
        quotes=text.partition(": ")[2],
    )
