"""Reading a declared source into a table; nothing is checked against the contract yet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_never

import pandas as pd

from tagship.config.sources import (
    CsvSource,
    ExcelSource,
    FileSource,
    JsonSource,
    KafkaSource,
    PythonSource,
    SklearnSource,
    Source,
    SqlSource,
    TypedSource,
)
from tagship.errors import TagshipError
from tagship.sources.compression import open_file
from tagship.sources.delimited import CsvFile, read_text
from tagship.sources.fetching import identify_file, local_file
from tagship.sources.formats import file_source
from tagship.sources.identity import Identity
from tagship.sources.kafka import read_kafka
from tagship.sources.nested_records import flatten_frame
from tagship.sources.python_function import read_python
from tagship.sources.sql import read_sql
from tagship.sources.tables import check_table
from tagship.sources.typed_files import read_typed, typed_portions

_SKLEARN_TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}


def read_source(source: Source, root: Path, numbers: frozenset[str] = frozenset()) -> pd.DataFrame:
    """The table that ``source`` names, all its columns, in its order.

    ``numbers`` names the columns that should be numbers; where a text file disagrees they come as
    text, so that validation can show what is wrong with them.

    Raises:
        TagshipError: the source cannot be read or is no table.
    """
    return identify_source(source, root, numbers)[0]


def identify_source(
    source: Source,
    root: Path,
    numbers: frozenset[str] = frozenset(),
    expected: Identity | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[pd.DataFrame, Identity]:
    """The table that ``source`` names, and what exactly was read of it.

    Args:
        expected: what a lock says was read: the same is read again.
        say: hears what is left out.

    Raises:
        TagshipError: as ``read_source``, or what the lock names is not to be had any more.
    """
    identity: Identity = {}
    if isinstance(source, FileSource):
        file, identity = identify_file(source.path, root, source.sha256, expected)
    match source:
        case CsvSource() | ExcelSource():
            frame = read_text(source, file, numbers)
        case TypedSource():
            frame = read_typed(source, file)
        case JsonSource():
            frame = _read_json(source, file)
        case SqlSource():
            frame, identity = read_sql(source, root, expected)
        case KafkaSource():
            frame, identity = read_kafka(source, root, numbers, expected, say)
        case SklearnSource():
            frame = _read_sklearn(source)
        case PythonSource():
            frame = read_python(source, root)
        case _:
            assert_never(source)
    return check_table(frame, source), identity


def read_portions(path: str, root: Path, rows: int) -> Iterator[pd.DataFrame]:
    """A file or URL of any size in portions of about ``rows`` rows; csv and sheets as they
    stand, all text; JSON with one record a line.

    Raises:
        TagshipError: it cannot be brought here, or is not what its ending says.
        OSError, ValueError, TypeError: the same.
    """
    file = local_file(path, root)
    match source := file_source(path, root):
        case CsvSource() | ExcelSource():
            table = CsvFile.inspect(file, source.model_copy(update={"nulls": []}))
            for number, batch in enumerate(table.batches()):
                frame = batch.to_pandas()
                if not number and frame.empty:  # a file without rows still has its columns
                    yield frame
                for start in range(0, len(frame), rows):
                    yield frame.iloc[start : start + rows].reset_index(drop=True)
        case TypedSource():
            yield from typed_portions(source, root, rows)
        case JsonSource():
            with (
                open_file(file) as handle,
                pd.read_json(
                    handle, lines=True, dtype=False, convert_dates=False, chunksize=rows
                ) as portions,
            ):
                yield from portions
        case None:
            raise TagshipError(f"{path}: its ending does not say what it is")


def _read_json(source: JsonSource, file: Path) -> pd.DataFrame:
    try:
        with open_file(file) as handle:
            read = pd.read_json(
                handle, lines=source.lines, dtype=False, convert_dates=False, precise_float=True
            )
    except UnicodeDecodeError as error:
        raise TagshipError(
            f"source.path: {source.path}: JSON is UTF-8, and this is not: {error}",
            "export it again as UTF-8",
        ) from None
    except (ValueError, TypeError) as error:
        raise _not_records(source, str(error)) from None
    if not all(isinstance(name, str) for name in read.columns):
        raise _not_records(source, "its rows do not name their columns")
    return flatten_frame(read, f"source.path: {source.path}")


def _not_records(source: JsonSource, reason: str) -> TagshipError:
    hint = (
        "`lines: true` expects one record a line; leave it out for one array of records"
        if source.lines
        else "one array of records is expected; for one record a line set `lines: true`"
    )
    return TagshipError(f"source.path: {source.path}: not JSON records: {reason}", hint)


def _read_sklearn(source: SklearnSource) -> pd.DataFrame:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{source.table}")(as_frame=True)
    frame: pd.DataFrame = bunch.data.rename(
        columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_").replace("/", "_per_")
    )
    target = bunch.target
    if "target_names" in bunch:
        target = pd.Series(bunch.target_names[bunch.target], index=frame.index).astype(str)
    return frame.assign(**{_SKLEARN_TARGETS[source.table]: target})
