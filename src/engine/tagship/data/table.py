"""A model's table: read, checked, hashed; and the boundary through which the model sees it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.compute.tasks import LOCAL, Compute, Say
from tagship.config.contract import DataConfig, Target
from tagship.config.project_files import ModelFiles
from tagship.config.sources import CsvSource, ExcelSource, Source
from tagship.contract.boundary import Boundary, Field, part_name
from tagship.contract.table_columns import declared_field
from tagship.contract.values import cell_text
from tagship.data.blocks import Scan, open_scanner
from tagship.data.failures import ContractError
from tagship.data.feature_functions import check_derived, check_place
from tagship.data.hashing import hash_table
from tagship.data.sampling import DrawnRows
from tagship.data.target_rows import settle_rows
from tagship.data.validation import check_contract
from tagship.data.window import cut_window
from tagship.errors import TagshipError
from tagship.sources.identity import Identity
from tagship.sources.read import identify_source


@dataclass(frozen=True)
class Table:
    """A table that keeps its contract."""

    frame: pd.DataFrame
    sha256: str
    identity: Identity = field(default_factory=dict)
    """What exactly was read, where the source or the window moves."""


@dataclass(frozen=True)
class Summary:
    """What is said of data that keeps its contract."""

    rows: int
    columns: int
    sha256: str


@dataclass(frozen=True)
class RawTable:
    """The rows that a model can learn from, personal data included."""

    frame: pd.DataFrame
    identity: Identity = field(default_factory=dict)
    scan: Scan | None = None
    """Of a data set: all its rows keep the contract, and these are drawn from them."""


def load_table(
    files: ModelFiles,
    say: Say = lambda _: None,
    expected: Identity | None = None,
    compute: Compute = LOCAL,
) -> Table:
    """Fetch, protect, check and hash one model's data; say which rows are left out.

    Args:
        expected: what a lock says was read: the same is read again.

    Raises:
        TagshipError: the source cannot be read.
        ContractError: the data breaks the contract.
    """
    return check_table(files, read_raw(files, say, expected, compute))


def check_table(files: ModelFiles, raw: RawTable) -> Table:
    """Protect, check and hash what ``read_raw`` gave; the rows stay in its order.

    Raises:
        ContractError: the data breaks the contract.
    """
    data = files.data
    with _in_contract(files):
        frame = check_contract(raw.frame, data, files.model.task, drawn=raw.scan is not None)
    if raw.scan is not None and data.sample is None:
        return Table(frame, raw.scan.sha256, raw.identity)
    return Table(frame, hash_table(frame, leave_out=data.personal_columns), raw.identity)


def check_data(files: ModelFiles, say: Say = lambda _: None, compute: Compute = LOCAL) -> Summary:
    """Check and hash one model's data; of a data set no more than a block is held at a time.

    Raises:
        TagshipError: the source cannot be read.
        ContractError: the data breaks the contract.
    """
    with _in_contract(files):
        if (scanner := open_scanner(files)) is not None:
            scan = scanner.scan(say, compute=compute)
            scan.refuse_broken()
            return Summary(scan.rows, scan.columns, scan.sha256)
    table = load_table(files, say)
    return Summary(*table.frame.shape, table.sha256)


@contextmanager
def _in_contract(files: ModelFiles) -> Iterator[None]:
    """Say of which contract an error is, and what may be done about it."""
    path = files.folder / "data.yaml"
    try:
        yield
    except ContractError as error:
        error.hint = f"mend the data at its source, or change {path} if the contract is wrong"
        raise
    except TagshipError as error:
        raise error.within(path) from None


def read_raw(
    files: ModelFiles,
    say: Say = lambda _: None,
    expected: Identity | None = None,
    compute: Compute = LOCAL,
) -> RawTable:
    """The rows of one model's source that it can learn from.

    Args:
        expected: what a lock says was read: the same is read again.

    Raises:
        TagshipError: the source cannot be read.
        ContractError: a data set, which is never held as a whole, breaks the contract.
    """
    data = files.data
    numeric_columns = {
        name
        for name, column in data.columns.items()
        if column.dtype in ("float", "int") and column.format is None
    }
    if files.model.task == "regression" and data.target.format is None:
        numeric_columns.add(data.target.column)
    with _in_contract(files):
        sample = DrawnRows(*((data.sample.rows, data.sample.seed) if data.sample else ()))
        if (scanner := open_scanner(files, sample)) is not None:
            scan = scanner.scan(say, expected, compute)
            scan.refuse_broken()
            frame = settle_rows(sample.frame(), data, files.model.task, say)
            return RawTable(frame, scan.identity, scan)
        numbers = frozenset(numeric_columns)
        frame, identity = identify_source(data.source, files.root, numbers, expected, say)
        if data.window is not None:
            frame, until = cut_window(frame, data.window, data.columns, say, expected)
            identity |= {"until": until}
        return RawTable(settle_rows(frame, data, files.model.task, say), identity)


def request_columns(frame: pd.DataFrame, data: DataConfig) -> dict[str, NDArray[Any]]:
    """The columns that a request carries, as the boundary takes them."""
    columns: dict[str, NDArray[Any]] = {}
    for name, column in data.request.items():
        values = frame[name]
        if column.dtype == "category":
            columns[name] = values.cat.codes.to_numpy()
        elif column.dtype == "string":
            columns[name] = values.astype(object).where(values.notna(), None).to_numpy()
        else:
            columns[name] = values.to_numpy()
    return columns


def make_boundary(files: ModelFiles, frame: pd.DataFrame) -> Boundary:
    """The boundary of a model, with the classes and derived features found in its table.

    Raises:
        TagshipError: the feature function fails or breaks its protocol.
    """
    data, model = files.data, files.model
    fields = tuple(
        _with_nulls(declared_field(name, column, feature=name in data.features), data.source)
        for name, column in data.request.items()
    )
    boundary = Boundary(
        task=model.task,
        fields=fields,
        derive=model.features,
        classes=_classes(frame, data, model.task),
        threshold=model.declared_threshold,
        labels=_labels(data.target),
        ignored=tuple(data.ignored),
        nulls=tuple(_nulls(data.source) or CsvSource.model_fields["nulls"].default),
        extra=data.extra,
        derived=tuple(part_name(f.name, part) for f in fields for part in f.parts),
    )
    if model.features is None:
        return boundary
    columns = request_columns(frame, data)
    try:
        check_place(files.root, model.features)
        derived = check_derived(boundary, columns, data)
        return replace(boundary, derived=(*boundary.derived, *derived))
    except TagshipError as error:
        raise error.within(files.folder / "model.yaml") from None


def _classes(frame: pd.DataFrame, data: DataConfig, task: str) -> tuple[str, ...]:
    if task == "regression":
        return ()
    labels = sorted(str(label) for label in frame[data.target.column].unique())
    if task == "binary":
        positive = cell_text(data.target.positive)
        labels.sort(key=lambda label: label == positive)
    return tuple(labels)


def _nulls(source: Source) -> list[str]:
    """The words of a file of text that mean a missing value."""
    return source.nulls if isinstance(source, CsvSource | ExcelSource) else []


def _with_nulls(f: Field, source: Source) -> Field:
    """A column; one of text takes the words of its file, which reads them so, too."""
    return replace(f, nulls=(*f.nulls, *_nulls(source))) if f.dtype == "string" else f


def _labels(target: Target) -> str:
    """What the labels of answers are."""
    if target.dtype is not None:
        return target.dtype
    return {bool: "bool", int: "int"}.get(type(target.positive), "string")


def encode_target(frame: pd.DataFrame, data: DataConfig, boundary: Boundary) -> NDArray[Any]:
    """The target: class numbers (int64) in the order of ``boundary.classes``, or float64 values."""
    target = frame[data.target.column]
    if not boundary.classes:
        return target.to_numpy(dtype=np.float64)
    codes = pd.Categorical(target.astype("str"), categories=list(boundary.classes)).codes
    return np.asarray(codes, dtype=np.int64)
