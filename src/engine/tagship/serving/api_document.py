"""The service's OpenAPI document (3.0.3) and the page that shows it, without any third party.

Swagger UI itself comes from the copy that BentoML serves under ``/static_content``.
"""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from tagship.contract.boundary import Boundary
from tagship.contract.example import example_value
from tagship.serving.settings import Settings

_REFUSALS = {
    "400": "Not JSON, not UTF-8, a key twice, or headers that say different things",
    "401": "No valid key",
    "404": "No such prediction was made here; or the service keeps no log, nor feedback",
    "408": "The body did not arrive in time",
    "413": "The body is too large, or holds too many rows",
    "415": "The body is of another media type",
    "422": "Against the contract, or the model has no number for it",
    "429": "Too many requests with this key: `Retry-After` says how long to wait",
    "503": "Too many requests at once, or the answer took too long: try again",
}
SCRIPT = b"""SwaggerUIBundle({
  url: "docs.json", dom_id: "#api", deepLinking: true, validatorUrl: null,
});
"""


def page(name: str) -> bytes:
    """The page at ``/``; a bento's name holds no markup."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: the prediction service</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static_content/swagger-ui.css">
<div id="api"></div>
<noscript>This page needs JavaScript; its content is <a href="docs.json">docs.json</a>.</noscript>
<script src="static_content/swagger-ui-bundle.js"></script>
<script src="docs.js"></script>
</html>
""".encode()


def document(
    name: str, boundary: Boundary, settings: Settings, request: Any, answer: Any
) -> dict[str, Any]:
    """What the service takes and gives; ``request`` and ``answer`` are its types of predictions."""
    example = {field.name: example_value(asdict(field)) for field in boundary.fields}
    problems = {"type": "array", "items": _object(row="integer", field="string", problem="string")}
    error = _object(error="string", request_id="string")
    error["properties"]["fields"] = problems
    guarded: list[Any] = [{"key": []}] if settings.api_keys else []
    schemes = {"key": {"type": "http", "scheme": "bearer"}} if settings.api_keys else {}
    record, records = TypeAdapter(request).json_schema()["oneOf"]
    body = {"oneOf": [record, records | {"minItems": 1}]}
    many = {"value": [example, example], "summary": "several records"}
    predict = _operation(
        "predict",
        "Predict for one record, or an array of records",
        TypeAdapter(answer).json_schema(),
        error,
        {
            "application/json": {
                "schema": body,
                "examples": {"one": {"value": example, "summary": "one record"}, "many": many},
            }
        },
    )
    label = _label(boundary, settings)
    feedback = _operation(
        "feedback",
        "Send what really happened, for a row of an earlier answer",
        _object(received="integer"),
        error,
        {
            "application/json": {
                "schema": {
                    "oneOf": [
                        label,
                        {"type": "array", "items": label, "minItems": 1},
                    ]
                }
            }
        },
    )  # fmt: skip
    info = _operation("info", "What runs: the record of the release", _words(), error)
    return {
        "openapi": "3.0.3",
        "info": {"title": name, "version": "1", "description": _ABOUT},
        "paths": {
            "/predict": {"post": predict | {"security": guarded}},
            "/feedback": {"post": feedback | {"security": guarded}},
            "/info": {"get": info},
            "/livez": {"get": _probe("livez", "Whether the process lives")},
            "/readyz": {"get": _probe("readyz", "Whether it can predict")},
            "/metrics": {"get": _probe("metrics", "Metrics in Prometheus' text format")},
        },
        "components": {"securitySchemes": schemes},
    }


_ABOUT = (
    "Nothing that breaks the contract reaches the model. `request_id` of an answer is what"
    " feedback names."
)


def _operation(
    name: str, summary: str, answer: Any, error: Any, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An operation; one that takes a body may be refused in every way."""
    operation: dict[str, Any] = {"operationId": name, "summary": summary, "tags": ["model"]}
    operation["responses"] = {"200": _answer("The answer", answer)}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
        for status, why in _REFUSALS.items():
            if status != "404" or name == "feedback":
                operation["responses"][status] = _answer(why, error)
    return operation


def _answer(why: str, schema: Any) -> dict[str, Any]:
    return {"description": why, "content": {"application/json": {"schema": schema}}}


def _probe(name: str, summary: str) -> dict[str, Any]:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["health"],
        "responses": {"200": {"description": "Yes", "content": content}},
    }


def _label(boundary: Boundary, settings: Settings) -> dict[str, Any]:
    actual: dict[str, Any] = {"type": "number"}
    if boundary.classes:
        kind = {"int": "integer", "bool": "boolean"}.get(boundary.labels, "string")
        actual = {"type": kind, "enum": list(boundary.answers)}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["request_id", "actual"],
        "properties": {
            "request_id": {"type": "string", "pattern": "^[0-9a-f]{48}$"},
            "actual": actual,
            "row": {"type": "integer", "minimum": 0, "maximum": settings.max_rows - 1},
        },
    }


def _object(**kinds: str) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in kinds.items()}
    return {"type": "object", "required": list(kinds), "properties": properties}


def _words() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"type": "string"}}
