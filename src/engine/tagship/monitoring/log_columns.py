"""From logged requests and answers to arrays, a chunk at a time.

A value that the service does not take (a wrong type, a fraction for a whole number, more than a
float32 holds, a field too few or too many, the request in columns that 0.1.0 took) or give (a
probability beyond 0 and 1) does not fit, and then its whole request does not. A number out of the
contract's range, or a category that it does not have, fits: monitoring reports it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary, Field
from tagship.contract.json_records import ColumnReader

_ANSWER = "\0"
_PREDICTION, _SCORE = f"{_ANSWER}prediction", f"{_ANSWER}score"
_ROUNDED = 1e-5
"""By how much a float32 that sums up to a probability of 1 may be off."""
_TEXT_KEPT = 32
"""Characters of a text that are kept: only whether it is missing is needed."""
_TEXT_BYTES, _REQUEST_BYTES = 120, 200
Row = tuple[Any, ...]


class LogColumns:
    """A boundary's fields, prediction and scores as columns."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary
        self.names = tuple(field.name for field in boundary.fields)
        """The names of the request's columns."""
        classes = boundary.classes
        self._fields = [
            *boundary.fields,
            Field(_PREDICTION, "category" if classes else "float", values=classes),
        ]
        answer = ["prediction"]
        self._nested: tuple[str, ...] = ()
        if boundary.task == "binary":
            answer.append("probability")
            self._fields.append(Field(_SCORE, "float", 0, 1))
        elif boundary.task == "multiclass":
            self._nested = classes
            self._fields += [Field(f"{_SCORE} {name}", "float", 0, 1) for name in classes]
        loose = [replace(f, min=None, max=None, nullable=True) for f in self._fields]
        self._columns = list(map(ColumnReader, loose))
        self._request_row = _getter(self.names)
        self._answer_row = _getter(answer)
        self._nested_row = _getter(self._nested)

    @property
    def row_bytes(self) -> int:
        """About how much memory one row of a request of its own takes, its id included."""
        texts = sum(_TEXT_BYTES for field in self._fields if field.dtype == "string")
        return _REQUEST_BYTES + texts + sum(a.itemsize for a in self.empty().values())

    def decode(
        self, entries: Sequence[dict[str, Any]]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64], NDArray[np.bool_]]:
        """Arrays with one value a row, and for each entry its rows and whether it fits.

        The arrays hold only the rows of entries that fit.
        """
        rows: list[list[Row]] = []
        for entry in entries:
            try:
                rows.append(self._rows(entry.get("request"), entry.get("response")))
            except (KeyError, TypeError, ValueError, AttributeError):
                rows.append([])
        counts = np.array(list(map(len, rows)), dtype=np.int64)
        fits = counts > 0
        width = len(self._fields)
        columns = list(zip(*chain.from_iterable(rows), strict=True)) or [()] * width
        arrays, wrong = {}, np.zeros(int(counts.sum()), dtype=bool)
        for field, column, values in zip(self._fields, self._columns, columns, strict=True):
            array, refused = _read(column, values)
            if field.name.startswith(_ANSWER):
                wrong |= _impossible_answers(field, array)
            arrays[field.name] = array
            wrong[list(refused)] = True
        if wrong.any():
            owner = np.repeat(np.arange(len(entries)), counts)
            fits[owner[wrong]] = False
            row_fits = fits[owner]
            arrays = {name: values[row_fits] for name, values in arrays.items()}
        return arrays, counts, fits

    def empty(self) -> dict[str, NDArray[Any]]:
        """Every array, without rows."""
        return {column.field.name: _read(column, ())[0] for column in self._columns}

    def predictions(self, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """The predicted class numbers, or values."""
        values = arrays[_PREDICTION]
        return values.astype(np.int64) if self._boundary.classes else values

    def scores(self, arrays: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """The scores in the shape that metrics take."""
        if self._boundary.task == "regression":
            return arrays[_PREDICTION]
        if self._boundary.task == "binary":
            return arrays[_SCORE]
        return np.column_stack([arrays[f"{_SCORE} {name}"] for name in self._boundary.classes])

    def _rows(self, request: Any, response: Any) -> list[Row]:
        """One tuple a row: the request's values, then the answer's.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it has another shape.
        """
        if type(request) is dict:
            return [self._request_values(request) + self._answer_values(response)]
        pairs = zip(request, response["predictions"], strict=True)
        return [
            self._request_values(record) + self._answer_values(answer) for record, answer in pairs
        ]

    def _request_values(self, record: dict[str, Any]) -> Row:
        values = self._request_row(record)
        if len(record) != len(values):
            raise ValueError("a field too many")
        return values

    def _answer_values(self, answer: dict[str, Any]) -> Row:
        values = self._answer_row(answer)
        return values + self._nested_row(answer["probabilities"]) if self._nested else values


def _getter(names: Sequence[str]) -> Callable[[Any], Row]:
    if len(names) == 1:
        return lambda record: (record[names[0]],)
    return itemgetter(*names) if names else lambda record: ()


def _read(column: ColumnReader, values: Sequence[Any]) -> tuple[NDArray[Any], dict[int, str]]:
    """One column in its smallest form, and which of its values do not fit."""
    array, refused = column.read(values)
    if column.field.dtype == "category":
        return array.astype(np.int32), refused
    if column.field.dtype == "string":
        texts = [text and text[:_TEXT_KEPT] for text in array]
        array = np.array(texts, dtype=object)
    return array, refused


def _impossible_answers(field: Field, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which predictions or scores no service gives."""
    if field.dtype == "category":
        return np.asarray(values < 0)
    low = -math.inf if field.min is None else field.min - _ROUNDED
    high = math.inf if field.max is None else field.max + _ROUNDED
    return np.asarray(~((values >= low) & (values <= high)))
