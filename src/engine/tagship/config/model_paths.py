"""Which paths are one model's own: one list for ``tagship remove`` and for the template's hooks.

Standard library only: the hooks load this file by its path, with no engine installed.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

PATTERNS = (
    "config/{model}/",
    "bentos/{model}/",
    "deploy/{model}/",
    "src/features/{module}.py",
    "tests/features/test_{module}.py",
    "src/sources/{module}.py",
    "tests/sources/test_{module}_source.py",
)
"""Folders end in a slash. ``{module}`` is the model's name as Python writes it."""


def model_paths(model: str) -> list[str]:
    """A model's own folders and files; ``config/<model>/``, which makes it a model, is first."""
    return [pattern.format(model=model, module=model.replace("-", "_")) for pattern in PATTERNS]


def is_under(path: str, places: Iterable[str]) -> bool:
    """Whether a path is one of the places, or lies in one that ends in a slash."""
    return any(path.startswith(place) if place.endswith("/") else path == place for place in places)


def is_matched(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path, or a folder above it, is what one of the patterns says."""
    places = [PurePosixPath(path), *PurePosixPath(path).parents]
    return any(
        len(place.parts) == pattern.count("/") + 1 and place.match(pattern)
        for pattern in patterns
        for place in places
    )
