"""A model's BentoML service: what ``bentos/<model>/service.py`` makes in one line."""

import gc
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bentoml
from starlette.middleware.cors import CORSMiddleware

from tagship.contract.example import example_value
from tagship.errors import TagshipError
from tagship.serving.answering import Answering
from tagship.serving.api_document import SCRIPT, document, page
from tagship.serving.artifact_record import check_log_folder, load_checked
from tagship.serving.draining import drain_on_sigterm
from tagship.serving.http import PredictPath
from tagship.serving.openapi_types import answer_type, request_type
from tagship.serving.predictor import Predictor
from tagship.serving.request_reader import encode_json
from tagship.serving.settings import Settings

SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]
"""Edges of the latency histogram; an objective's latency should be one of them."""


_TRACING = {"exporter_type": "otlp", "sample_rate": 1.0, "otlp": {"protocol": "http"}}
"""Every request, to where ``OTEL_EXPORTER_OTLP_…`` variables say."""


def make_service(name: str, file: str) -> Any:
    """The service of the artifact that stands beside ``file``, in ``artifact/``.

    Raises:
        SystemExit: the artifact is not the recorded one, its feature function cannot be imported,
            or a setting cannot be used; no worker is started only to fail.
    """
    artifact = Path(file).parent / "artifact"
    try:
        settings = Settings.from_environment()
        _, boundary = load_checked(artifact)
        check_log_folder(settings.log_dir)
        example = {field.name: example_value(asdict(field)) for field in boundary.fields}
        settings.check_record(len(encode_json(example)))
    except TagshipError as error:
        raise SystemExit(f"error: {error}") from None
    os.environ["OTEL_SDK_DISABLED"] = "false" if settings.tracing else "true"
    holder: list[Answering] = []
    request, answer = request_type(name, boundary), answer_type(name, boundary)
    api = document(name, boundary, settings, request, answer)

    @bentoml.service(
        name=name,
        tracing=_TRACING if settings.tracing else {"excluded_urls": [".*"]},
        logging={"access": {"enabled": settings.access_log}},
        metrics={"duration": {"buckets": SECONDS}},
    )
    class ModelService:
        def __init__(self) -> None:
            holder[:] = [Answering(Predictor(artifact, settings.threads), settings)]
            if settings.gc_freeze:
                gc.collect()
                gc.freeze()  # what is loaded now stays; the collector need not walk it again
                gc.set_threshold(700, 50, 100)

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        async def drain(self) -> None:
            """Finish what was asked when the end comes."""
            drain_on_sigterm(settings.drain_seconds)

        async def predict(self, request: Any, /) -> Any:
            """Predict for one record, or an array of records."""
            raise AssertionError("requests are answered in front of this route")

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            """Write what waits in the log."""
            holder[0].close()

        predict.__annotations__.update({"request": request, "return": answer})
        predict = bentoml.api(predict, route="/predict")

    service: Any = ModelService
    if settings.cors_origins:
        service.add_asgi_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["x-request-id"],
        )
    pages = {
        "/": (b"text/html; charset=utf-8", page(name)),
        "/docs.js": (b"text/javascript; charset=utf-8", SCRIPT),
        "/docs.json": (b"application/json", encode_json(api)),
    }
    service.add_asgi_middleware(PredictPath, holder=holder, pages=pages)
    return service
