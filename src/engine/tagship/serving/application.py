"""A bento's service as the ASGI application that a worker of ours runs."""

import logging.config
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import onnxruntime  # noqa: F401  # a worker would import it late
from bentoml import server_context
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tagship.serving.http import OWN_PATHS, KnownPaths
from tagship.serving.settings import Settings

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s [%(levelname)s] [%(name)s] %(message)s"}},
    "handlers": {
        "out": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "stream": "ext://sys.stdout",
        }
    },
    "loggers": {
        "bentoml": {"level": "INFO", "handlers": ["out"], "propagate": False},
        "uvicorn.error": {"level": "WARNING", "handlers": ["out"], "propagate": False},
    },
    "root": {"level": "WARNING"},
}


def make_application(bento: Path, settings: Settings) -> Any:
    """Load a bento with everything imported that a worker needs, and nothing started.

    Raises:
        SystemExit: the service refuses to be made; see ``make_service``.
    """
    logging.config.dictConfig(_LOGGING)
    service: Any = bentoml.load(str(bento), standalone_load=True)
    server_context.service_type = "entry_service"
    server_context.service_name = service.name
    server_context.service_routes = [api.route for api in service.apis.values()]
    server_context.bento_name = service.bento.tag.name
    server_context.bento_version = service.bento.tag.version
    app = service.to_asgi(is_main=True)
    # A request has its time limit in the request path. BentoML's starts a timer a request and never
    # stops it: at 6,000 requests/s that is 200,000 live timers. Its tracing costs without a trace.
    idle = {"TimeoutMiddleware"} | (set() if settings.tracing else {"OpenTelemetryMiddleware"})
    layers = [layer for layer in app.user_middleware if layer.cls.__name__ not in idle]
    app.user_middleware = [Middleware(KnownPaths, paths=frozenset(_paths(app))), *layers]
    return app


def _paths(app: Any) -> Iterator[str]:
    """Every path that leads somewhere."""
    yield from OWN_PATHS
    for route in app.routes:
        yield route.path
        if isinstance(route, Mount) and isinstance(route.app, StaticFiles):
            for folder in map(Path, route.app.all_directories):
                for path in folder.rglob("*"):
                    yield f"{route.path}/{path.relative_to(folder).as_posix()}"
