"""What every table must be, wherever it comes from: named columns, and rows counted from 0."""

import pandas as pd

from tagship.config.sources import KafkaSource, PythonSource, SklearnSource, Source, SqlSource
from tagship.errors import TagshipError
from tagship.sources.fetching import public_address, without_password


class NoRows(TagshipError):
    """A table with its columns and nothing in them."""


def check_table(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """The table with text for names and its rows counted from 0.

    Raises:
        TagshipError: a column has no name, or that of another.
        NoRows: it has none.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    check_names(list(frame.columns), source)
    if frame.empty:
        raise NoRows(
            f"source: {source_name(source)}: has no rows", "is it the right table? Export it again"
        )
    return frame.reset_index(drop=True)


def check_names(names: list[str], source: Source) -> None:
    """Refuse columns without a name, and two of one name.

    Raises:
        TagshipError: names them.
    """
    unnamed = [index + 1 for index, name in enumerate(names) if not name.strip()]
    if unnamed:
        raise TagshipError(
            f"source: {source_name(source)}: column {', '.join(map(str, unnamed))} has no name",
            "name it there; a leading unnamed column is often an index written by accident",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TagshipError(
            f"source: {source_name(source)}: two columns are named {', '.join(map(repr, twice))}",
            "rename one of them there",
            quotes=", ".join(map(repr, twice)),
        )


def with_index_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its index as columns where that has names, and without it otherwise.

    The index that pandas keeps beside a table is no order of rows.
    """
    index = frame.index.to_frame(index=False)
    named_levels = index.loc[:, [name is not None for name in frame.index.names]]
    frame = frame.reset_index(drop=True)
    return pd.concat([named_levels, frame], axis=1) if len(named_levels.columns) else frame


def source_name(source: Source) -> str:
    """What messages call a source; no password is in it."""
    return without_password(_address(source))


def public_source(source: Source) -> str:
    """Where a table is: never a query, an argument, or what may be a password or a key."""
    kind = "scikit-learn" if isinstance(source, SklearnSource) else source.kind
    return f"{kind}: {public_address(_address(source))}"


def _address(source: Source) -> str:
    match source:
        case SqlSource():
            return source.url
        case KafkaSource():
            return source.topic
        case SklearnSource():
            return source.table
        case PythonSource():
            return source.function
        case _:
            return source.path
