"""The rows that are explained: of a file, read as `tagship predict` reads it, or of the table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.batch.artifact import derive_matrix
from tagship.batch.decoding import decode
from tagship.batch.input_table import Columns, Input
from tagship.batch.scoring import columns_of
from tagship.config.contract import CsvSource, DataConfig
from tagship.contract.boundary import Boundary
from tagship.contract.finite_values import NO_VALUE, broken_derived
from tagship.data.table import Table, request_columns
from tagship.errors import TagshipError
from tagship.sources.formats import file_source, format_of
from tagship.sources.read import read_source

MOST_ROWS = 1000
_SHOWN = 20


@dataclass(frozen=True)
class ExplainedRows:
    """Rows as the model takes them."""

    numbers: list[int]
    """Their numbers in the file or table, from 1."""
    matrix: NDArray[np.float32]


def rows_of_table(table: Table, data: DataConfig, boundary: Boundary, row: int) -> ExplainedRows:
    """One row of the model's own table.

    Raises:
        TagshipError: it has no such row.
    """
    _check_number(row, len(table.frame), "the table")
    columns = request_columns(table.frame.iloc[[row - 1]], data)
    return ExplainedRows([row], boundary.matrix(columns))


def rows_of_file(
    root: Path, data: DataConfig, boundary: Boundary, source: str, row: int | None
) -> ExplainedRows:
    """The rows of a csv, Parquet or JSON file, or one of them.

    Raises:
        TagshipError: it cannot be read, lacks a column, has no such row or too many, or rows break
            the contract: the first ones are named, with their columns.
    """
    settings = data.source if isinstance(data.source, CsvSource) else CsvSource(kind="csv", path="")
    decimal = settings.decimal if format_of(source) == "csv" else "."
    numbers: list[int] = []
    matrices: list[NDArray[np.float32]] = []
    problems: list[str] = []
    last = 0
    for table, places, malformed in _blocks(root, settings, columns_of(boundary, data), source):
        last = max([last, *places[-1:].tolist(), *malformed])
        chosen = np.arange(len(places)) if row is None else np.flatnonzero(places == row)
        problems += [f"row {n}: {text}" for n, text in malformed.items() if row in (None, n)]
        if not len(chosen):
            continue
        block = table.take(chosen)
        decoded = decode(boundary, block, decimal)
        matrix = derive_matrix(boundary, decoded.columns)
        broken = [(b.column, b.problem, b.rows) for b in decoded.broken]
        good = np.flatnonzero(decoded.good)
        broken += [
            (name, NO_VALUE, good[rows])
            for name, rows in broken_derived(boundary, decoded.columns, matrix)
        ]
        problems += [
            f"row {places[chosen[at]]}: {column}: {problem}"
            for column, problem, rows in broken
            for at in rows.tolist()
        ]
        numbers += places[chosen].tolist()
        matrices.append(matrix)
        if len(numbers) > MOST_ROWS:
            raise TagshipError(
                f"--input: {source}: has more than {MOST_ROWS:,} rows, the most that are explained",
                "choose one with --row, or cut the file",
            )
    if problems:
        more = [f"… {len(problems)} in all"] if len(problems) > _SHOWN else []
        lines = ["--input: rows break the contract:", *problems[:_SHOWN], *more]
        raise TagshipError("\n  ".join(lines), "leave these rows out, or mend them")
    if row is not None or not last:
        _check_number(1 if row is None else row, last, f"--input: {source}")
    return ExplainedRows(numbers, np.concatenate(matrices))


def _blocks(
    root: Path, settings: CsvSource, columns: Columns, source: str
) -> Iterator[tuple[Any, NDArray[np.int64], dict[int, str]]]:
    """Blocks of the file, the numbers of their rows, and rows of text that are no row."""
    if format_of(source) != "json":
        for block in Input(source, root, settings).blocks(columns):
            yield block.table, block.rows, {bad.row: bad.problem for bad in block.malformed}
        return
    place = source if "://" in source else str(Path(source).absolute())
    try:
        declared = file_source(place, root)
        assert declared is not None
        frame = read_source(declared, root)
    except TagshipError as error:
        message = str(error.args[0]).replace("source.path", "--input", 1)
        raise TagshipError(message, error.hint) from None
    absent = [name for name in columns.required if name not in frame.columns]
    if absent:
        raise TagshipError(
            f"--input: {source}: has no column {', '.join(map(repr, absent))}",
            f"its columns are: {', '.join(map(str, frame.columns))[:300]}",
        )
    yield frame, np.arange(1, len(frame) + 1), {}


def _check_number(row: int, count: int, place: str) -> None:
    if not 1 <= row <= count:
        raise TagshipError(f"{place}: has {count:,} rows, and no row {row}", "rows count from 1")
