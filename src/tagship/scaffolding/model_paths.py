"""Which paths are one model's own: one list for ``tagship remove`` and for the template's hooks.

Standard library only: the hooks load this file by its path, with no engine installed.
"""

from collections.abc import Iterable

PATTERNS = (
    "config/{model}/",
    "bentos/{model}/",
    "deploy/{model}/",
    "src/features/{module}.py",
    "tests/examples/test_{module}.py",
)
"""Folders end in a slash. ``{module}`` is the model's name as Python spells it."""


def model_paths(model: str) -> list[str]:
    """A model's own folders and files; ``config/<model>/``, which makes it a model, is first."""
    return [pattern.format(model=model, module=model.replace("-", "_")) for pattern in PATTERNS]


def is_under(path: str, places: Iterable[str]) -> bool:
    """Whether a path is one of the places, or lies in one that ends in a slash."""
    return any(path.startswith(place) if place.endswith("/") else path == place for place in places)
