"""The one float32 boundary that training and serving share. numpy only.

Columns go in by name, one float32 matrix comes out: numbers, then derived features, then the
codes of categories (their index in the contract's values, -1 when missing).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.project_functions import load_function

Columns = Mapping[str, NDArray[Any]]
FeatureFunction = Callable[[Columns], Mapping[str, NDArray[Any]]]


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


@dataclass(frozen=True)
class Boundary:
    """What a model takes (``fields``), derives and gives (``classes``)."""

    task: str
    fields: tuple[Field, ...]
    derive: str | None = None
    """``module:function`` of the feature function."""
    derived: tuple[str, ...] = ()
    """The names it gives, in the matrix's order."""
    classes: tuple[str, ...] = ()
    """Labels in the order of the artifact's probabilities; empty for regression."""
    threshold: float = 0.5
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
    def names(self) -> tuple[str, ...]:
        """The matrix's columns."""
        return (*self.numeric_names, *self.derived, *(f.name for f in self.categories))

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
        made = np.empty((rows, len(self.names)), dtype=np.float32)
        at = 0
        for name in self.numeric_names:
            made[:, at] = columns[name]
            at += 1
        if self.derive is not None:
            given = self.derive_columns(columns)
            for name in self.derived:
                made[:, at] = given[name]
                at += 1
        for category in self.categories:
            made[:, at] = columns[category.name]
            at += 1
        return made

    def load(self) -> None:
        """Import the feature function, if there is one.

        Raises:
            TagshipError: it cannot be imported.
        """
        if self.derive is not None and not self._function:
            self._function.append(load_feature_function(self.derive))

    def derive_columns(self, columns: Columns) -> Mapping[str, NDArray[Any]]:
        """Call the feature function with text instead of codes."""
        self.load()
        readable = dict(columns)
        for f in self.fields:
            if f.dtype == "category":
                texts = np.array([*map(str, f.values), None], dtype=object)
                readable[f.name] = texts[columns[f.name]]
        return self._function[0](readable)

    def to_json(self) -> str:
        """The boundary as the JSON text that travels with the artifact."""
        content = asdict(self)
        del content["_function"]
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Boundary":
        """Read what ``to_json`` wrote."""
        content = json.loads(text)
        fields = tuple(
            Field(**{**item, "values": tuple(item["values"])}) for item in content.pop("fields")
        )
        for key in ("derived", "classes"):
            content[key] = tuple(content[key])
        return cls(fields=fields, **content)


def load_feature_function(path: str) -> FeatureFunction:
    """Import ``module:function``.

    Raises:
        TagshipError: no such module or function.
    """
    return load_function(path, "features", "src/features/")
