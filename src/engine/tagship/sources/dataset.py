"""A data set of Parquet: a folder, a glob or a URL of many files, read by row groups.

Files stand in the order of their paths. A folder such as ``year=2025`` is a column. A column has
one type in all files, or no value at all.
"""

import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import dataset, fs

from tagship.config.sources import Source, TypedSource
from tagship.sources.dvc import restore_tracked
from tagship.sources.fetching import expand, is_glob, without_password
from tagship.sources.formats import format_of
from tagship.sources.listing import Listing, explain_errors, locate, split_glob
from tagship.sources.nested_records import flatten_table
from tagship.sources.selection import select_rows
from tagship.sources.tables import check_names

BLOCK_ROWS = 131_072
"""Rows that are held at a time; locks hold hashes of blocks of so many."""
_BUFFER_BYTES = 1024 * 1024
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name."""
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class RowGroup:
    """A part of a file that is read by itself."""

    place: str
    """The file's path, from the folder of all."""
    number: int
    begin: int
    """How many rows of its file stand before it."""
    rows: int
    version: str
    """What tells its file from what stands there at another time."""


def open_data_set(source: Source, root: Path, alone: bool = False) -> "DataSet | None":
    """The data set that a source names; None where it names a file, or is of another kind.

    Args:
        alone: whether a file by itself is a data set, too.

    Raises:
        TagshipError: it holds no file, or one that is damaged.
    """
    if not isinstance(source, TypedSource) or source.kind != "parquet":
        return None
    where, wild = expand(source.path, "source.path"), is_glob(source.path)
    remote, has_ending = "://" in where, format_of(where) is not None and not where.endswith("/")
    if remote and not alone and (where.startswith("http") or (has_ending and not wild)):
        return None  # a file, which is brought here whole
    shown = without_password(source.path)
    with explain_errors(shown, "the files"):
        filesystem, path = locate(where, root)
        if not remote and not Path(path).is_file():  # a file is held to its pointer by its reader
            tracked = split_glob(path)[0] if wild else path
            restore_tracked(shown, Path(os.path.normpath(tracked)), root.resolve(), None)
        if filesystem.isfile(path):
            files = Listing(shown, filesystem, *os.path.split(path)) if alone else None
        elif filesystem.isdir(path):
            files = Listing(shown, filesystem, path)
        else:
            may_be_folder = wild or alone or remote
            files = Listing(shown, filesystem, *split_glob(path)) if may_be_folder else None
    return None if files is None else DataSet(source, files)


