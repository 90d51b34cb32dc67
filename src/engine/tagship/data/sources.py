"""Reading a declared source into a frame, as found: nothing is checked against the contract yet."""

import codecs
import csv
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, assert_never, cast

import pandas as pd

from tagship.config.contract import (
    CsvSource,
    JsonSource,
    ParquetSource,
    SklearnSource,
    Source,
    SqlSource,
    SyntheticSource,
)
from tagship.data.fetching import expand, local_file, without_password
from tagship.errors import TagshipError

if TYPE_CHECKING:
    import sqlalchemy

DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 64 * 1024
_SKLEARN_TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}


class NoRows(TagshipError):
    """A table with its columns and nothing in them."""


def read_source(source: Source, root: Path, numeric: frozenset[str] = frozenset()) -> pd.DataFrame:
    """The table that ``source`` names, all its columns, in its order.

    ``numeric`` names the columns that should be numbers; where a text file disagrees they come as
    text, so that validation can show what is wrong with them.

    Raises:
        TagshipError: the source cannot be read or is no table.
    """
    match source:
        case CsvSource():
            frame = _read_csv(source, root, numeric)
        case ParquetSource():
            frame = _read_parquet(source, root)
        case JsonSource():
            frame = _read_json(source, root)
        case SqlSource():
            frame = _read_sql(source, root)
        case SklearnSource():
            frame = _read_sklearn(source)
        case SyntheticSource():
            from tagship.data.generators import generate

            frame = generate(source.generator, source.rows, source.seed)
        case _:
            assert_never(source)
    frame.columns = [str(name) for name in frame.columns]
    _check_names(list(frame.columns), source)
    if frame.empty:
        raise NoRows(
            f"source: {_name(source)}: has no rows", "is it the right table? Export it again"
        )
    return frame.reset_index(drop=True)


def parquet_frame(path: Path) -> pd.DataFrame:
    """A Parquet file's columns, its rows in their order and counted from 0.

    The index that pandas stores beside them is no order of rows: where it has a name it is a
    column, otherwise it is left out.
    """
    import pyarrow.parquet as pq

    frame = pq.ParquetFile(path).read().to_pandas()
    index = frame.index.to_frame(index=False)
    named = index.loc[:, [name is not None for name in frame.index.names]]
    frame = frame.reset_index(drop=True)
    return cast(pd.DataFrame, pd.concat([named, frame], axis=1) if len(named.columns) else frame)


def sniff_csv(path: Path, encoding: str | None = None) -> tuple[str, str]:
    """The encoding and delimiter of a delimited text file.

    Raises:
        TagshipError: the file is empty or not text in that encoding.
    """
    with _open(path) as handle:
        sample = handle.read(_SAMPLE_BYTES)
    if not sample.strip():
        raise TagshipError(f"source.path: {path.name}: the file is empty", "export it again")
    encoding = encoding or _encoding(sample)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except (UnicodeDecodeError, LookupError) as error:
        raise _not_text(path.name, encoding, error) from None
    lines = text.splitlines()[:50]
    lines = lines[:-1] if len(sample) == _SAMPLE_BYTES and len(lines) > 1 else lines

    def columns(delimiter: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        return (sum(count == counts[0] for count in counts) / len(counts), counts[0])

    scored = {delimiter: columns(delimiter) for delimiter in DELIMITERS}
    several = [delimiter for delimiter in DELIMITERS if scored[delimiter][1] > 1]
    return encoding, max(several, key=lambda delimiter: scored[delimiter], default=",")


def _read_csv(source: CsvSource, root: Path, numeric: frozenset[str]) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    path = local_file(source.path, root, source.sha256)
    encoding, sniffed = sniff_csv(path, source.encoding)
    delimiter = source.delimiter or sniffed
    with _open(path) as handle:
        header = _header(handle, encoding, delimiter, source.path)
    _check_names(header, source)
    if len(header) == 1 and delimiter != sniffed:
        raise TagshipError(
            f"source.delimiter: {source.path}: with {delimiter!r} the header is one column",
            f"with {sniffed!r} it would be more: set `delimiter: {sniffed!r}` or leave it out",
        )
    if len(header) == 1:
        raise TagshipError(
            f"source.delimiter: {source.path}: the header is one column, {header[0][:60]!r}",
            "declare what stands between the columns, such as `delimiter: '^'`",
            quotes=repr(header[0][:60]),
        )

    def read(types: dict[str, Any]) -> Any:
        with _open(path) as handle:
            return arrow_csv.read_csv(
                handle,
                read_options=arrow_csv.ReadOptions(encoding=encoding),
                parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=types,
                    null_values=source.nulls,
                    strings_can_be_null=True,
                    decimal_point=source.decimal,
                ),
            )

    text = {name: pa.string() for name in header}
    try:
        table = read({**text, **{name: pa.float64() for name in numeric if name in text}})
    except pa.ArrowInvalid as error:
        try:
            table = read(text)
        except pa.ArrowInvalid:
            raise _csv_error(error, source) from None
    except UnicodeDecodeError as error:
        raise _not_text(source.path, encoding, error) from None
    frame = cast(pd.DataFrame, table.to_pandas())
    if source.decimal != ".":
        for name in numeric & set(frame.columns):
            if not pd.api.types.is_numeric_dtype(frame[name]):
                frame[name] = with_point(frame[name], source.decimal)
    return frame


