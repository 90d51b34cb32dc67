"""A feature function, tried on the whole table before anything is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.contract import DataConfig
from tagship.contract.boundary import Boundary
from tagship.contract.finite_values import incomplete_rows
from tagship.errors import TagshipError

_ROWS_TRIED = 200


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
    derived = _derive(boundary, columns, path)
    rows = len(next(iter(columns.values())))
    incomplete = incomplete_rows(boundary, columns)
    for name, values in derived.items():
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
    _check_row_wise(boundary, columns, derived, path)
    return tuple(derived)


def _derive(
    boundary: Boundary, columns: Mapping[str, NDArray[Any]], path: str
) -> Mapping[str, Any]:
    try:
        derived = boundary.call_function(columns)
    except TagshipError:
        raise
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        raise TagshipError(
            f"{path} raised {type(error).__name__}: {error}", "mend it in src/features/"
        ) from error
    if not isinstance(derived, Mapping) or not derived:
        kind = "an empty dict" if isinstance(derived, Mapping) else type(derived).__name__
        raise TagshipError(
            f"{path} must give a dict of new columns, not {kind}", "return {name: values, …}"
        )
    if not all(isinstance(name, str) for name in derived):
        raise TagshipError(f"{path} gives a column whose name is no text", "name it by a str")
    return derived


def _as_array(values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:  # lists of different lengths
        return np.asarray(values, dtype=object)


def _check_row_wise(
    boundary: Boundary, columns: Mapping[str, NDArray[Any]], derived: Mapping[str, Any], path: str
) -> None:
    """A request is often one row: its value must not depend on the rows around it, or on chance."""
    tried_rows = slice(None, None, max(2, len(next(iter(columns.values()))) // _ROWS_TRIED))
    alone = _derive(boundary, {name: values[tried_rows] for name, values in columns.items()}, path)
    for name, values in derived.items():
        expected = np.asarray(values)[tried_rows].astype(np.float32)
        derived_again = np.asarray(alone.get(name, np.nan))
        is_same = derived_again.shape == expected.shape and np.allclose(
            derived_again.astype(np.float32), expected, rtol=1e-5, atol=1e-8, equal_nan=True
        )
        if not is_same:
            raise TagshipError(
                f"{path}: '{name}' gives a row another value when other rows stand beside it",
                "compute it from the row alone: no mean over rows, no order, no chance",
            )
