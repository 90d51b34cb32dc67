"""What a scoring writes: the output and, where rows were rejected, a side file with the reasons.

Both are written under a hidden name and renamed when all is done.
"""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa

from tagship.errors import TagshipError
from tagship.files import explain_os_error

ENDINGS = (".csv", ".parquet")
_HEADER = ("row", "column", "problem", "value")


def rejected_path(output: Path) -> Path:
    """Where the reasons of an output's rejected rows stand."""
    return output.with_name(f"{output.stem}.rejected.csv")


class Results:
    """The two files of one scoring; without ``keep`` nothing is left of them."""

    def __init__(self, output: Path) -> None:
        self._output, self._rejected = output, rejected_path(output)
        self._parts = [_part(path) for path in (self._output, self._rejected)]
        self._writer: Any = None

    def __enter__(self) -> "Results":
        try:
            self._output.parent.mkdir(parents=True, exist_ok=True)
            # What a killed scoring left is overwritten here.
            self._files: list[BinaryIO] = [part.open("wb") for part in self._parts]
        except OSError as error:
            raise explain_os_error(error, self._output) from error
        self._text = io.TextIOWrapper(self._files[1], encoding="utf-8", newline="")
        self._reasons = csv.writer(self._text, lineterminator="\n")
        self._reasons.writerow(_HEADER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._close()
        except OSError as failure:
            if error is None:
                raise explain_os_error(failure, self._output) from failure
        finally:
            for part in self._parts:
                part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise explain_os_error(error, self._output) from error

    def write(self, answers: pa.RecordBatch) -> None:
        """Append scored rows; the first call decides the columns."""
        if self._writer is None:
            self._writer = _writer(self._output, self._files[0], answers.schema)
        self._writer.write_batch(answers)

    def reject(self, reasons: Iterable[tuple[int, str, str, str]]) -> None:
        """Append (row, column, problem, value)."""
        self._reasons.writerows(reasons)

    def keep(self, scored: bool, rejected: bool) -> None:
        """Put the files in their places, the output last; no side file without rejected rows."""
        self._close()
        if rejected:
            self._parts[1].replace(self._rejected)
        else:
            self._rejected.unlink(missing_ok=True)
        if scored:
            self._parts[0].replace(self._output)

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for file in (self._text, self._files[0]):
            if not file.closed:
                file.flush()
                os.fsync(file.fileno())
                file.close()


def check_output(output: Path, source: Path) -> None:
    """Refuse an output that is no file of a kind written here, or would become the input.

    Raises:
        TagshipError: otherwise.
    """
    if output.suffix not in ENDINGS:
        raise TagshipError(
            f"--output: {output}: its ending says neither csv nor Parquet",
            "end it in .csv or .parquet",
        )
    if output.is_dir():
        raise TagshipError(f"--output: {output}: is a folder", "name a file")
    for path in (output.resolve(), rejected_path(output).resolve()):
        if path == source.resolve():
            raise TagshipError(
                f"--output: {output}: {path.name} would replace the input", "write to another file"
            )
        if source.is_dir() and path.is_relative_to(source.resolve()):
            raise TagshipError(
                f"--output: {output}: would be a file of the input", "write to another folder"
            )


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _writer(output: Path, file: BinaryIO, schema: pa.Schema) -> Any:
    if output.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.ParquetWriter(file, schema)
    from pyarrow import csv as arrow_csv

    return arrow_csv.CSVWriter(file, schema)
