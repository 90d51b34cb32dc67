"""Refusing derived values and scores that are NaN or infinite. numpy only."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary
from tagship.contract.values import MOST_PROBLEMS, Mask, Problem, is_missing

NO_VALUE = "is derived, and is no finite number for these values"
NO_SCORE = "the model gives no finite score for these values"


def broken_derived(
    boundary: Boundary, columns: Mapping[str, NDArray[Any]], matrix: NDArray[np.float32]
) -> Iterator[tuple[str, Mask]]:
    """Each derived column with the rows in which training would refuse it: NaN or infinity.

    NaN is allowed where an input is missing: the artifact's imputer replaces it.
    """
    derived = matrix[:, derived_place(boundary)]
    if all_finite(derived):
        return
    incomplete = incomplete_rows(boundary, columns)
    for at, name in enumerate(boundary.derived):
        broken = np.isinf(derived[:, at]) | (np.isnan(derived[:, at]) & ~incomplete)
        if broken.any():
            yield name, broken


def derived_place(boundary: Boundary) -> slice:
    """The columns of the matrix that are derived."""
    first = len(boundary.numeric_names)
    return slice(first, first + len(boundary.derived))


def derived_problems(
    boundary: Boundary, columns: Mapping[str, NDArray[Any]], matrix: NDArray[np.float32]
) -> list[Problem]:
    """What ``broken_derived`` names, as problems of a request."""
    return [
        Problem(row, name, NO_VALUE)
        for name, broken in broken_derived(boundary, columns, matrix)
        for row in np.flatnonzero(broken)[:MOST_PROBLEMS].tolist()
    ]


def all_finite(values: NDArray[np.floating]) -> bool:
    """Whether there is no NaN nor infinity; takes a fraction of a microsecond for one row."""
    if len(values) == 1:
        return math.isfinite(sum(values[0].tolist()))  # in float64, which float32s do not overflow
    return bool(np.isfinite(values).all())


def score_problems(
    boundary: Boundary, matrix: NDArray[np.float32], scores: NDArray[np.floating]
) -> list[Problem]:
    """The rows without a score, each with the numbers that are missing in it."""
    problems = []
    for row in np.flatnonzero(~np.isfinite(scores).all(axis=1))[:MOST_PROBLEMS].tolist():
        missing = np.flatnonzero(np.isnan(matrix[row])).tolist()
        names = [boundary.names[at] for at in missing]
        problem = f"{NO_SCORE}; missing: {', '.join(names)}" if names else NO_SCORE
        problems.append(Problem(row, names[0] if len(names) == 1 else "", problem))
    return problems


def incomplete_rows(boundary: Boundary, columns: Mapping[str, NDArray[Any]]) -> Mask:
    """Rows in which an input is missing."""
    incomplete = np.zeros(len(next(iter(columns.values()))), dtype=bool)
    for field in boundary.fields:
        incomplete |= is_missing(field, columns[field.name])
    return incomplete
