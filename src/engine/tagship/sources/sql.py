"""A query's rows, through SQLAlchemy."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tagship.config.contract import SqlSource
from tagship.errors import TagshipError
from tagship.sources.fetching import expand, without_password

if TYPE_CHECKING:
    import sqlalchemy


def read_sql(source: SqlSource, root: Path) -> pd.DataFrame:
    """What the query gives.

    Raises:
        TagshipError: no such driver, server, file or table; no password is shown.
    """
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
