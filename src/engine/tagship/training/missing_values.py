"""A request may lack what the contract lets be missing; it must get a score all the same."""

import numpy as np

from tagship.contract.boundary import Boundary, Columns
from tagship.contract.values import is_missing, missing_value
from tagship.errors import TagshipError
from tagship.training.export import Score


def check_gaps(boundary: Boundary, columns: Columns, score: Score) -> None:
    """Score one row once for each field that may be missing, without that field.

    ``columns`` are the training rows' as the boundary takes them; the first row without gaps is
    taken, where there is one.

    Raises:
        TagshipError: names the field whose absence gives no finite score.
    """
    row = _whole_row(boundary, columns)
    one = {name: values[row : row + 1] for name, values in columns.items()}
    for field in boundary.fields:
        if not field.nullable:
            continue
        gap = one[field.name].copy()
        gap[0] = missing_value(field)
        where = f"a row without '{field.name}', which data.yaml lets be missing"
        try:
            scores = score(boundary.matrix({**one, field.name: gap}))
        except Exception as error:  # whatever a feature function may raise
            raise TagshipError(
                f"{where}: features: {boundary.derive} raised {type(error).__name__}: {error}",
                "let the function give NaN there, or set `missing: 0` if it is always there",
            ) from error
        if not np.isfinite(scores).all():
            raise TagshipError(
                f"{where}, gets the score {scores.ravel()[0]}",
                "set `impute: median` for this candidate, or `missing: 0` if it is always there",
            )


def _whole_row(boundary: Boundary, columns: Columns) -> int:
    gaps = [is_missing(field, columns[field.name]) for field in boundary.fields]
    return int(np.sum(gaps, axis=0).argmin())
