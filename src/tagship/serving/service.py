"""A model's BentoML service: what ``bentos/<model>/service.py`` makes in one line."""

import gc
import json
from pathlib import Path
from typing import Any, Literal

import bentoml
from pydantic import BaseModel, ConfigDict, Field, create_model

from tagship.data.boundary import Boundary
from tagship.data.boundary import Field as Column
from tagship.errors import TagshipError
from tagship.serving.http import PredictPath, Refused, answer_content
from tagship.serving.predictor import Predictor
from tagship.serving.record import load_record


def make_service(name: str, file: str) -> Any:
    """The service of the artifact that stands beside ``file``, in ``artifact/``.

    Raises:
        SystemExit: the artifact is not the recorded one; no worker is started only to fail.
    """
    artifact = Path(file).parent / "artifact"
    try:
        load_record(artifact)
    except TagshipError as error:
        raise SystemExit(f"error: {error}") from None
    boundary = Boundary.from_json((artifact / "boundary.json").read_text(encoding="utf-8"))
    record_type = record_model(name, boundary)
    answer_type = answer_model(name, boundary)
    holder: list[Predictor] = []

    @bentoml.service(
        name=name,
        traffic={"timeout": 30},
        tracing={"excluded_urls": [".*"]},
        logging={"access": {"enabled": False}},
    )
    class ModelService:
        def __init__(self) -> None:
            holder[:] = [Predictor(artifact)]
            gc.collect()
            gc.freeze()  # what is loaded now stays; the collector need not walk it again
            gc.set_threshold(700, 50, 100)

        async def predict(self, request: Any, /) -> Any:
            """Predict for one record, or for an array of them."""
            try:
                return answer_content(holder[0], json.loads(request.model_dump_json()))
            except Refused as refusal:
                raise bentoml.exceptions.InvalidArgument(json.dumps(refusal.body)) from None

        predict.__annotations__.update({"request": record_type, "return": answer_type})
        predict = bentoml.api(predict, route="/predict")

    service: Any = ModelService
    service.add_asgi_middleware(PredictPath, holder=holder)
    return service


def record_model(name: str, boundary: Boundary) -> type[BaseModel]:
    """A request's record as a pydantic model, for the OpenAPI document."""
    fields: dict[str, Any] = {
        f"field_{index}": (_annotation(column), Field(alias=column.name, **_limits(column)))
        for index, column in enumerate(boundary.fields)
    }
    return create_model(
        f"{name}_record", __config__=ConfigDict(extra="forbid", populate_by_name=False), **fields
    )


def answer_model(name: str, boundary: Boundary) -> type[BaseModel]:
    """An answer as a pydantic model, for the OpenAPI document."""
    fields: dict[str, Any] = {"release": (str, ...), "request_id": (str, "")}
    if boundary.task == "regression":
        fields["prediction"] = (float, ...)
    else:
        fields["prediction"] = (Literal[boundary.classes], ...)
        fields["probability"] = (float, Field(ge=0, le=1))
    if boundary.task == "multiclass":
        fields["probabilities"] = (dict[str, float], ...)
    return create_model(f"{name}_answer", **fields)


def _annotation(column: Column) -> Any:
    kinds: dict[str, Any] = {"float": float, "int": int, "bool": bool}
    kind = Literal[column.values] if column.dtype == "category" else kinds.get(column.dtype, str)
    return kind | None if column.nullable else kind


def _limits(column: Column) -> dict[str, Any]:
    limits = {"ge": column.min, "le": column.max}
    return {key: value for key, value in limits.items() if value is not None}
