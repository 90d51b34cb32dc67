"""Where current data comes from: a prediction log, a file or URL, a data set, or a query."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tagship.compute.tasks import LOCAL, Compute
from tagship.config.project_files import ModelFiles
from tagship.config.sources import Source, SqlSource, TypedSource
from tagship.contract.boundary import Field
from tagship.data.sampling import DrawnRows
from tagship.errors import TagshipError
from tagship.files import kind_of_path
from tagship.monitoring.current_data import Current, from_log, from_table
from tagship.monitoring.log_files import check_folder, is_prediction_log
from tagship.monitoring.log_reader import MOST_ROWS, in_order, read_predictions
from tagship.sources.dataset import DataSet, open_data_set
from tagship.sources.fetching import expand, is_glob, without_password
from tagship.sources.formats import file_source, format_of
from tagship.training.lock import read_lock
from tagship.training.reference import Reference

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Selection:
    """Which rows to compare, and where they are."""

    where: str
    """A folder or URL of logs or of Parquet, a file or URL of a table, or the URL of a database."""
    named: bool = True
    """Whether somebody named it; what is merely the default need not be there."""
    query: str | None = None
    """What to ask the database."""
    since: datetime | None = None
    until: datetime | None = None
    release: str | None = None
    """Of a log, only what this release answered; None is the artifact that is locked here."""


def read_current(
    files: ModelFiles, reference: Reference, selection: Selection, compute: Compute = LOCAL
) -> Current:
    """Read what a model sees; no rows are a ``Current`` without rows.

    Raises:
        TagshipError: it is not there, cannot be read, is no table of this model, has no times by
            which to choose, or is the log of other releases only.
    """
    where, query = selection.where, selection.query
    if query is not None:
        source: Source | None = SqlSource(kind="sql", url=where, query=query)
    elif selection.named and (data_set := _data_set(files, where)) is not None:
        return _data_set_rows(files, reference, selection, data_set)
    else:
        source = _source(files, where)
    if source is None:
        return _log(files, reference, selection, compute)
    return _table(files, reference, selection, source)


def _log(
    files: ModelFiles, reference: Reference, selection: Selection, compute: Compute
) -> Current:
    span = (reference.boundary(), selection.since, selection.until)
    read = partial(read_predictions, selection.where, *span, model=files.name, compute=compute)
    if selection.named:
        check_folder(selection.where)
    locked = None if selection.release else read_lock(files.lock_path).artifact.sha256
    logged = read(release=selection.release, model_sha256=locked)
    if locked and not len(logged) and len(logged.elsewhere):
        releases = read().releases
        if releases:
            raise TagshipError(
                f"{selection.where}: nothing there was answered by the artifact {locked[:12]}… that"
                f" is locked here, only by {', '.join(sorted(releases))}",
                f"compare with that release's reference: --release {max(releases)}",
            )
    return from_log(reference, logged, in_order(logged))


def _table(
    files: ModelFiles, reference: Reference, selection: Selection, source: Source
) -> Current:
    from tagship.sources.read import read_source
    from tagship.sources.tables import NoRows

    number_columns = frozenset(
        name for name, profile in reference.columns.items() if profile.dtype in ("float", "int")
    )
    try:
        frame = read_source(source, files.root, number_columns)
    except NoRows:
        return Current(0, {})
    except TagshipError as error:
        raise error.without_data() from None
    _check_columns(files, reference, selection, list(frame.columns))
    inside, times = _in_window(files, frame, selection)
    frame = frame[inside].reset_index(drop=True)
    return from_table(reference, frame, files.data.target.column, _declared(files), times)


def _data_set_rows(
    files: ModelFiles, reference: Reference, selection: Selection, data_set: DataSet
) -> Current:
    """The rows of a data set in the window, block by block; of very many a sample."""
    target, names = files.data.target.column, data_set.names
    _check_columns(files, reference, selection, names)
    compared = {*reference.columns, target, files.data.split.time or "time"}
    columns = [name for name in names if name in compared]
    sample = DrawnRows(MOST_ROWS)
    for group in data_set.groups(columns):
        for table, places in data_set.blocks(group, columns):
            inside, _ = _in_window(files, table.to_pandas(), selection)
            sample.add(table.filter(pa.array(inside)), group.place, places[inside])
    data_set.check_unchanged()
    if not sample.offered:
        return Current(0, {})
    frame = sample.frame()
    _, times = _in_window(files, frame, selection)
    current = from_table(reference, frame, target, _declared(files), times, names)
    return replace(current, one_in=sample.offered / current.rows)


def _declared(files: ModelFiles) -> set[str]:
    return {*files.data.request, *files.data.ignored}


def _check_columns(
    files: ModelFiles, reference: Reference, selection: Selection, names: list[str]
) -> None:
    if not reference.columns.keys() & set(names):
        raise TagshipError(
            f"{without_password(selection.where)}: it has none of {files.name}'s columns:"
            f" {', '.join(list(reference.columns)[:5])}, …",
            "is it the right table? Its columns are named as in data.yaml",
        )


def _in_window(
    files: ModelFiles, frame: "pd.DataFrame", selection: Selection
) -> "tuple[NDArray[np.bool_], pd.Series | None]":
    """Which rows are in the window, shape (rows,), and the times of those, if there are any."""
    import pandas as pd

    from tagship.contract.table_columns import read_cells

    everything = np.ones(len(frame), dtype=bool)
    asked = selection.since is not None or selection.until is not None
    name = files.data.split.time or "time"
    column = frame.get(name)
    if column is None or pd.api.types.is_numeric_dtype(column.dtype):
        if asked:
            raise TagshipError(
                f"{without_password(selection.where)}: there is no column '{name}' with times, by"
                " which --since and --until could choose rows",
                "choose them in the query or the file itself",
            )
        return everything, None
    times = pd.Series(read_cells(Field(name, "datetime"), column).values)
    if not asked and times.isna().any():
        return everything, None
    inside = times.notna()
    if selection.since is not None:
        inside &= times >= _naive(selection.since)
    if selection.until is not None:
        inside &= times < _naive(selection.until)
    return inside.to_numpy(), times[inside].reset_index(drop=True)


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _data_set(files: ModelFiles, where: str) -> DataSet | None:
    """The Parquet that a glob or folder holds; None for a file, and for a folder with logs."""
    import fsspec

    source = TypedSource(kind="parquet", path=_whole_path(where))
    if not is_glob(where):
        names: list[str] = []
        with suppress(Exception):  # what reads logs says why it cannot be listed
            filesystem, folder = fsspec.core.url_to_fs(expand(source.path, "--current"))
            names = [path.rsplit("/", 1)[-1] for path in filesystem.find(folder)]
        if any(map(is_prediction_log, names)) or "parquet" not in map(format_of, names):
            return None
    return open_data_set(source, files.root)


def _whole_path(where: str) -> str:
    expanded = os.path.expanduser(where)  # noqa: PTH111 - Path's raises where there is no such user
    # A link keeps its ending.
    return where if "://" in where else os.path.abspath(expanded)  # noqa: PTH100


def _source(files: ModelFiles, where: str) -> Source | None:
    """The table that a path or URL names by its ending; None for a log."""
    remote, path = "://" in where, _whole_path(where)
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
