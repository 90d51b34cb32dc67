"""What files of old commits say, whichever engine wrote them: read fast, and believed little."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from tagship.training.lock import Interval


@dataclass(frozen=True)
class LockedFacts:
    """What any engine's lock says; None and empty where it does not."""

    data_sha256: str | None = None
    candidate: str | None = None
    metrics: Mapping[str, Interval] = field(default_factory=dict)


def read_words(text: str | None) -> Any:
    """YAML with each scalar as it is written; None where it cannot be read.

    Thousands of files are read for a site: libyaml does in one second what takes a minute else.
    """
    import yaml  # BentoML brings PyYAML

    try:
        return yaml.load(text or "", getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def section(content: Any, *keys: str) -> Any:
    """What stands under keys of nested mappings; None where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def locked_facts(text: str | None) -> LockedFacts:
    """What a lock says of its data, its winner and its metrics on the holdout."""
    content = read_words(text)
    metrics = {}
    listed = section(content, "metrics")
    for name, value in listed.items() if isinstance(listed, dict) else ():
        try:
            bounds = {key: float(value[key]) for key in ("value", "low", "high")}
            metrics[name] = Interval.model_validate(bounds)
        except (KeyError, TypeError, ValueError, ValidationError):
            continue
    return LockedFacts(
        data_sha256=_word(section(content, "data", "sha256")),
        candidate=_word(section(content, "winner", "candidate")),
        metrics=metrics,
    )


@lru_cache(maxsize=4096)
def card_owner(text: str | None) -> str | None:
    """Who owns a model, as the card of its model.yaml says."""
    return _word(section(read_words(text), "card", "owner"))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