def with_point(texts: pd.Series, decimal: str) -> pd.Series:
    """Texts of numbers with a point where they have ``decimal``.

    One that has a point already would become another number; it is made unreadable instead.
    """
    if decimal == ".":
        return texts
    pointed = texts.str.contains(".", regex=False, na=False)
    unreadable = texts + f" (decimal: {decimal})"
    return texts.str.replace(decimal, ".", regex=False).mask(pointed, unreadable)


def _csv_error(error: Exception, source: CsvSource) -> TagshipError:
    text = str(error).splitlines()[0]
    if "invalid UTF8" in text or "UTF8" in text:
        return _not_text(source.path, source.encoding or "utf-8", error)
    if "Empty CSV" in text or "no columns" in text.lower():
        return NoRows(f"source.path: {source.path}: has no rows", "export it again")
    return TagshipError(
        f"source.path: {source.path}: not a table: {text}",
        "check `delimiter` and the quoting of the file",
        quotes=text.partition(": ")[2],
    )


def _not_text(name: str, encoding: str, error: Exception) -> TagshipError:
    return TagshipError(
        f"source.encoding: {name} is not {encoding}: {error}",
        "declare it, such as `encoding: latin-1` or `encoding: cp1252`",
    )


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if sample.startswith(codecs.BOM_UTF8) else "utf-8"


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """A file for reading, decompressed as its ending says."""
    import fsspec

    try:
        with fsspec.open(str(path), "rb", compression="infer") as handle:
            yield cast(BinaryIO, handle)
    except (zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise TagshipError(
            f"source.path: {path.name}: cannot be read: {error}",
            f"is it complete, and compressed as its ending {path.suffix} says?",
            quotes=str(error),
        ) from None


def _header(handle: BinaryIO, encoding: str, delimiter: str, name: str) -> list[str]:
    try:
        with io.TextIOWrapper(handle, encoding=encoding, newline="") as text:
            return next(row for row in csv.reader(text, delimiter=delimiter) if row)
    except StopIteration:
        raise TagshipError(f"source.path: {name}: the file is empty", "export it again") from None
    except UnicodeDecodeError as error:
        raise _not_text(name, encoding, error) from None
    except (csv.Error, TypeError) as error:
        raise TagshipError(f"source.delimiter: {delimiter!r}: {error}", "one character") from None


def _check_names(names: list[str], source: Source) -> None:
    unnamed = [index + 1 for index, name in enumerate(names) if not name.strip()]
    if unnamed:
        raise TagshipError(
            f"source: {_name(source)}: column {', '.join(map(str, unnamed))} has no name",
            "name it in the file; a leading unnamed column is often an index written by accident",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TagshipError(
            f"source: {_name(source)}: two columns are named {', '.join(map(repr, twice))}",
            "rename one of them in the file",
            quotes=", ".join(map(repr, twice)),
        )


def _read_parquet(source: ParquetSource, root: Path) -> pd.DataFrame:
    import pyarrow as pa

    path = local_file(source.path, root, source.sha256)
    try:
        return parquet_frame(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise TagshipError(
            f"source.path: {source.path}: not a Parquet file: {error}",
            "export it again, or declare the kind that it is",
        ) from None


def _read_json(source: JsonSource, root: Path) -> pd.DataFrame:
    path = local_file(source.path, root, source.sha256)
    try:
        with _open(path) as handle:
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
    return read


def _not_records(source: JsonSource, reason: str) -> TagshipError:
    hint = (
        "`lines: true` expects one record a line; leave it out for one array of records"
        if source.lines
        else "one array of records is expected; for one record a line set `lines: true`"
    )
    return TagshipError(f"source.path: {source.path}: not JSON records: {reason}", hint)


def _read_sql(source: SqlSource, root: Path) -> pd.DataFrame:
    import sqlalchemy

    shown = without_password(source.url)
    try:
        url = _existing(sqlalchemy.make_url(expand(source.url, "source.url")), shown, root)
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                return pd.read_sql_query(sqlalchemy.text(source.query), connection)
        finally:
            engine.dispose()
    except (
        sqlalchemy.exc.SQLAlchemyError,
        pd.errors.DatabaseError,
        ImportError,
        ValueError,
    ) as error:
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        reason = str(getattr(cause, "orig", None) or cause).splitlines()[0]
        raise TagshipError(
            f"source.query: {shown}: {reason.replace(source.url, shown)}",
            "check the URL, the driver and the query",
        ) from None


def _existing(url: "sqlalchemy.URL", shown: str, root: Path) -> "sqlalchemy.URL":
    """The URL with a sqlite file's path made absolute; sqlite would make a missing file."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return url
    file = root / str(url.database)
    if not file.is_file():
        raise TagshipError(f"source.url: {shown}: no such file", f"relative paths start at {root}")
    return url.set(database=str(file))


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


def _name(source: Source) -> str:
    match source:
        case CsvSource() | ParquetSource() | JsonSource():
            return without_password(source.path)
        case SqlSource():
            return without_password(source.url)
        case SklearnSource():
            return source.table
        case SyntheticSource():
            return source.generator
