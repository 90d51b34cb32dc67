"""The one float32 boundary that training and serving share. numpy only.

Columns go in by name, one float32 matrix comes out: numbers, then derived features (parts of dates,
then what a feature function gives), then how often a text holds each of its terms, then the codes
of categories (their index in the contract's values, -1 when missing or not among them).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from dataclasses import fields as fields_of
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.contract.text_tokens import count_terms
from tagship.project_functions import load_function

Columns = Mapping[str, NDArray[Any]]
Label = str | int | bool
FeatureFunction = Callable[[Columns], Mapping[str, NDArray[Any]]]


UNSEEN = -2
"""The code of a category that is not among the contract's values, in a column's array."""


@dataclass(frozen=True)
class NumberFormat:
    """How a column's numbers are written as text; see ``tagship.config.contract``."""

    unit: str = ""
    thousands: str = ""
    decimal: str = "."


@dataclass(frozen=True)
class Field:
    """One column of a request, as the contract declares it."""

    name: str
    dtype: str
    """float, int, bool, category, string or datetime."""
    min: float | None = None
    max: float | None = None
    values: tuple[str | int, ...] = ()
    nullable: bool = False
    feature: bool = True
    """False for text that only feature functions read."""
    usual: tuple[float, float] | None = None
    """A number beyond them is answered, and counted."""
    closed: bool = False
    """Whether a category that is not among ``values`` is refused."""
    format: NumberFormat | tuple[str, ...] | None = None
    """How numbers, or dates, are written."""
    nulls: tuple[str, ...] = ()
    """The texts that mean a missing value, beside none at all."""
    parts: tuple[str, ...] = ()
    """What of a date is a feature."""
    terms: tuple[str, ...] = ()
    """The words, and pairs of words, of a text that are features; see ``contract.words``."""


