"""What BentoML imports and a worker of ours never calls: a third of a service's start.

Such a module is replaced by one whose names can be imported and do nothing. `bentoml serve` imports
them all and serves the same.
"""

import sys
from types import ModuleType
from typing import Any

_UNUSED = (
    "_bentoml_impl.server.proxy",  # services that are a command of their own
    "_bentoml_impl.server.serving",  # `bentoml serve`
    "bentoml._internal.cloud",  # BentoCloud
    "bentoml._internal.cloud.base",
    "bentoml._internal.cloud.client",
    "bentoml._internal.cloud.schemas",
    "bentoml._internal.cloud.schemas.modelschemas",
    "bentoml._internal.cloud.schemas.schemasv1",
    "fsspec",  # export and import of bentos
    "fsspec.registry",
    "httpx._main",  # httpx's command line
    "jinja2",  # Dockerfiles
    "jinja2.loaders",
    "jinja2.sandbox",
    "uvicorn.main",  # uvicorn's command line
)
_TRACING = "opentelemetry.instrumentation.asgi"


class _Unused(ModuleType):
    """A module of any names."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _NoProxy:
    """The client that BentoML gives each service to call itself; ours does not."""

    to_async = to_sync = None

    def __init__(self, *_: Any, **__: Any) -> None:
        """Connect to nothing."""

    def __bool__(self) -> bool:
        """Be no client, so that BentoML takes the service's own method."""
        return False

    async def __aenter__(self) -> None:
        """Open nothing."""

    async def close(self) -> None:
        """Close nothing."""


def leave_out(*, tracing: bool) -> None:
    """Put the replacements in place; before BentoML's server is imported."""
    names = _UNUSED if tracing else (*_UNUSED, _TRACING)
    modules: dict[str, ModuleType] = {name: _Unused(name) for name in names}
    client = ModuleType("_bentoml_impl.client")
    client.RemoteProxy = _NoProxy  # type: ignore[attr-defined]
    sys.modules.update({**modules, client.__name__: client})
