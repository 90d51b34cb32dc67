"""A row without a value that the contract allows to be missing must get a score all the same."""

import numpy as np

from tagship.contract.boundary import Boundary, Columns
from tagship.contract.values import is_missing, missing_value
from tagship.errors import TagshipError
from tagship.training.export import Score


def check_missing_values(boundary: Boundary, columns: Columns, score: Score) -> None:
    """Score one row once for each field that may be missing, without that field.

    ``columns`` are the training rows' as the boundary takes them; the first row in which nothing is
    missing is taken, or else the one in which least is.

    Raises:
        TagshipError: names the field whose absence gives no finite score.
    """
    at = _most_complete_row(boundary, columns)
    row = {name: values[at : at + 1] for name, values in columns.items()}
    for field in boundary.fields:
        unknown = field.dtype == "category" and not field.closed
        if not field.nullable and not unknown:
            continue
        absent = row[field.name].copy()
        absent[0] = missing_value(field)
        where, way = f"a row without '{field.name}', which data.yaml lets be missing", "missing: 0"
        if not field.nullable:
            where = f"a row whose '{field.name}' is no category of data.yaml"
            way = "closed: true"
        try:
            scores = score(boundary.matrix({**row, field.name: absent}))
        except Exception as error:  # whatever a feature function may raise
            raise TagshipError(
                f"{where}: features: {boundary.derive} raised {type(error).__name__}: {error}",
                f"let the function take None and give a number or NaN there, or set `{way}`",
            ) from error
        if not np.isfinite(scores).all():
            raise TagshipError(
                f"{where}, gets the score {scores.ravel()[0]}",
                f"set `impute: median` for this candidate, or `{way}`",
            )


def _most_complete_row(boundary: Boundary, columns: Columns) -> int:
    missing = [is_missing(field, columns[field.name]) for field in boundary.fields]
    return int(np.sum(missing, axis=0).argmin())