@dataclass(frozen=True)
class Boundary:
    """What a model takes (``fields``), derives and gives (``classes``)."""

    task: str
    fields: tuple[Field, ...]
    derive: str | None = None
    """``module:function`` of the feature function."""
    derived: tuple[str, ...] = ()
    """The names of the parts of dates, then those that the feature function gives."""
    classes: tuple[str, ...] = ()
    """Labels in the order of the artifact's probabilities; empty for regression."""
    threshold: float = 0.5
    labels: str = "string"
    """What labels are in answers: string, int or bool."""
    ignored: tuple[str, ...] = ()
    """The declared columns that a request may carry for nothing."""
    nulls: tuple[str, ...] = ()
    """The texts that mean a missing value in every column that is not text, where they are none of
    its values."""
    extra: str = "refuse"
    """Whether columns that are declared nowhere are refused, or ignored."""
    _function: list[FeatureFunction] = field(default_factory=list, compare=False, repr=False)

    @property
    def numeric_names(self) -> tuple[str, ...]:
        """The numeric features, in the matrix's order."""
        return tuple(
            f.name for f in self.fields if f.feature and f.dtype in ("float", "int", "bool")
        )

    @property
    def categories(self) -> tuple[Field, ...]:
        """The category features, in the matrix's order."""
        return tuple(f for f in self.fields if f.feature and f.dtype == "category")

    @property
    def texts(self) -> tuple[Field, ...]:
        """The text features, in the matrix's order."""
        return tuple(f for f in self.fields if f.terms)

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix's columns."""
        terms = (f"{f.name}: {term}" for f in self.texts for term in f.terms)
        return (*self._numbers, *terms, *(f.name for f in self.categories))

    @property
    def inputs(self) -> tuple[tuple[str, slice], ...]:
        """Each feature and its columns of the matrix: one, or as many as a text has terms."""
        widths = [(name, 1) for name in self._numbers]
        widths += [(f.name, len(f.terms)) for f in self.texts]
        widths += [(f.name, 1) for f in self.categories]
        ends = accumulate(width for _, width in widths)
        return tuple(
            (name, slice(end - width, end)) for (name, width), end in zip(widths, ends, strict=True)
        )

    @property
    def numbers(self) -> slice:
        """The columns of the matrix that are numbers, given or derived."""
        return slice(0, len(self._numbers))

    @property
    def words(self) -> slice:
        """The columns of the matrix that count terms of texts."""
        first = self.numbers.stop
        return slice(first, first + sum(len(text.terms) for text in self.texts))

    @property
    def _numbers(self) -> tuple[str, ...]:
        return (*self.numeric_names, *self.derived)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its JSON text, by which a lock names it."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def matrix(self, columns: Columns) -> NDArray[np.float32]:
        """The model's input, shape (rows, len(names)).

        ``columns`` holds one array per field: float64 for numbers (NaN is missing), integer codes
        for categories (-1 is missing), str objects for strings, datetime64 for datetimes.
        """
        rows = len(next(iter(columns.values())))
        width = self.words.stop + len(self.categories)
        matrix = np.empty((rows, width), dtype=np.float32)
        at = 0
        for name in self.numeric_names:
            matrix[:, at] = columns[name]
            at += 1
        if self.derived:
            derived = self.derive_columns(columns)
            for name in self.derived:
                matrix[:, at] = derived[name]
                at += 1
        for text in self.texts:
            matrix[:, at : at + len(text.terms)] = count_terms(columns[text.name], text.terms)
            at += len(text.terms)
        for category in self.categories:
            matrix[:, at] = np.maximum(columns[category.name], -1)
            at += 1
        return matrix

    def load(self) -> None:
        """Import the feature function, if there is one.

        Raises:
            TagshipError: it cannot be imported.
        """
        if self.derive is not None and not self._function:
            self._function.append(load_feature_function(self.derive))

    @property
    def answers(self) -> tuple[Label, ...]:
        """The labels as answers give them, in the order of ``classes``."""
        kinds: dict[str, Callable[[str], Label]] = {"int": int, "bool": "true".__eq__}
        return tuple(map(kinds.get(self.labels, str), self.classes))

    def derive_columns(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """The parts of dates, and what the feature function gives, with text instead of codes."""
        derived: dict[str, NDArray[Any]] = {}
        for f in self.fields:
            for part in f.parts:
                derived[part_name(f.name, part)] = date_part(columns[f.name], part)
        return derived if self.derive is None else {**derived, **self.call_function(columns)}

    def call_function(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """What the feature function gives, as it gives it."""
        self.load()
        readable = dict(columns)
        for f in self.fields:
            if f.dtype == "category":
                texts = np.array([*map(str, f.values), None], dtype=object)
                readable[f.name] = texts[np.maximum(columns[f.name], -1)]
        return self._function[0](readable)

    def to_json(self) -> str:
        """The boundary as the JSON text that travels with the artifact.

        What was added after the first locks is written only where it says something.
        """
        content = asdict(self)
        del content["_function"]
        content = _without_defaults(content, Boundary, _LATER)
        content["fields"] = [_without_defaults(f, Field, _LATER) for f in content["fields"]]
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Boundary":
        """Read what ``to_json`` wrote."""
        content = {key: _as_tuple(value) for key, value in json.loads(text).items()}
        fields = tuple(
            Field(**{key: _as_tuple(value) for key, value in item.items()})
            for item in content.pop("fields")
        )
        return cls(fields=fields, **content)


_LATER = frozenset(
    {"usual", "closed", "format", "nulls", "parts", "terms", "labels", "ignored", "extra"}
)


def _without_defaults(content: dict[str, Any], kind: Any, names: frozenset[str]) -> dict[str, Any]:
    defaults = {f.name: f.default for f in fields_of(kind)}
    return {k: v for k, v in content.items() if k not in names or v != defaults[k]}


def _as_tuple(value: Any) -> Any:
    if isinstance(value, dict):
        return NumberFormat(**value)
    return tuple(value) if isinstance(value, list) else value


def part_name(column: str, part: str) -> str:
    """What a part of a date is called among the features."""
    return f"{column}.{part}"


def date_part(dates: NDArray[np.datetime64], part: str) -> NDArray[np.float64]:
    """One number for each date, in UTC: ``days`` since 1970, ``weekday`` from Monday as 0, and so
    on; NaN for a missing one."""
    days, months = dates.astype("datetime64[D]"), dates.astype("datetime64[M]")
    missing = np.isnat(dates)
    number: NDArray[Any]
    match part:
        case "year":
            number = dates.astype("datetime64[Y]").astype(np.int64) + 1970
        case "month":
            number = months.astype(np.int64) % 12 + 1
        case "day":
            number = (days - months).astype(np.int64) + 1
        case "weekday":
            number = (days.astype(np.int64) + 3) % 7
        case "hour":
            number = (dates.astype("datetime64[h]") - days).astype(np.int64)
        case _:
            number = days.astype(np.int64)
    return np.where(missing, np.nan, number.astype(np.float64))


def load_feature_function(path: str) -> FeatureFunction:
    """Import ``module:function``.

    Raises:
        TagshipError: no such module or function.
    """
    return load_function(path, "features", "src/features/")
