"""What took long to compute, kept beside the training that it is of."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tagship.files import write_json

Result = TypeVar("Result")


def key_of(*parts: object) -> str:
    """The SHA-256 of all that decides a result; another training has another."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def keep(path: Path, key: str, result: Any) -> None:
    """Write a result under its key."""
    write_json(path, {"key": key, "result": result})


def kept(path: Path, key: str, read: Callable[[Any], Result]) -> Result | None:
    """The result that was kept under this key, as ``read`` makes it of its JSON; else None."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return read(content["result"]) if content["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
