"""Files that type their columns: Parquet, Arrow and ORC in batches, Avro record by record."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from tagship.config.sources import TypedSource
from tagship.errors import TagshipError
from tagship.sources.fetching import local_file
from tagship.sources.nested_records import flatten_frame, flatten_table
from tagship.sources.tables import with_index_columns

_BUFFER_BYTES = 1024 * 1024
_NAMES = {"parquet": "a Parquet", "arrow": "an Arrow", "orc": "an ORC", "avro": "an Avro"}


@dataclass(frozen=True)
class TypedFile:
    """An open file."""

    schema: pa.Schema
    read: Callable[[], pa.Table]
    batches: Callable[[int, Sequence[str] | None], Iterator[pa.RecordBatch]]
    """Given the rows of a batch, about, and the columns that are needed, all if None; it may give
    others as well."""

    @property
    def names(self) -> list[str]:
        """The names of its columns, those of objects as ``outer.inner``."""
        names: list[str] = flatten_table(self.schema.empty_table()).column_names
        return names

    def select(self, rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of at most ``rows`` rows with these of its ``names``."""
        for batch in self.batches(rows, columns):
            flat = flatten_table(pa.Table.from_batches([batch])).select(columns).combine_chunks()
            yield from flat.to_batches(max_chunksize=rows)


def read_typed(source: TypedSource, path: Path) -> pd.DataFrame:
    """The whole file ``path``, which ``source`` declares.

    Raises:
        TagshipError: it is damaged, of another kind, or holds lists or objects in objects.
    """
    with _explain_errors(source):
        if source.kind == "avro":
            return _read_avro(path, source)
        with open_typed(source.kind, path) as file:
            table = flatten_table(file.read(), source.path)
            return with_index_columns(table.to_pandas())


def typed_portions(source: TypedSource, root: Path, rows: int) -> Iterator[pd.DataFrame]:
    """The file in portions of about ``rows`` rows; Avro whole.

    Raises:
        TagshipError: as ``read_typed``.
    """
    path = local_file(source.path, root)
    if source.kind == "avro":
        yield read_typed(source, path)
        return
    with _explain_errors(source), open_typed(source.kind, path) as file:
        for batch in file.batches(rows, None):
            table = flatten_table(pa.Table.from_batches([batch]), source.path)
            yield with_index_columns(table.to_pandas())


@contextmanager
def open_typed(kind: str, path: Path) -> Iterator[TypedFile]:
    """A Parquet, Arrow or ORC file.

    Raises:
        pyarrow.ArrowInvalid: it is none.
    """
    if kind == "parquet":
        with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES) as parquet:
            yield TypedFile(
                parquet.schema_arrow,
                parquet.read,
                lambda rows, columns: parquet.iter_batches(rows, columns=columns),
            )
    elif kind == "orc":
        from pyarrow import orc  # not in every build

        stripes = orc.ORCFile(path)
        yield TypedFile(
            stripes.schema,
            stripes.read,
            lambda rows, columns: (stripes.read_stripe(at) for at in range(stripes.nstripes)),
        )
    else:
        with pa.OSFile(str(path)) as handle:
            yield _open_arrow(handle)


def _open_arrow(handle: Any) -> TypedFile:
    if handle.read(6) == b"ARROW1":
        file = ipc.open_file(handle)
        places = range(file.num_record_batches)
        return TypedFile(
            file.schema, file.read_all, lambda rows, columns: (file.get_batch(at) for at in places)
        )
    handle.seek(0)
    stream = ipc.open_stream(handle)
    return TypedFile(stream.schema, stream.read_all, lambda rows, columns: iter(stream))


def _read_avro(path: Path, source: TypedSource) -> pd.DataFrame:
    try:
        import fastavro
    except ImportError as error:
        raise TagshipError(
            f"source.path: {source.path}: Avro needs the library fastavro: {error}",
            'uv add "tagship[files]"',
        ) from None
    with path.open("rb") as handle:
        reader: Any = fastavro.reader(handle)
        fields = [field["name"] for field in reader.writer_schema["fields"]]
        records = [{name: _plain(value) for name, value in row.items()} for row in reader]
    return flatten_frame(
        pd.DataFrame.from_records(records, columns=fields), f"source.path: {source.path}"
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


@contextmanager
def _explain_errors(source: TypedSource) -> Iterator[None]:
    try:
        yield
    except TagshipError:
        raise
    except (pa.ArrowException, OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise TagshipError(
            f"source.path: {source.path}: not {_NAMES[source.kind]} file: {error}",
            "export it again, or declare the kind that it is",
        ) from None
