"""Reading a query from one snapshot: pages in the order of a key, or one stream without a key.

Each page becomes typed Arrow columns at once, so that a million rows are never Python objects
together.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pandas as pd
import pyarrow as pa

from tagship.config.sources import SqlSource
from tagship.errors import TagshipError
from tagship.sources.fetching import expand, without_password
from tagship.sources.identity import Identity, check_identity
from tagship.sources.tables import check_names

if TYPE_CHECKING:
    import sqlalchemy

PAGE_ROWS = 50_000
_DRIVER = "postgresql+psycopg"
_PAGED = ("postgresql", "sqlite")
_KEYS = (int, str, Decimal, date, UUID)
_PASSWORD = re.compile(r"://[^/@:]*:(\$\{\w+\})@")
_CAST = "cast it in the query, or leave it out"

Page = tuple[list[str], Sequence[Sequence[Any]]]
"""The names of the columns, and rows."""


def read_sql(
    source: SqlSource, root: Path, expected: Identity | None = None
) -> tuple[pd.DataFrame, Identity]:
    """The rows of a query, all from one moment, and with a key which ones they are.

    Args:
        expected: what a lock names: of a source with a key, nothing beyond its last key is read.

    Raises:
        TagshipError: the database refuses or is lost, the key is null or not unique, a column has
            no type that a table can have, or the rows that the lock names are not there any more.
    """
    shown = without_password(source.url)
    url = _address(source, shown, root)
    if source.key is not None and url.get_backend_name() not in _PAGED:
        raise TagshipError(
            f"source.key: {shown}: pages of one snapshot are for PostgreSQL and SQLite",
            "leave `key` out: the query is then read as one statement",
        )
    with _explain_errors(shown, url), _snapshot(url) as connection:
        if source.key is None:
            return _frame(_stream(connection, source), source), {}
        last, identity = _identify(connection, source, expected)
        if expected is not None:
            check_identity(shown, {name: expected.get(name, "") for name in identity}, identity)
        frame = _frame(_pages(connection, source, last), source)
    if f"{len(frame):,}" != identity["rows"]:
        raise TagshipError(
            f"source.query: {shown}: it counts {identity['rows']} rows and gives {len(frame):,}",
            "a query with `key` must give the same rows each time it is asked",
        )
    return frame, identity


def _address(source: SqlSource, shown: str, root: Path) -> "sqlalchemy.URL":
    """The URL with its variables; a password is taken as it stands, whatever signs it has."""
    import sqlalchemy

    secret, text = _PASSWORD.search(source.url), source.url
    if secret is not None:
        text = text[: secret.start(1)] + text[secret.end(1) :]
    try:
        url = sqlalchemy.make_url(expand(text, "source.url"))
    except (sqlalchemy.exc.ArgumentError, ValueError):  # whose message may quote a password
        raise TagshipError(
            f"source.url: {shown}: no URL of a database",
            "write it as postgresql://reader:${DB_PASSWORD}@host/database",
        ) from None
    if secret is not None:
        url = url.set(password=expand(secret[1], "source.url"))
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername=_DRIVER)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        url = url.set(database=str(root / str(url.database)))
        if not Path(str(url.database)).is_file():  # sqlite would make it
            hint = f"relative paths start at {root}"
            raise TagshipError(f"source.url: {shown}: no such file", hint)
    return url


@contextmanager
def _snapshot(url: "sqlalchemy.URL") -> "Iterator[sqlalchemy.Connection]":
    """A connection; of a database in ``_PAGED``, all its statements see the rows of one moment."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                connection.exec_driver_sql("set time zone 'UTC'")
            elif engine.dialect.name == "sqlite":
                connection.exec_driver_sql("begin")
            yield connection
    finally:
        engine.dispose()


def _stream(connection: "sqlalchemy.Connection", source: SqlSource) -> Iterator[Page]:
    import sqlalchemy

    options = {"stream_results": True, "max_row_buffer": PAGE_ROWS}
    statement = sqlalchemy.text(source.query)
    with connection.execute(statement, execution_options=options) as result:
        names = list(result.keys())
        yield names, []
        for rows in result.partitions(PAGE_ROWS):
            yield names, rows


def _table(source: SqlSource) -> "tuple[sqlalchemy.FromClause, sqlalchemy.ColumnElement[Any]]":
    """The query as a table, and its key; a line ends it, since its last may be a comment."""
    import sqlalchemy

    query = sqlalchemy.text(source.query.strip().rstrip(";") + "\n")
    table = query.columns(sqlalchemy.column(str(source.key))).subquery("declared")
    return table, table.c[str(source.key)]


