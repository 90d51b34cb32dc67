"""Every observation as a small file: here, and on a branch of the remote that only grows."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tagship.config.root import check_model_name
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.gitops.append_only_branch import append_files
from tagship.gitops.git import Git
from tagship.monitoring.verdicts import Observation

BRANCH = "monitor"
FOLDER = Path(".tagship") / "monitor"


Entry = Mapping[str, Any]
"""An observation as `tagship monitor --json` prints it."""


def path_of(entry: Entry) -> str:
    """``history/<model>/<environment>/<time>.json``, in order of time by name.

    Raises:
        TagshipError: it has no such model, environment or time.
    """
    model, environment, time = (str(entry.get(key)) for key in ("model", "environment", "time"))
    check_model_name(model)
    stamp = time.replace("-", "").replace(":", "")
    if not re.fullmatch(r"[a-z0-9-]{1,53}", environment) or not re.fullmatch(r"[0-9TZ+.]+", stamp):
        raise TagshipError(f"{model}: {environment!r} or {time!r} is none that an observation has")
    return f"history/{model}/{environment}/{stamp}.json"


def write_observation(root: Path, observation: Observation) -> Observation:
    """Write an observation, and give it back; as an error where it cannot be written.

    One that ended in an error is not written.
    """
    if observation.status == "error":
        return observation
    entry = observation.model_dump(mode="json")
    try:
        write_atomically(root / FOLDER / path_of(entry), _text(entry))
    except TagshipError as error:
        return observation.model_copy(update={"status": "error", "error": str(error)})
    return observation


def last_run(root: Path, observation: Observation) -> str | None:
    """When an observation of this model last ended here without an error."""
    folder = (root / FOLDER / path_of(observation.model_dump(mode="json"))).parent
    return max((path.stem for path in folder.glob("*.json")), default=None)


def publish(root: Path, entries: Iterable[Entry]) -> str:
    """Append observations to the branch ``monitor`` of the remote, and give its commit.

    Raises:
        TagshipError: an entry is not an observation's, or the remote refuses.
    """
    usable = [entry for entry in entries if entry.get("status") != "error"]
    files = {path_of(entry): _text(entry) for entry in usable}
    lines = [f"{entry['model']}/{entry['environment']}: {entry['status']}" for entry in usable]
    if not usable:
        return ""
    message = "\n".join([f"monitor: {usable[0]['time']}", "", *lines]) + "\n"
    return append_files(Git(root), BRANCH, files, message)


def _text(entry: Entry) -> str:
    return json.dumps(entry, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
