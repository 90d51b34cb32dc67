"""A data set block by block: checked, hashed and sampled; what a row group gave is kept."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tagship.compute.tasks import LOCAL, Compute, Local, Say
from tagship.config.contract import EventWindow
from tagship.config.project_files import ModelFiles
from tagship.config.root import project_here
from tagship.contract.values import Mask
from tagship.data.failures import ContractError, Failure
from tagship.data.sampling import DrawnRows
from tagship.data.tallies import Tally, TallyCache, add_tallies, read_tally, whole_failures
from tagship.data.target_rows import rows_without_target
from tagship.data.window import read_times, refuse_empty, shown_time, window_span
from tagship.errors import TagshipError
from tagship.sources.dataset import DataSet, RowGroup, open_data_set
from tagship.sources.identity import Identity, check_identity
from tagship.sources.tables import NoRows

_SECONDS, _SHOWN = 5.0, 5
"""Between two lines of progress; how many rows are named with their file."""


@dataclass(frozen=True)
class Scan:
    """What reading a whole data set gave."""

    rows: int
    columns: int
    sha256: str
    failures: list[Failure]
    """What breaks the contract, in whatever row."""
    files: list[tuple[int, str]]
    """After how many rows each begins."""
    identity: Identity

    def refuse_broken(self) -> None:
        """Refuse a data set that breaks the contract.

        Raises:
            ContractError: with every failure, and the files of the first rows.
        """
        if self.failures:
            rows = dict.fromkeys(row for failure in self.failures for row in failure.rows[:1])
            files = [max(part for part in self.files if part[0] < row)[1] for row in rows]
            rows_and_files = zip(list(rows)[:_SHOWN], files, strict=False)
            where = "".join(f"\n  row {row:,} is in {file}" for row, file in rows_and_files)
            raise ContractError(self.failures, self.rows, where)


def open_scanner(
    files: ModelFiles,
    sample: DrawnRows | None = None,
    see: Callable[[pd.DataFrame], None] | None = None,
) -> "Scanner | None":
    """What reads a model's data set; None where its source is none.

    Args:
        sample: all rows are offered to it.
        see: all rows are shown to it, block by block.

    Raises:
        TagshipError: a file cannot be opened.
    """
    data = files.data
    alone = data.sample is not None or bool(getattr(data.source, "select", None))
    data_set = open_data_set(data.source, files.root, alone)
    return None if data_set is None else Scanner(files, data_set, sample, see)


class Scanner:
    """Reads a model's data set once."""

    def __init__(
        self,
        files: ModelFiles,
        data_set: DataSet,
        sample: DrawnRows | None,
        see: Callable[[pd.DataFrame], None] | None,
    ) -> None:
        self._files, self._set = files, data_set
        self._data, self._task = files.data, files.model.task
        self._sample, self._see = sample, see
        self._columns = [name for name in files.data.table_columns if name in data_set.names]
        self._kept = TallyCache(files, data_set.folder)
        self._span: tuple[Any, Any] = (None, None)
        self._partly: set[RowGroup] = set()
        """Row groups with rows outside the window, which is ``_span``."""

    def scan(
        self, say: Say = lambda _: None, expected: Identity | None = None, compute: Compute = LOCAL
    ) -> Scan:
        """Check and hash all rows.

        Args:
            expected: what a lock says was read.
            compute: what checks the row groups; a cluster's workers open the files themselves.

        Raises:
            TagshipError: it cannot be read, changed meanwhile, or is not what the lock names.
        """
        data, groups = self._data, list(self._set.groups(self._columns))
        if data.window is not None:
            groups = self._within(data.window, groups, expected)
        tell = _tell_sometimes(say)
        if not isinstance(compute, Local):
            unknown = [group for group in groups if self._kept.load(*self._key(group)) is None]
            part = compute.share(ScanPart(self._files, self._span, self._partly))
            for number, tally in enumerate(compute.map(tally_there, part, unknown)):
                self._kept.save(tally, *self._key(unknown[number]))
                tell(f"{number + 1:,} of {len(unknown):,} row groups are checked")
        tallies: list[Tally] = []
        for group in groups:
            tallies.append(self._tally(group))
            tell(f"{len(tallies):,} of {len(groups):,} row groups are read")
        self._set.check_unchanged()
        self._kept.drop_others()
        total = add_tallies(tallies)
        begins = accumulate((tally.rows for tally in tallies), initial=0)
        read = [
            (begin, group.place)
            for begin, group, tally in zip(begins, groups, tallies, strict=False)
            if tally.rows
        ]
        self._tell(total, say)
        identity = self._identity(total, len({place for _, place in read}))
        check_identity(self._set.shown, expected, identity)
        chosen_by = self._set.select.keys() - {*self._columns}
        names = [name for name in self._set.names if name not in chosen_by]
        failures = whole_failures(total, names, data, self._task)
        return Scan(total.rows, len(self._columns), total.sha256, failures, read, identity)

    def _tell(self, total: Tally, say: Say) -> None:
        window, rows = self._data.window, total.rows + total.left_out
        if window is not None:
            refuse_empty(window, rows, rows, self._span[1])
            say(f"{rows:,} rows are of the {window.last} before {shown_time(self._span[1])}")
        if total.left_out:
            say(f"{total.left_out:,} of {rows:,} rows have no target and are left out")
        if not total.rows:
            raise NoRows(f"source: {self._set.shown}: has no rows", "is it the right data set?")

    def _identity(self, total: Tally, files: int) -> Identity:
        data = self._data
        identity = {"files": f"{files:,}", "rows": f"{total.rows:,}", "sha256": total.sha256}
        if data.sample is not None:
            identity["sample"] = f"{min(data.sample.rows, total.rows):,}"
        if data.window is not None:
            identity["until"] = shown_time(self._span[1])
        return identity

    def _tally(self, group: RowGroup) -> Tally:
        """What a row group gives; it is read where that is not known, or its rows are asked for."""
        tally = self._kept.load(*self._key(group))
        if tally is None or self._sample is not None or self._see is not None:
            read = self._read(group, known=tally is not None)
            if tally is None:
                tally = read
                self._kept.save(tally, *self._key(group))
        return tally

    def _key(self, group: RowGroup) -> tuple[Any, ...]:
        return (group, self._span) if group in self._partly else (group,)

    def _read(self, group: RowGroup, *, known: bool) -> Tally:
        """Show its rows to whom they are for; and check them, unless what they give is known."""
        blocks, left_out = [], 0
        for table, places in self._set.blocks(group, self._columns):
            raw = table.to_pandas()
            inside = self._inside(raw, group)
            selected_rows = inside & ~rows_without_target(raw, self._data, self._task)
            left_out += int((inside & ~selected_rows).sum())
            if not selected_rows.all():
                table, places = table.filter(pa.array(selected_rows)), places[selected_rows]
                raw = raw[selected_rows].reset_index(drop=True)
            if not len(raw):
                continue
            if not known:
                blocks.append(read_tally(raw, self._data, self._task))
            if self._sample is not None:
                self._sample.add(table, group.place, places)
            if self._see is not None:
                self._see(raw)
        return add_tallies(blocks, left_out)

    def _inside(self, raw: pd.DataFrame, group: RowGroup) -> Mask:
        if self._data.window is None or group not in self._partly:
            return np.ones(len(raw), dtype=bool)
        times = read_times(raw, self._data.window, self._data.columns)
        inside: Mask = (times >= self._span[0]) & (times < self._span[1])
        return inside

    def _within(
        self, window: EventWindow, groups: list[RowGroup], expected: Identity | None
    ) -> list[RowGroup]:
        """The row groups that have rows in the window, by a first pass over the times alone."""
        ends, before = {}, 0
        for group in groups:
            times = []
            for table, _ in self._set.blocks(group, [window.time]):
                times.append(read_times(table.to_pandas(), window, self._data.columns, before))
                before += table.num_rows
            moments = np.concatenate(times) if times else np.empty(0, "datetime64[us]")
            gaps = np.isnat(moments)
            if not gaps.all():
                ends[group] = moments[~gaps].min(), moments[~gaps].max(), bool(gaps.any())
        newest = np.array([last for _, last, _ in ends.values()], "datetime64[us]")
        since, until = self._span = window_span(window, newest, expected)
        for group, (first, last, gaps) in ends.items():
            if first < since or last >= until or gaps:
                self._partly.add(group)
        return [g for g, (first, last, _) in ends.items() if last >= since and first < until]

    def tally_part(self, part: "ScanPart", group: RowGroup) -> Tally:
        """What a row group gives, with the window that another process has worked out.

        Raises:
            TagshipError: its file is not here, or another one.
        """
        self._span, self._partly = part.span, part.partly
        self._set.check_version(group)
        return self._read(group, known=False)


@dataclass(frozen=True)
class ScanPart:
    """What a worker must know to check row groups."""

    files: ModelFiles
    span: tuple[Any, Any]
    partly: set[RowGroup]


def tally_there(part: ScanPart, group: RowGroup) -> Tally:
    """What a row group gives, on a worker.

    Raises:
        TagshipError: its file is not there, or another one.
    """
    files = replace(part.files, root=project_here(part.files.root))
    scanner = open_scanner(files)
    if scanner is None:
        raise TagshipError(
            f"{platform.node()}: there is no data set '{getattr(files.data.source, 'path', '')}'",
            "keep it where every worker reads it: a URL, or a shared volume",
        )
    return scanner.tally_part(part, group)


def _tell_sometimes(say: Say) -> Say:
    """What says a line when some seconds have passed since the last one."""
    last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS:
            last = time.monotonic()
            say(text)

    return tell
