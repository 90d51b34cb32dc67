"""Which rows of a data set are read: ``select`` of data.yaml as Arrow has it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tagship.config.sources import Cell, Choice, Limits
from tagship.errors import TagshipError


def select_rows(select: Mapping[str, Choice], schema: pa.Schema) -> Any:
    """The condition that all selected rows meet; None where every row is selected.

    Raises:
        TagshipError: a value is not of its column's type.
    """
    conditions = [
        _condition(name, choice, schema.field(name).type) for name, choice in select.items()
    ]
    return reduce(and_, conditions) if conditions else None


def _condition(name: str, choice: Choice, kind: pa.DataType) -> Any:
    field = pc.field(name)
    if isinstance(choice, Limits):
        ends = [] if choice.begin is None else [field >= _scalar(name, choice.begin, kind)]
        ends += [] if choice.to is None else [field <= _scalar(name, choice.to, kind)]
        return reduce(and_, ends)
    values = choice if isinstance(choice, list) else [choice]
    return field.isin(pa.array([_scalar(name, value, kind).as_py() for value in values], kind))


def _scalar(name: str, value: Cell, kind: pa.DataType) -> pa.Scalar:
    """A value in its column's type; times without a zone are UTC."""
    try:
        if not pa.types.is_timestamp(kind):
            return pa.scalar(str(value) if pa.types.is_temporal(kind) else value).cast(kind)
        moment = datetime.fromisoformat(str(value))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return pa.scalar(moment if kind.tz else moment.replace(tzinfo=None), kind)
    except (pa.ArrowException, ValueError, TypeError):
        raise TagshipError(
            f"source.select.{name}: {value!r} is no {kind}", "write it as the column has it"
        ) from None
