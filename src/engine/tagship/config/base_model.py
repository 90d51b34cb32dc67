"""The base of every config model (frozen, strict, closed), and the values that several hold."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Character = Annotated[str, Field(min_length=1, max_length=1)]
Duration = Annotated[str, Field(pattern="^[1-9][0-9]{0,4}[mhd]$")]
"""A length of time: ``30m``, ``24h``, ``7d``."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """The length of time that a valid duration stands for."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


class Frozen(BaseModel):
    """Unknown keys, loose types, NaN and infinity are refused; nothing changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Extended(Frozen):
    """A config model that got keys after locks of it were written.

    Those keys are not written while they say what holds without them: old fingerprints stay true.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_defaults(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name in self.later & written.keys():
            if getattr(self, name) == type(self).model_fields[name].default:
                del written[name]
        return written
