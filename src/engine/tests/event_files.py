"""The model's table as a data set: six Parquet files in folders of three years."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pyarrow.parquet as pq
import pytest

from projects import Project, make_table

FOLDER = "data/events"
GROUP = 20
"""Rows of a row group; the last one of a file has ten."""


def event_table(rows: int = 300, seed: int = 7) -> pd.DataFrame:
    """The visitors with no two alike, and a time of each."""
    table = make_table(rows, seed)
    table["age"] = (table["age"] + table.index / 1e6).clip(18, 100)
    return table.assign(seen=pd.date_range("2026-01-01", periods=rows, freq="h"))


def place_of(file: int) -> str:
    """The path of a file, from the folder of all."""
    return f"year={2023 + file // 2}/part-{file % 2}.parquet"


def write_file(project: Project, file: int, table: pd.DataFrame, group: int = GROUP) -> None:
    """Write one file of the data set."""
    path = project.root / FOLDER / place_of(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False, row_group_size=group)


def write_files(project: Project, table: pd.DataFrame, group: int = GROUP) -> None:
    """Write a table as files of fifty rows."""
    for file in range(len(table) // 50):
        write_file(project, file, table.iloc[50 * file : 50 * file + 50], group)


def read_files(project: Project, path: str = FOLDER, select: str = "", more: str = "") -> None:
    """Let the contract read the data set."""
    text = project.path("data").read_text(encoding="utf-8").splitlines(keepends=True)
    chosen = f", select: {select}" if select else ""
    text[0] = f'source: {{kind: parquet, path: "{path}"{chosen}}}\n'
    lines = [line for line in text if not line.startswith(("sample:", "window:"))]
    project.path("data").write_text("".join([*lines[:1], more, *lines[1:]]), encoding="utf-8")


def make_events(project: Project) -> Project:
    """Give the project a data set, and a contract that reads it."""
    write_files(project, event_table())
    columns = "  year: {dtype: int, feature: false}\n  seen: {dtype: datetime, feature: false}\n"
    project.edit("data", "columns:\n", f"columns:\n{columns}")
    read_files(project)
    return project


@contextmanager
def counted_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, tuple[str, ...]]]]:
    """Each row group that is read: its number in its file, and the columns."""
    reads: list[tuple[int, tuple[str, ...]]] = []
    read = pq.ParquetFile.iter_batches

    def count(self: pq.ParquetFile, rows: int, row_groups: list[int], columns: list[str]) -> object:
        reads.extend((group, tuple(sorted(columns))) for group in row_groups)
        return read(self, rows, row_groups=row_groups, columns=columns)

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetFile, "iter_batches", count)
        yield reads
