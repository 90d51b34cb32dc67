"""The base of every config model: frozen, strict, closed."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


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
