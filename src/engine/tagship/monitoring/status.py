"""What a look at a running model can say, and which of several answers counts."""

from collections.abc import Iterable
from typing import Literal

Status = Literal["ok", "no data", "warn", "fail"]

ORDER: tuple[Status, ...] = ("ok", "no data", "warn", "fail")
"""From best to worst."""


def worst(found: Iterable[Status]) -> Status:
    """The worst of some answers; without any there is no data."""
    return max(found, key=ORDER.index, default="no data")
