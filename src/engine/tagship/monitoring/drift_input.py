"""Where current data comes from: a prediction log, a file or URL, or a query."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tagship.compute.tasks import LOCAL, Compute
from tagship.config.contract import Source, SqlSource
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Field
from tagship.errors import TagshipError
from tagship.files import kind_of_path
from tagship.monitoring.current import Current, from_log, from_table
from tagship.monitoring.log_lines import check_folder
from tagship.monitoring.log_reader import in_order, read_predictions
from tagship.sources.fetching import without_password
from tagship.sources.formats import file_source
from tagship.training.lock import read_lock
from tagship.training.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("float", "int")


@dataclass(frozen=True)
class Wanted:
    """What to look at."""

    where: str
    """A folder or URL of logs, a file or URL of a table, or the URL of a database."""
    named: bool = True
    """Whether somebody named it; what is merely the default need not be there."""
    query: str | None = None
    """What to ask the database."""
    since: datetime | None = None
    until: datetime | None = None
    release: str | None = None
    """Of a log, only what this release answered; None is the artifact that is locked here."""


def read_current(
    files: ModelFiles, reference: Reference, wanted: Wanted, compute: Compute = LOCAL
) -> Current:
    """Read what a model sees; no rows are a ``Current`` without rows.

    Raises:
        TagshipError: it is not there, cannot be read, is no table of this model, has no times by
            which to choose, or is the log of other releases only.
    """
    if wanted.query is not None:
        return _table(files, reference, wanted, _sql(wanted.where, wanted.query))
    source = _source(files, wanted.where)
    if source is not None:
        return _table(files, reference, wanted, source)
    return _log(files, reference, wanted, compute)


def _log(files: ModelFiles, reference: Reference, wanted: Wanted, compute: Compute) -> Current:
    span = (reference.boundary(), wanted.since, wanted.until)
    read = partial(read_predictions, wanted.where, *span, model=files.name, compute=compute)
    if wanted.named:
        check_folder(wanted.where)
    if wanted.release is not None:
        logged = read(release=wanted.release)
        return from_log(reference, logged, in_order(logged))
    locked = read_lock(files.lock_path).artifact.sha256
    logged = read(model_sha256=locked)
    if not len(logged) and len(logged.elsewhere):
        others = read().releases
        if others:
            raise TagshipError(
                f"{wanted.where}: nothing there was answered by the artifact {locked[:12]}… that"
                f" is locked here, only by {', '.join(sorted(others))}",
                f"compare with that release's reference: --release {max(others)}",
            )
    return from_log(reference, logged, in_order(logged))


def _table(files: ModelFiles, reference: Reference, wanted: Wanted, source: Source) -> Current:
    from tagship.sources.read import read_source
    from tagship.sources.tables import NoRows

    data = files.data
    numbers = {name for name, profile in reference.columns.items() if profile.dtype in _NUMBERS}
    try:
        frame = read_source(source, files.root, frozenset(numbers))
    except NoRows:
        return Current(0, {})
    except TagshipError as error:
        raise error.without_data() from None
    if not reference.columns.keys() & set(frame.columns):
        raise TagshipError(
            f"{without_password(wanted.where)}: it has none of {files.name}'s columns:"
            f" {', '.join(list(reference.columns)[:5])}, …",
            "is it the right table? Its columns are named as in data.yaml",
        )
    known = frozenset({*data.columns, *([data.id] if data.id else [])})
    frame, times = _in_window(files, frame, wanted)
    return from_table(reference, frame, data.target.column, known, times)


def _in_window(
    files: ModelFiles, frame: "pd.DataFrame", wanted: Wanted
) -> "tuple[pd.DataFrame, pd.Series | None]":
    """The rows in the window and their times, if the table has any."""
    import pandas as pd

    from tagship.contract.table_columns import read_cells

    asked = wanted.since is not None or wanted.until is not None
    name = files.data.split.time or "time"
    column = frame.get(name)
    if column is None or pd.api.types.is_numeric_dtype(column.dtype):
        if asked:
            raise TagshipError(
                f"{without_password(wanted.where)}: there is no column '{name}' with times, by"
                " which --since and --until could choose rows",
                "choose them in the query or the file itself",
            )
        return frame, None
    times = pd.Series(read_cells(Field(name, "datetime"), column).values)
    if not asked and times.isna().any():
        return frame, None
    kept = times.notna()
    if wanted.since is not None:
        kept &= times >= _naive(wanted.since)
    if wanted.until is not None:
        kept &= times < _naive(wanted.until)
    return frame[kept.to_numpy()].reset_index(drop=True), times[kept].reset_index(drop=True)


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _sql(url: str, query: str) -> Source:
    return SqlSource(kind="sql", url=url, query=query)


def _source(files: ModelFiles, where: str) -> Source | None:
    """The table that a path or URL names by its ending; None for a log."""
    remote = "://" in where
    here = os.path.expanduser(where)  # noqa: PTH111 - Path's raises where there is no such user
    path = where if remote else os.path.abspath(here)  # noqa: PTH100 - a link keeps its ending
    if not remote and kind_of_path(path) == "folder":
        return None
    if (source := file_source(path, files.root, files.data.source)) is not None:
        return source
    if not remote and kind_of_path(path) != "nothing":
        raise TagshipError(
            f"{where}: its ending does not say what it is",
            "a table ends in .csv, .parquet or .json; a prediction log is a folder",
        )
    return None
