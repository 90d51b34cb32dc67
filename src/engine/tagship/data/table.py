"""A model's table: read, checked, hashed; and the boundary through which the model sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import CsvSource, DataConfig, ExcelSource, Source, Target
from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary, Field, part_name
from tagship.contract.finite_values import incomplete_rows
from tagship.contract.table_columns import declared_field
from tagship.contract.values import cell_text
from tagship.data.failures import ContractError
from tagship.data.hashing import hash_table
from tagship.data.target_rows import settle_rows
from tagship.data.validation import check_contract
from tagship.data.window import cut_window
from tagship.errors import TagshipError
from tagship.sources.identity import Identity
from tagship.sources.read import identify_source

Say = Callable[[str], None]
_ROWS_TRIED = 200


@dataclass(frozen=True)
class Table:
    """A table that keeps its contract."""

    frame: pd.DataFrame
    sha256: str
    identity: Identity = field(default_factory=dict)
    """What exactly was read, where the source or the window moves."""


@dataclass(frozen=True)
class Raw:
    """The rows that a model can learn from, unchecked, personal data included."""

    frame: pd.DataFrame
    identity: Identity = field(default_factory=dict)


def load_table(
    files: ModelFiles, say: Say = lambda _: None, held: Mapping[str, str] | None = None
) -> Table:
    """Fetch, protect, check and hash one model's data; say which rows are left out.

    Args:
        held: what a lock says was read: the same is read again.

    Raises:
        TagshipError: the source cannot be read.
        ContractError: the data breaks the contract.
    """
    return check_table(files, read_raw(files, say, held))


def check_table(files: ModelFiles, raw: Raw) -> Table:
    """Protect, check and hash what ``read_raw`` gave; the rows stay in its order.

    Raises:
        ContractError: the data breaks the contract.
    """
    data = files.data
    try:
        frame = check_contract(raw.frame, data, files.model.task)
    except ContractError as error:
        path = files.folder / "data.yaml"
        error.hint = f"mend the data at its source, or change {path} if the contract is wrong"
        raise
    except TagshipError as error:
        raise error.within(files.folder / "data.yaml") from None
    personal = frozenset(name for name, column in data.columns.items() if column.pii)
    return Table(frame, hash_table(frame, leave_out=personal), raw.identity)


def read_raw(
    files: ModelFiles, say: Say = lambda _: None, held: Mapping[str, str] | None = None
) -> Raw:
    """The rows of one model's source that it can learn from.

    Args:
        held: what a lock says was read: the same is read again.

    Raises:
        TagshipError: the source cannot be read.
    """
    data = files.data
    numeric_columns = {
        name
        for name, column in data.columns.items()
        if column.dtype in ("float", "int") and column.format is None
    }
    if files.model.task == "regression" and data.target.format is None:
        numeric_columns.add(data.target.column)
    try:
        numbers = frozenset(numeric_columns)
        frame, identity = identify_source(data.source, files.root, numbers, held, say)
        if data.window is not None:
            frame, until = cut_window(frame, data.window, data.columns, say, held)
            identity |= {"until": until}
        return Raw(settle_rows(frame, data, files.model.task, say), identity)
    except TagshipError as error:
        raise error.within(files.folder / "data.yaml") from None


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


def check_place(root: Path, function: str) -> None:
    """Refuse a feature function that would not be packed with the artifact."""
    package = function.partition(":")[0].partition(".")[0]
    if package != "features" or not (root / "src" / package).is_dir():
        raise TagshipError(
            f"features: '{function}' is not in src/features/, and nothing else goes into the bento",
            "put it there",
        )


def check_derived(
    boundary: Boundary, columns: Mapping[str, NDArray[Any]], data: DataConfig
) -> tuple[str, ...]:
    """Run the feature function once over the table and give the names it derives.

    Raises:
        TagshipError: it raises, drops rows, gives text or infinity, gives NaN for a complete row,
            gives a row another value among other rows, or names a column that the contract has.
    """
    path = f"features: {boundary.derive}"
    given = _derive(boundary, columns, path)
    rows = len(next(iter(columns.values())))
    incomplete = incomplete_rows(boundary, columns)
    for name, values in given.items():
        if name in (*data.columns, *boundary.derived, data.target.column, data.id):
            raise TagshipError(
                f"{path} gives '{name}', which the contract already has", "give it another name"
            )
        array = _as_array(values)
        if array.shape != (rows,):
            raise TagshipError(
                f"{path}: '{name}' has shape {array.shape} for {rows} rows",
                "a feature function gives one value for each row, in the same order",
            )
        if array.dtype.kind not in "fiub":
            raise TagshipError(
                f"{path}: '{name}' is {array.dtype}, not a number",
                "give numbers or booleans; for groups give one 0/1 column each",
            )
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float32)
        if np.isinf(narrow).any():
            row = int(np.flatnonzero(np.isinf(narrow))[0]) + 1
            raise TagshipError(f"{path}: '{name}' is infinite in row {row}", "guard the division")
        broken = np.isnan(narrow) & ~incomplete
        if broken.any():
            row = int(np.flatnonzero(broken)[0]) + 1
            raise TagshipError(
                f"{path}: '{name}' is NaN in {int(broken.sum())} complete rows, first row {row}",
                "give a number wherever all inputs are present",
            )
    _check_row_wise(boundary, columns, given, path)
    return tuple(given)


def _derive(
    boundary: Boundary, columns: Mapping[str, NDArray[Any]], path: str
) -> Mapping[str, Any]:
    try:
        given = boundary.call_function(columns)
    except TagshipError:
        raise
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        raise TagshipError(
            f"{path} raised {type(error).__name__}: {error}", "mend it in src/features/"
        ) from error
    if not isinstance(given, Mapping) or not given:
        kind = "an empty dict" if isinstance(given, Mapping) else type(given).__name__
        raise TagshipError(
            f"{path} must give a dict of new columns, not {kind}", "return {name: values, …}"
        )
    if not all(isinstance(name, str) for name in given):
        raise TagshipError(f"{path} gives a column whose name is no text", "name it by a str")
    return given


def _as_array(values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:  # lists of different lengths
        return np.asarray(values, dtype=object)


def _check_row_wise(
    boundary: Boundary,
    columns: Mapping[str, NDArray[Any]],
    given: Mapping[str, Any],
    path: str,
) -> None:
    """A request is often one row: its value must not depend on the rows around it, or on chance."""
    tried_rows = slice(None, None, max(2, len(next(iter(columns.values()))) // _ROWS_TRIED))
    alone = _derive(boundary, {name: values[tried_rows] for name, values in columns.items()}, path)
    for name, values in given.items():
        expected = np.asarray(values)[tried_rows].astype(np.float32)
        derived_again = np.asarray(alone.get(name, np.nan))
        same = derived_again.shape == expected.shape and np.allclose(
            derived_again.astype(np.float32), expected, rtol=1e-5, atol=1e-8, equal_nan=True
        )
        if not same:
            raise TagshipError(
                f"{path}: '{name}' gives a row another value when other rows stand beside it",
                "compute it from the row alone: no mean over rows, no order, no chance",
            )


def encode_target(frame: pd.DataFrame, data: DataConfig, boundary: Boundary) -> NDArray[Any]:
    """The target: class numbers (int64) in the order of ``boundary.classes``, or float64 values."""
    target = frame[data.target.column]
    if not boundary.classes:
        return target.to_numpy(dtype=np.float64)
    codes = pd.Categorical(target.astype("str"), categories=list(boundary.classes)).codes
    return np.asarray(codes, dtype=np.int64)
