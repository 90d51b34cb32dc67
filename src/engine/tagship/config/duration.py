"""A length of time as config files write it: ``30m``, ``24h``, ``7d``."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

Duration = Annotated[str, Field(pattern="^[1-9][0-9]{0,4}[mhd]$")]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """The length of time that a valid duration stands for."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
