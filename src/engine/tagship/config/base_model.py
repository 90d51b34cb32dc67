"""The base of every config model: frozen, strict, closed."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Unknown keys, loose types, NaN and infinity are refused; nothing changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
