"""Requests and answers as pydantic types, from which the OpenAPI document is made."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union

from pydantic import ConfigDict, Field, TypeAdapter, WithJsonSchema, create_model

from tagship.contract.boundary import Boundary
from tagship.contract.boundary import Field as Column
from tagship.contract.values import limits

_CLOSED = ConfigDict(extra="forbid")
_model: Callable[..., Any] = create_model
_limited: Callable[..., Any] = Field


def request_type(name: str, boundary: Boundary) -> Any:
    """A request as pydantic types, for the typed route: a record, or several."""
    record = record_model(name, boundary)
    return _documented(record, list[record])  # type: ignore[valid-type]


def record_model(name: str, boundary: Boundary) -> Any:
    """A request's record as a pydantic model."""
    return _model(f"{name}_record", __config__=_CLOSED, **_members(boundary))


def answer_type(name: str, boundary: Boundary) -> Any:
    """An answer as pydantic types: for a record, for several."""
    about: dict[str, Any] = {"release": (str, ...), "request_id": (str, ...)}
    kinds: dict[str, Any] = {"prediction": float}
    if boundary.task != "regression":
        kinds = {"prediction": Literal[boundary.answers], "probability": float}
    single: dict[str, Any] = {key: (kind, ...) for key, kind in kinds.items()}
    if boundary.task == "multiclass":
        single["probabilities"] = (dict[str, float], ...)
    row: Any = _model(f"{name}_prediction", **single)
    return _documented(
        _model(f"{name}_answer", **single, **about),
        _model(f"{name}_answers", predictions=(list[row], ...), **about),
    )


def _documented(*kinds: Any) -> Any:
    """One of several types, with the schema written out: BentoML shows only a union's first."""
    schemas = [_inlined(TypeAdapter(kind).json_schema()) for kind in kinds]
    return Annotated[Union[kinds], WithJsonSchema({"oneOf": schemas})]  # noqa: UP007


def _inlined(schema: Any, definitions: Any = None) -> Any:
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    definitions = schema.get("$defs", definitions)
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(item, definitions) for key, item in schema.items() if key != "$defs"}


def _members(boundary: Boundary) -> dict[str, Any]:
    return {
        f"field_{at}": (
            _annotation(column),
            Field(default=None if column.nullable else ..., alias=column.name),
        )
        for at, column in enumerate(boundary.fields)
    }


def _annotation(column: Column) -> Any:
    kinds: dict[str, Any] = {"float": float, "int": int, "bool": bool}
    kind: Any = kinds.get(column.dtype, str)
    if column.dtype == "category":
        kind = Literal[column.values]
        if not column.closed:
            values = ", ".join(map(str, column.values))
            kind = Annotated[str | int, _limited(description=f"known are: {values}")]
    if column.dtype in ("float", "int"):
        low, high = limits(column)
        integer = column.dtype == "int"
        kind = Annotated[
            kind,
            _limited(
                ge=math.ceil(low) if integer else low, le=math.floor(high) if integer else high
            ),
        ]
    if column.dtype == "datetime":
        kind = Annotated[kind, _limited(json_schema_extra={"format": "date-time"})]
    return kind | None if column.nullable else kind
