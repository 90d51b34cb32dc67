"""The rows that are explained: of a file, read as `tagship predict` reads it, or of the table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagship.batch.artifact import derive_matrix
from tagship.batch.decoding import decode
from tagship.batch.input_table import Input
from tagship.batch.scoring import columns_of
from tagship.config.contract import DataConfig
from tagship.contract.boundary import Boundary
from tagship.contract.finite_values import NO_VALUE, broken_derived
from tagship.data.table import Table, request_columns
from tagship.errors import TagshipError

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
    """The rows of a file, or one of them.

    Raises:
        TagshipError: it cannot be read, lacks a column, has no such row or too many, or rows break
            the contract: the first ones are named, with their columns.
    """
    file = Input(source, root, data.source)
    numbers: list[int] = []
    matrices: list[NDArray[np.float32]] = []
    problems: list[str] = []
    last = 0
    for block in file.blocks(columns_of(boundary, data)):
        places = block.rows
        malformed = {bad.row: bad.problem for bad in block.malformed}
        last = max([last, *places[-1:].tolist(), *malformed])
        selection = np.arange(len(places)) if row is None else np.flatnonzero(places == row)
        problems += [f"row {n}: {text}" for n, text in malformed.items() if row in (None, n)]
        if not len(selection):
            continue
        decoded = decode(boundary, block.table.take(selection), file.decimal)
        matrix = derive_matrix(boundary, decoded.columns)
        broken = [(b.column, b.problem, b.rows) for b in decoded.broken]
        good = np.flatnonzero(decoded.good)
        broken += [
            (name, NO_VALUE, good[rows])
            for name, rows in broken_derived(boundary, decoded.columns, matrix)
        ]
        problems += [
            f"row {places[selection[at]]}: {column}: {problem}"
            for column, problem, rows in broken
            for at in rows.tolist()
        ]
        numbers += places[selection].tolist()
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


def _check_number(row: int, count: int, place: str) -> None:
    if not 1 <= row <= count:
        raise TagshipError(f"{place}: has {count:,} rows, and no row {row}", "rows count from 1")
