"""A table of any size as blocks of rows, with only the columns that are asked for."""

import csv
import io
import lzma
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tagship.config.contract import CsvSource
from tagship.data.fetching import local_file, without_password
from tagship.data.sources import sniff_csv
from tagship.errors import TagshipError

_BLOCK_BYTES = 1024 * 1024
_BLOCK_ROWS = 16_384
_COMPRESSED = (".gz", ".bz2", ".xz", ".zip", ".zst")
_TEXT = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Malformed:
    """A row of text that has not as many values as the header has names."""

    row: int
    problem: str


@dataclass(frozen=True)
class Block:
    """Some rows of the table."""

    table: pa.RecordBatch
    rows: NDArray[np.int64]
    """Their numbers in the file, from 1, the header not counted."""
    malformed: list[Malformed]
    """Rows before, among or right after them that are not in ``table``."""


class Input:
    """A csv or Parquet file."""

    def __init__(self, location: str, root: Path, settings: CsvSource) -> None:
        """Find the file, or bring it here where ``location`` is a URL.

        Raises:
            TagshipError: it is missing, cannot be reached, or is of another kind.
        """
        self.shown = without_password(location)
        self._settings = settings
        try:
            remote = "://" in location
            self.path = local_file(location if remote else str(Path(location).absolute()), root)
        except TagshipError as error:
            hint = error.hint if remote else "relative paths start at the working directory"
            message = str(error.args[0]).replace("source.path", "--input", 1)
            raise TagshipError(message, hint) from None
        ending = self.path.with_suffix("") if self.path.suffix in _COMPRESSED else self.path
        self.text = ending.suffix.lower() in _TEXT
        if not self.text and self.path.suffix.lower() not in _PARQUET:
            raise TagshipError(
                f"--input: {self.shown}: neither csv nor Parquet by its ending",
                f"it ends in {', '.join((*_TEXT, *_PARQUET))}; text may be compressed: .csv.gz",
            )

    @property
    def decimal(self) -> str:
        """What parts whole from fraction where numbers are text."""
        return self._settings.decimal if self.text else "."

    def blocks(self, needed: Sequence[str], wanted: str | None) -> Iterator[Block]:
        """The columns ``needed``, and ``wanted`` where the file has it, block by block.

        Raises:
            TagshipError: a needed column is absent, or the file is damaged.
        """
        with self._explained():
            blocks = self._text_blocks if self.text else self._parquet_blocks
            yield from blocks(needed, wanted)

    def _text_blocks(self, needed: Sequence[str], wanted: str | None) -> Iterator[Block]:
        import fsspec
        from pyarrow import csv as arrow_csv

        encoding, sniffed = sniff_csv(self.path, self._settings.encoding)
        delimiter = self._settings.delimiter or sniffed
        with (
            fsspec.open(str(self.path), "rb", compression="infer") as handle,
            io.TextIOWrapper(handle, encoding=encoding, newline="") as text,
        ):
            header = next((row for row in csv.reader(text, delimiter=delimiter) if row), [])
        chosen = self._choose(header, needed, wanted)
        malformed: deque[Malformed] = deque()

        def note(row: Any) -> str:  # never the row's text: it may hold personal data
            problem = f"has {row.actual_columns} values, the header {row.expected_columns}"
            malformed.append(Malformed(row.number - 1, problem))
            return "skip"

        with fsspec.open(str(self.path), "rb", compression="infer") as handle:
            reader = arrow_csv.open_csv(
                handle,
                # One thread: several would not know the number of a malformed row.
                arrow_csv.ReadOptions(
                    encoding=encoding, block_size=_BLOCK_BYTES, use_threads=False
                ),
                arrow_csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
                ),
                arrow_csv.ConvertOptions(
                    include_columns=chosen,
                    column_types={name: pa.string() for name in header},
                    null_values=self._settings.nulls,
                    strings_can_be_null=True,
                ),
            )
            before = 0
            for table in reader:
                rows = _numbers(before, table.num_rows, [bad.row for bad in malformed])
                before = int(rows[-1]) if len(rows) else before
                passed = []
                while malformed and malformed[0].row <= before + 1:
                    passed.append(malformed.popleft())
                    before = max(before, passed[-1].row)
                yield Block(table, rows, passed)
            none = pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield Block(none, np.empty(0, dtype=np.int64), list(malformed))

    def _parquet_blocks(self, needed: Sequence[str], wanted: str | None) -> Iterator[Block]:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path, buffer_size=_BLOCK_BYTES) as file:
            chosen = self._choose(file.schema_arrow.names, needed, wanted)
            before = 0
            for table in file.iter_batches(_BLOCK_ROWS, columns=chosen):
                rows = np.arange(before + 1, before + 1 + table.num_rows)
                before += table.num_rows
                yield Block(table, rows, [])

    def _choose(self, names: list[str], needed: Sequence[str], wanted: str | None) -> list[str]:
        absent = [name for name in needed if name not in names]
        if absent:
            raise TagshipError(
                f"--input: {self.shown}: has no column {', '.join(map(repr, absent))}",
                f"its columns are: {', '.join(names)[:300]}",
            )
        chosen = [*needed, *([wanted] if wanted in names else [])]
        twice = [name for name in chosen if names.count(name) > 1]
        if twice:
            raise TagshipError(
                f"--input: {self.shown}: two columns are named {', '.join(map(repr, twice))}",
                "rename one of them in the file",
            )
        return chosen

    @contextmanager
    def _explained(self) -> Iterator[None]:
        damage = (zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError, OSError, csv.Error)
        try:
            yield
        except TagshipError as error:
            raise TagshipError(
                str(error.args[0]).replace("source.path", "--input", 1), error.hint
            ) from None
        except (pa.ArrowInvalid, UnicodeDecodeError, *damage) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise TagshipError(
                f"--input: {self.shown}: cannot be read: {reason}",
                "is it complete, and of the kind, compression and encoding that it should be?",
            ) from None


def _numbers(before: int, count: int, skipped: list[int]) -> NDArray[np.int64]:
    """The numbers of the next ``count`` rows after row ``before``, leaving out those skipped."""
    numbers = np.arange(before + 1, before + 1 + count + len(skipped))
    return numbers[~np.isin(numbers, skipped)][:count]
