"""A length of time as config files spell it: ``30m``, ``24h``, ``7d``."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

Duration = Annotated[str, Field(pattern="^[1-9][0-9]{0,4}[mhd]$")]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """The time that a valid duration spells."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
