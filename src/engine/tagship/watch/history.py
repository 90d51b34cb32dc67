"""What every look found, as small files: here, and on a branch of the remote that only grows."""

import json
from collections.abc import Iterable
from pathlib import Path

from tagship.files import write_atomically
from tagship.gitops.git import Git
from tagship.gitops.journal import append
from tagship.watch.look import Look

BRANCH = "monitor"
FOLDER = Path(".tagship") / "monitor"


def path_of(look: Look) -> str:
    """``history/<model>/<environment>/<time>.json``, in order of time by name."""
    stamp = look.time.replace("-", "").replace(":", "")
    return f"history/{look.model}/{look.environment}/{stamp}.json"


def keep(root: Path, looks: Iterable[Look]) -> None:
    """Write what was found; a look that ended in an error found nothing."""
    for look in _found(looks):
        write_atomically(root / FOLDER / path_of(look), _text(look))


def last_run(root: Path, look: Look) -> str | None:
    """When a look at this model last ended here without an error."""
    folder = (root / FOLDER / path_of(look)).parent
    return max((path.stem for path in folder.glob("*.json")), default=None)


def publish(root: Path, looks: Iterable[Look]) -> str:
    """Append what was found to the branch ``monitor`` of the remote, and give its commit.

    Raises:
        TagshipError: the remote refuses.
    """
    found = _found(looks)
    lines = [f"{look.model}/{look.environment}: {look.status}" for look in found]
    if not found:
        return ""
    message = "\n".join([f"monitor: {found[0].time}", "", *lines]) + "\n"
    return append(Git(root), BRANCH, {path_of(look): _text(look) for look in found}, message)


def _found(looks: Iterable[Look]) -> list[Look]:
    return [look for look in looks if look.status != "error"]


def _text(look: Look) -> str:
    content = look.model_dump(mode="json")
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
