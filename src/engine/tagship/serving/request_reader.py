"""From a request's body to the model's input; the common case in microseconds.

msgspec reads a body straight into the contract's types. What it does not take, and what may hold
a key twice, is read again by the exact decoder, which takes numbers of any length and names every
problem. So msgspec decides the speed, never the answer.

Either costs time and memory by the number of values. A body that holds more of them than the
largest request that is allowed is refused by counting bytes, before anything is made of it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary
from tagship.contract.finite_values import all_finite, derived_place, derived_problems
from tagship.contract.json_records import InvalidRecords, RecordReader, RecordTypes
from tagship.contract.values import Problem, count_unusual

_TEXT = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL
)  # a text that never ends takes all the rest
_COUNTED = b",]}"
_MORE_VALUES = 1000
"""Values besides those of the contract's columns that are still read, to be refused by name."""


class NotJson(ValueError):
    """The body is not JSON."""


class TooManyRows(ValueError):
    """More records, or more values, than one request may hold."""


@dataclass(frozen=True, slots=True)
class Request:
    """A body that keeps the contract."""

    many: bool
    """Whether it is an array of records."""
    matrix: NDArray[np.float32]
    """Shape (rows, features)."""
    content: Any
    """What was understood: a record, or records."""
    unseen: Mapping[str, int] = field(default_factory=dict)
    """How many categories of each column are not the contract's."""
    ignored: frozenset[str] = frozenset()
    """The declared columns that it carried for nothing."""

    @property
    def logged(self) -> bytes:
        """Its JSON as the log keeps it: what was understood, without white space."""
        return encode_json(self.content)


def encode_json(content: Any) -> bytes:
    """JSON without spaces."""
    try:
        return msgspec.json.encode(content)
    except UnicodeError:  # half a surrogate pair, quoted from the request
        return json.dumps(content).encode()


class Reader:
    """The contract as decoders, made once."""

    def __init__(self, boundary: Boundary, max_rows: int) -> None:
        self._boundary, self._max_rows = boundary, max_rows
        self._fields = boundary.fields
        self._exact = RecordReader(boundary)
        self._types = RecordTypes(boundary)
        self._one = msgspec.json.Decoder(self._types.record)
        self._many = msgspec.json.Decoder(list[self._types.record])  # type: ignore[name-defined]
        self._derived = derived_place(boundary)
        # A record of n columns has n - 1 commas, a brace, and a comma behind it.
        columns = len(boundary.fields) + len(boundary.ignored)
        self._most_values = max_rows * (columns + 2) + _MORE_VALUES

    def read(self, body: bytes) -> Request:
        """Read JSON: a record, or an array of records.

        Raises:
            NotJson: it is not JSON, or not UTF-8.
            TooManyRows: the request holds too many.
            InvalidRecords: it breaks the contract.
        """
        return self.read_fast(body) or self._by_exact(body)

    def read_fast(self, body: bytes) -> Request | None:
        """The same by msgspec alone; None where the exact decoder must decide."""
        self._check_values(body)
        try:
            if body.lstrip()[:1] == b"[":
                return self._read_many(body)
            return self._read_one(body)
        except _NOT_FAST:
            return None

    def read_exactly(self, body: bytes) -> Request:
        """The same by the exact decoder alone."""
        self._check_values(body)
        return self._by_exact(body)

    def _by_exact(self, body: bytes) -> Request:
        content = load_json(body, "the body is not JSON")
        many = isinstance(content, list)
        records = content if many else [content]
        self._check_rows(len(records))
        read = self._exact.read(records)
        matrix = self._sound(read.columns)
        unseen = {f.name: count_unusual(f, read.columns[f.name]) for f in self._boundary.categories}
        values = read.records if many else read.records[0]
        return Request(many, matrix, values, {k: n for k, n in unseen.items() if n}, read.ignored)

    def _check_values(self, body: bytes) -> None:
        """Refuse more values than any request may hold; they are counted, not read."""
        most = self._most_values
        if len(body) <= most:
            return
        count = _values(body)
        quotes = body.count(b'"') - body.count(b'\\"')
        # A value has a key and a text at most; more texts than that cost too much to leave out.
        if count > most and quotes <= 4 * most:
            count = _values(_TEXT.sub(b'""', body))
        if count > most:
            allowed = f"{self._max_rows} records of {len(self._fields)} columns"
            raise TooManyRows(f"over {most} values; at most {allowed} a request")

    def _read_one(self, body: bytes) -> Request:
        record = self._one.decode(body)
        values = msgspec.structs.astuple(record)
        if body.count(b":") != len(values):
            raise _Unsure
        row = self._types.direct(values)
        if row is None:
            matrix = self._matrix([(value,) for value in values])
        else:
            matrix = np.array([row], dtype=np.float32)
        return Request(False, matrix, record)

    def _read_many(self, body: bytes) -> Request:
        records = self._many.decode(body)
        self._check_rows(len(records))
        if body.count(b":") != len(records) * len(self._fields):
            raise _Unsure
        columns = list(zip(*map(msgspec.structs.astuple, records), strict=True))
        return Request(True, self._matrix(columns), records)

    def _matrix(self, columns: Sequence[Sequence[Any]]) -> NDArray[np.float32]:
        try:
            arrays = self._types.arrays(columns)
        except ValueError:
            raise _Unsure from None
        return self._sound(arrays)

    def _sound(self, columns: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The matrix, whose derived values training would accept."""
        matrix = self._boundary.matrix(columns)
        if not all_finite(matrix[:, self._derived]):
            problems = derived_problems(self._boundary, columns, matrix)
            if problems:
                raise InvalidRecords(problems)
        return matrix

    def _check_rows(self, rows: int) -> None:
        if rows == 0:
            raise InvalidRecords([Problem(0, "", "there are no records")])
        if rows > self._max_rows:
            raise TooManyRows(f"{rows} records; at most {self._max_rows} a request")


class _Unsure(Exception):
    """msgspec took it, but the exact decoder must decide."""


_NOT_FAST = (msgspec.MsgspecError, RecursionError, UnicodeError, _Unsure)


def _values(body: bytes) -> int:
    """How many commas and ends of arrays and objects: one for each value.

    Arrays that begin and do not end are nested, and JSON's reader takes at most a thousand levels.
    """
    return sum(map(body.count, _COUNTED))


def load_json(text: bytes, otherwise: str) -> Any:
    """The content of JSON in which no object has a key twice.

    Raises:
        NotJson: the text is no such JSON; the message begins with ``otherwise``.
    """
    try:
        return _JSON.decode(text.decode())
    except (ValueError, RecursionError) as error:
        message = str(error).replace(": line 1 column", ": column")
        raise NotJson(f"{otherwise}: {message}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the key {name[:80]!r} stands twice in one object")
            seen.add(name)
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_once)