def _identify(
    connection: "sqlalchemy.Connection", source: SqlSource, expected: Identity | None
) -> tuple[Any, Identity]:
    """The last key that counts, if a lock names it, and which rows there are up to it."""
    from sqlalchemy import func, select

    table, key = _table(source)
    edge = select(key).where(key.is_not(None)).limit(1)
    first = connection.execute(edge.order_by(key)).scalar()
    last = _key_value(source, first, expected.get("last") if expected else None)
    counts = select(func.count(), func.count(key), func.count(key.distinct())).select_from(table)
    if last is not None:
        counts, edge = counts.where(key <= last), edge.where(key <= last)
    [(rows, keys, distinct)] = connection.execute(counts).fetchall()
    if rows != distinct:
        problem = f"null in {rows - keys:,}" if rows != keys else f"another in only {distinct:,}"
        raise TagshipError(
            f"source.key: '{source.key}' is {problem} of {rows:,} rows",
            "take a column that has another value in each row, or leave `key` out",
        )
    highest = connection.execute(edge.order_by(key.desc())).scalar()
    return last, {"rows": f"{rows:,}", "first": str(first), "last": str(highest)}


def _key_value(source: SqlSource, like: Any, text: str | None) -> Any:
    """A key that a lock holds as text, of the type that keys have."""
    if like is not None and (not isinstance(like, _KEYS) or isinstance(like, bool)):
        raise TagshipError(
            f"source.key: '{source.key}' is a {type(like).__name__}",
            "a key is a whole number, a text, a date, a time or a UUID",
        )
    if like is None or text is None:
        return None
    return type(like).fromisoformat(text) if isinstance(like, date) else type(like)(text)


def _pages(connection: "sqlalchemy.Connection", source: SqlSource, last: Any) -> Iterator[Page]:
    import sqlalchemy

    table, key = _table(source)
    columns: sqlalchemy.ColumnElement[Any] = sqlalchemy.literal_column("*")
    following = sqlalchemy.select(columns).select_from(table).order_by(key).limit(PAGE_ROWS)
    if last is not None:
        following = following.where(key <= last)
    page = following
    while True:
        result = connection.execute(page)
        names, rows = list(result.keys()), result.fetchall()
        yield names, rows
        if len(rows) < PAGE_ROWS:
            return
        page = following.where(key > rows[-1][names.index(str(source.key))])


def _frame(pages: Iterator[Page], source: SqlSource) -> pd.DataFrame:
    """Pages as one table: a column has one type, whatever its values on one page."""
    tables = []
    for names, rows in pages:
        check_names(names, source)
        cells = zip(*rows, strict=True) if rows else [()] * len(names)
        columns = {name: _typed(name, values) for name, values in zip(names, cells, strict=True)}
        tables.append(pa.table(columns))
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise TagshipError(f"source.query: {error}", _CAST) from None
    tables.clear()
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame


def _typed(name: str, values: Sequence[Any]) -> pa.Array:
    """One column of one page: numbers, truth values, text, bytes, dates or times, in UTC."""
    sample = next((value for value in values if value is not None), None)
    if isinstance(sample, Decimal | UUID):
        plain = float if isinstance(sample, Decimal) else str
        values = [None if value is None else plain(value) for value in values]
    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        content = f"values of the type {' and '.join(kinds)}"
        raise TagshipError(f"source.query: '{name}' holds {content}", _CAST) from None
    if pa.types.is_nested(array.type):
        raise TagshipError(f"source.query: '{name}' holds lists or objects", _CAST)
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us", "UTC" if array.type.tz else None))
    return array


@contextmanager
def _explain_errors(shown: str, url: "sqlalchemy.URL") -> Iterator[None]:
    import sqlalchemy

    try:
        yield
    except ImportError as error:
        hint = 'uv add "tagship[postgres]"' if url.drivername == _DRIVER else "install it"
        raise TagshipError(f"source.url: {shown}: its driver is missing: {error}", hint) from None
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        origin = getattr(error, "orig", None) or error
        reason = str(origin).strip().partition("\n")[0]
        for part in (url.password, url.host, url.username, url.database):
            if part and part not in shown:  # it came from the environment
                reason = reason.replace(str(part), "…")
        quotes = reason if isinstance(error, sqlalchemy.exc.DataError) else ""
        hint = _way_out(error, getattr(origin, "sqlstate", ""))
        raise TagshipError(f"source.query: {shown}: {reason}", hint, quotes) from None


def _way_out(error: Exception, state: str | None) -> str:
    """What to do; ``state`` is PostgreSQL's own code, None where there was no connection."""
    import sqlalchemy

    if getattr(error, "connection_invalidated", False):
        return "the connection was lost, and nothing was written: run it again"
    if isinstance(error, sqlalchemy.exc.OperationalError) and state is None:
        return "is the server up, and are its address, the user and the password right?"
    if state == "57014":
        return "ask for less, or let the server take longer: its setting is statement_timeout"
    return "check the URL, the driver and the query"
