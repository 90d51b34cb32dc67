"""``behaviour.json`` of a model's work folder: the last comparison with the champion."""

from pathlib import Path

from pydantic import ValidationError

from tagship.behaviour.difference import Behaviour
from tagship.files import write_json
from tagship.verdict import Verdict

_NAME = "behaviour.json"


def write_behaviour(folder: Path, behaviour: Behaviour | None) -> None:
    """Write what was compared; without a champion no older file stays."""
    if behaviour is None:
        (folder / _NAME).unlink(missing_ok=True)
    else:
        write_json(folder / _NAME, behaviour.model_dump(mode="json"))


def read_behaviour(folder: Path, verdict: Verdict) -> Behaviour | None:
    """What was compared when a verdict was given; None when nothing was, or by another engine."""
    try:
        behaviour = Behaviour.model_validate_json((folder / _NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
    about = (verdict.lock_sha256, verdict.champion)
    return behaviour if (behaviour.lock_sha256, behaviour.champion) == about else None
