"""Records as people have them, made into records of the contract.

A row of somebody's file has its id, its target and words for what is missing; it leaves out what
may be missing, and writes numbers and dates in its own way. A record of the contract has its
request columns and nothing else: JSON numbers, ISO 8601 dates, null.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tagship.contract.boundary import Boundary, Field
from tagship.contract.values import (
    MOST_PROBLEMS,
    Problem,
    cell_reader,
    cell_text,
    expected,
    null_numbers,
    shown,
)

_NAMELESS = "Unnamed: "
"""How pandas calls columns without a name; without a value they say nothing."""
UNNAMED = "unnamed"
"""What the first column is called where a header has no name for it: mostly an index."""
_UNNAMED_ELSEWHERE = frozenset({"", "Unnamed: 0"})
"""What other programs call it."""


@dataclass(frozen=True)
class PreparedRecords:
    """What was made of records."""

    records: list[Any]
    """What is no object is as it was."""
    problems: list[Problem]
    """Values that the declared format does not fit, up to a hundred; null stands in their place."""
    ignored: frozenset[str]
    """The columns that were left out."""


class Preparation:
    """The contract as what to do with a record, made once."""

    def __init__(self, boundary: Boundary) -> None:
        self._names = frozenset(field.name for field in boundary.fields)
        self._ignored = frozenset(boundary.ignored)
        if UNNAMED in self._ignored:
            self._ignored |= _UNNAMED_ELSEWHERE
        self._ignores_all = boundary.extra == "ignore"
        self._nullable = [field.name for field in boundary.fields if field.nullable]
        readers = [(f.name, _reader(f, boundary.nulls)) for f in boundary.fields]
        self._readers = [(name, read) for name, read in readers if read is not None]

    def prepare(self, records: Sequence[Any]) -> PreparedRecords:
        """Records of the contract; what breaks it otherwise stays, to be refused."""
        prepared: list[Any] = []
        problems: list[Problem] = []
        ignored: set[str] = set()
        for row, record in enumerate(records):
            if type(record) is not dict or len(problems) >= MOST_PROBLEMS:
                prepared.append(record)
                continue
            left_out = {name for name, value in record.items() if self._leaves_out(name, value)}
            ignored |= left_out & self._ignored
            values = {name: value for name, value in record.items() if name not in left_out}
            for name in self._nullable:
                values.setdefault(name, None)
            for name, read in self._readers:
                try:
                    if name in values:
                        values[name] = read(values[name])
                except ValueError as error:
                    problems.append(Problem(row, name, f"{error}; is {shown(values[name])}"))
                    values[name] = None
            prepared.append(values)
        return PreparedRecords(prepared, problems, frozenset(ignored))

    def _leaves_out(self, name: str, value: Any) -> bool:
        if name in self._ignored or (self._ignores_all and name not in self._names):
            return True
        nameless = name == "" or name.startswith(_NAMELESS)
        return nameless and value in (None, "") and name not in self._names


def plain(field: Field) -> Field:
    """The column as records of the contract have it: no format, nor words for what is missing."""
    return replace(field, format=None, nulls=())


def _reader(field: Field, words: Sequence[str]) -> Callable[[Any], Any] | None:
    """From a value to that of the contract; None where they are the same."""
    null_texts = () if field.dtype == "string" else words
    texts = frozenset({*null_texts, *field.nulls} - set(map(str, field.values)))
    numbers = null_numbers(field)
    written = None if field.format is None else cell_reader(field)
    if not texts and not numbers and written is None:
        return None
    rule = f"must be {expected(field)}"

    def read(value: Any) -> Any:
        if isinstance(value, str):
            if value in texts:
                return None
            value = _written(value, written, rule)
        elif written is not None and field.dtype == "datetime" and type(value) in (int, float):
            value = _written(cell_text(value), written, rule)
        return None if type(value) in (int, float) and value in numbers else value

    return read


def _written(text: str, read: Callable[[str], Any] | None, rule: str) -> Any:
    if read is None:
        return text
    try:
        value = read(text)
    except ValueError:
        raise ValueError(rule) from None
    return str(np.datetime_as_string(value)) if isinstance(value, np.datetime64) else value
