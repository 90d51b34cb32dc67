"""A table of any size as blocks of rows, with only the columns that are asked for."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tagship.config.sources import CsvSource, ExcelSource, Source, TextSource, TypedSource
from tagship.contract.table_columns import as_text
from tagship.errors import TagshipError
from tagship.sources.dataset import DataSet, open_data_set
from tagship.sources.delimited import CsvFile
from tagship.sources.fetching import local_file, without_password
from tagship.sources.formats import ENDINGS_HINT, file_source
from tagship.sources.read import read_source
from tagship.sources.tables import NoRows
from tagship.sources.typed_files import open_typed

if TYPE_CHECKING:
    import pandas as pd

_BLOCK_ROWS = 16_384
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name in Parquet and Feather."""


@dataclass(frozen=True)
class MalformedRow:
    """A row of text with more or fewer values than the header has names."""

    row: int
    problem: str


@dataclass(frozen=True)
class Block:
    """Some rows of the table."""

    table: pa.RecordBatch
    rows: NDArray[np.int64]
    """Their numbers in the file, from 1, the header not counted."""
    malformed: list[MalformedRow]
    """Rows before, among or right after them that are not in ``table``."""


@dataclass(frozen=True)
class Columns:
    """The columns of an input, by name."""

    required: Sequence[str]
    optional: Sequence[str] = ()
    """Read where they are there."""
    ignored: frozenset[str] | None = None
    """Others that may be there; None where any may."""


class Input:
    """A file of any kind, or a data set of Parquet."""

    def __init__(self, location: str, root: Path, declared: Source) -> None:
        """Find the file, or bring it here where ``location`` is a URL, or find the files of a set.

        Where the model's own source, ``declared``, is text of the same kind, its settings hold.

        Raises:
            TagshipError: it is missing, cannot be reached, or of no kind that is known.
        """
        self.shown = without_password(location)
        self._root = root
        self._place = location if "://" in location else str(Path(location).absolute())
        try:
            parquet = TypedSource(kind="parquet", path=self._place)
            self._set = open_data_set(parquet, root)
            self.path = Path(self._set.folder) if self._set else local_file(self._place, root)
            source = parquet if self._set else file_source(str(self.path), root, declared)
        except TagshipError as error:
            own_hint = not error.hint.startswith("relative paths")
            hint = error.hint if own_hint else "relative paths start at the working directory"
            raise TagshipError(self._reword(error), hint) from None
        if source is None:
            raise TagshipError(
                f"--input: {self.shown}: its ending does not say what it is", ENDINGS_HINT
            )
        self._source = source

    @property
    def decimal(self) -> str:
        """The decimal separator of numbers that are text."""
        return self._source.decimal if isinstance(self._source, CsvSource) else "."

    def blocks(self, columns: Columns) -> Iterator[Block]:
        """The columns, block by block.

        Raises:
            TagshipError: a required column is absent, one is there that may not be, or the file is
                damaged.
        """
        with self._explain_errors():
            match source := self._source:
                case CsvSource() | ExcelSource():
                    yield from self._text_blocks(source, columns)
                case _ if self._set is not None:
                    chosen = self._choose(self._set.names, columns)
                    yield from _number_blocks(_batches(self._set, chosen))
                    self._set.check_unchanged()
                case TypedSource() if source.kind != "avro":
                    with open_typed(source.kind, self.path) as file:
                        chosen = self._choose(file.names, columns)
                        yield from _number_blocks(file.select(_BLOCK_ROWS, chosen))
                case _:
                    yield from self._frame_blocks(columns)

    def _text_blocks(self, source: TextSource, columns: Columns) -> Iterator[Block]:
        file = CsvFile.inspect(self.path, source)
        malformed: deque[MalformedRow] = deque()

        def note(row: int, values: int, expected: int) -> None:
            malformed.append(MalformedRow(row, f"has {values} values, the header {expected}"))

        before = 0
        for table in file.batches(self._choose(file.header, columns), note):
            rows = _row_numbers(before, table.num_rows, [bad.row for bad in malformed])
            before = int(rows[-1]) if len(rows) else before
            passed = []
            while malformed and malformed[0].row <= before + 1:
                passed.append(malformed.popleft())
                before = max(before, passed[-1].row)
            yield Block(table, rows, passed)

    def _frame_blocks(self, columns: Columns) -> Iterator[Block]:
        try:
            frame = read_source(self._source, self._root)
        except NoRows:
            return
        chosen = self._choose(list(map(str, frame)), columns)
        arrays = {name: _array(frame[name]) for name in chosen}
        yield from _number_blocks(pa.table(arrays).combine_chunks().to_batches(_BLOCK_ROWS))

    def _choose(self, names: list[str], columns: Columns) -> list[str]:
        absent = [name for name in columns.required if name not in names]
        if absent:
            raise TagshipError(
                f"--input: {self.shown}: has no column {', '.join(map(repr, absent))}",
                f"its columns are: {', '.join(names)[:300]}",
            )
        chosen = [*columns.required, *(name for name in columns.optional if name in names)]
        allowed = {*chosen, *(names if columns.ignored is None else columns.ignored)}
        other_names = [name for name in names if name not in allowed]
        if undeclared := [name for name in other_names if not _INDEX.fullmatch(name)]:
            raise TagshipError(
                f"--input: {self.shown}: data.yaml does not declare the column"
                f" {', '.join(map(repr, undeclared))}",
                "take it out, declare it, or set `extra: ignore` in data.yaml",
            )
        twice = [name for name in chosen if names.count(name) > 1]
        if twice:
            raise TagshipError(
                f"--input: {self.shown}: two columns are named {', '.join(map(repr, twice))}",
                "rename one of them in the file",
            )
        return chosen

    def _reword(self, error: TagshipError) -> str:
        """An error's message, by what was asked for."""
        message = str(error.args[0]).replace("source.path", "--input", 1)
        return message.replace(self._place, self.shown, 1)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except TagshipError as error:
            message = self._reword(error).replace(str(self.path), self.shown, 1)
            raise TagshipError(message, error.hint) from None
        except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise TagshipError(
                f"--input: {self.shown}: cannot be read: {reason}",
                "is it complete, and of the kind, compression and encoding that it should be?",
            ) from None


def _row_numbers(before: int, count: int, skipped: list[int]) -> NDArray[np.int64]:
    """The numbers of the next ``count`` rows after row ``before``, leaving out those skipped."""
    row_numbers = np.arange(before + 1, before + 1 + count + len(skipped))
    return row_numbers[~np.isin(row_numbers, skipped)][:count]


def _number_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
    before = 0
    for table in batches:
        yield Block(table, np.arange(before + 1, before + 1 + table.num_rows), [])
        before += table.num_rows


def _batches(files: DataSet, chosen: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for group in files.groups(chosen):
        for table, _ in files.blocks(group, chosen, _BLOCK_ROWS):
            yield from table.combine_chunks().to_batches()


def _array(column: "pd.Series") -> pa.Array:
    """A column; values of several types as the texts that a csv file would hold of them."""
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(as_text(column), from_pandas=True)