class DataSet:
    """Files that were opened; their rows are still to be read."""

    def __init__(self, source: TypedSource, files: Listing) -> None:
        """Read what the files say of themselves.

        Raises:
            TagshipError: one is damaged, or none is selected.
        """
        self.select, self.shown, self.folder = source.select, files.shown, files.folder
        self.check_unchanged, self._source, self._listing = files.check_unchanged, source, files
        if source.sha256 is not None:
            raise files.refusal("`sha256` is of a file", "leave it out: the lock has the hash")
        self._folders = _folder_columns(files.versions)
        places = [place for place in files.versions if self._may_hold(place)]
        if not places:
            raise files.refusal("`select` leaves no file", "check its values")
        handler = fs.PyFileSystem(fs.FSSpecHandler(files.filesystem))
        self._files = fs.LocalFileSystem() if files.local else handler
        form = dataset.ParquetFileFormat()
        self._fragments = {
            place: form.make_fragment(f"{self.folder}/{place}", self._files) for place in places
        }
        self._schemas = {place: self._read_schema(place) for place in places}
        self._known: dict[frozenset[str], pa.Schema] = {}
        names = dict.fromkeys(name for schema in self._schemas.values() for name in schema.names)
        self.names = [name for name in names if not _INDEX.fullmatch(name)]
        """Every column that a file has."""

    def groups(self, columns: Sequence[str]) -> Iterator[RowGroup]:
        """The row groups in their order, without those in which no row can be selected.

        Raises:
            TagshipError: a file lacks one of the columns, or has another type there.
        """
        schema = self._common(columns)
        condition = () if not self.select else (select_rows(self.select, schema), schema)
        for place, fragment in self._fragments.items():
            rows = [
                fragment.metadata.row_group(at).num_rows for at in range(fragment.num_row_groups)
            ]
            for part in fragment.split_by_row_group(*condition):
                at = part.row_groups[0].id
                if rows[at]:
                    version = self._listing.versions[place]
                    yield RowGroup(place, at, sum(rows[:at]), rows[at], version)

    def blocks(
        self, group: RowGroup, columns: Sequence[str], rows: int = BLOCK_ROWS
    ) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        """The selected rows of a row group with these columns, from ``rows`` rows at a time, and
        their places in their file from 0.

        Raises:
            TagshipError: the file is damaged, or no longer as it was.
        """
        schema, folders = self._common(columns), self._folders[group.place]
        condition = select_rows(self.select, schema)
        own_fields = [field for field in schema if field.name not in folders]
        names, at = [field.name for field in own_fields], group.begin
        with (
            explain_errors(self.shown, group.place, self.check_unchanged),
            pq.ParquetFile(
                self._files.open_input_file(f"{self.folder}/{group.place}"),
                metadata=self._fragments[group.place].metadata,
                buffer_size=_BUFFER_BYTES,
                pre_buffer=not self._listing.local,
            ) as file,
        ):
            for batch in file.iter_batches(rows, row_groups=[group.number], columns=names):
                table = flatten_table(pa.Table.from_batches([batch])).select(names)
                table = table.cast(pa.schema(own_fields))
                for name in folders.keys() & set(schema.names):
                    table = table.append_column(name, pa.repeat(folders[name], batch.num_rows))
                places = np.arange(at, at + batch.num_rows)
                at += batch.num_rows
                if condition is not None:
                    table = table.append_column("", pa.array(places)).filter(condition)
                    places = table.column("").to_numpy()
                yield table.select(list(columns)), places

    def check_version(self, group: RowGroup) -> None:
        """Refuse a row group of a file that is not here, or not the same here.

        Raises:
            TagshipError: names it.
        """
        version = self._listing.versions.get(group.place)
        if version != group.version or group.place not in self._fragments:
            raise self._listing.refusal(
                f"{group.place}: {platform.node()} has another file there, or none",
                "keep the files where every worker reads the same: a URL, or a shared volume",
            )

    def _read_schema(self, place: str) -> pa.Schema:
        """A file's columns, and those of its folders."""
        fragment = self._fragments[place]
        with explain_errors(self.shown, place, self.check_unchanged):
            fragment.ensure_complete_metadata()
            fields = list(flatten_table(fragment.physical_schema.empty_table()).schema)
            fields += [pa.field(name, value.type) for name, value in self._folders[place].items()]
            check_names([field.name for field in fields], self._source)
        return pa.schema([field.with_type(_plain(field.type)) for field in fields])

    def _common(self, columns: Iterable[str]) -> pa.Schema:
        """These columns and those of ``select``, each with the one type that all files have."""
        names = frozenset({*columns, *self.select})
        if names not in self._known:
            self._known[names] = pa.schema([self._field(name) for name in sorted(names)])
        return self._known[names]

    def _field(self, name: str) -> pa.Field:
        refusal = self._listing.refusal
        if name not in self.names:
            names = ", ".join(self.names)[:300]
            raise refusal(f"there is no column '{name}'", f"its columns are: {names}")
        types = {
            place: schema.field(name).type if name in schema.names else None
            for place, schema in self._schemas.items()
        }
        typed = (place for place, kind in types.items() if kind not in (None, pa.null()))
        first = next(typed, next(iter(types)))
        for place, kind in types.items():
            if kind is None or kind not in (pa.null(), types[first]):
                raise refusal(
                    f"{place}: the column '{name}' is {kind or 'not there'}, and {types[first]} in"
                    f" {first}",
                    "write all files with the same columns and types",
                )
        if pa.types.is_nested(types[first]):
            raise refusal(f"{first}: the column '{name}' is {types[first]}", "take it out")
        return pa.field(name, types[first])

    def _may_hold(self, place: str) -> bool:
        """Whether the folders of a file are selected."""
        row = pa.table({name: pa.repeat(v, 1) for name, v in self._folders[place].items()})
        choices = {name: self.select[name] for name in row.column_names if name in self.select}
        return not choices or row.filter(select_rows(choices, row.schema)).num_rows > 0


def _plain(kind: pa.DataType) -> pa.DataType:
    """A column's type, however the file encodes its values."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(kind) or pa.types.is_string_view(kind)
    return pa.large_string() if text else kind


def _folder_columns(places: Iterable[str]) -> dict[str, dict[str, pa.Scalar]]:
    """For each file the values of its folders; whole numbers where all of a column are."""
    texts: dict[str, dict[str, str | None]] = {}
    for place in places:
        pairs = [part.split("=", 1) for part in place.split("/")[:-1] if "=" in part]
        texts[place] = {unquote(k): None if v == _NO_VALUE else unquote(v) for k, v in pairs}
    kinds: dict[str, Any] = {}
    for name in {name for values in texts.values() for name in values}:
        try:
            column = pa.array([values.get(name) for values in texts.values()], pa.string())
            kinds[name] = pc.cast(column, pa.int64()).type
        except pa.ArrowInvalid:
            kinds[name] = pa.large_string()
    return {
        place: {n: pa.scalar(v, pa.string()).cast(kinds[n]) for n, v in values.items()}
        for place, values in texts.items()
    }
