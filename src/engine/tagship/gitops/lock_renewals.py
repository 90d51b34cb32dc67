"""Renewed locks on a pull request's branch: one commit of lock files, and what is said of it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from tagship.config.root import check_model_name
from tagship.errors import TagshipError
from tagship.gitops.git import Git

FILES = ("model.lock.yaml", "reference.json")
_LARGEST = 5_000_000
"""Bytes of a file that came from another job."""
_REVIEW = (
    "For each that needs a review: `tagship run MODEL` on this branch, look at the new lock, and"
    " commit it."
)
_PUSHED = (
    "The renewed locks are on this branch. Where no TAGSHIP_TOKEN is kept, close and reopen the"
    " pull request to start its checks on them."
)


class RenewedLock(BaseModel):
    """One model, as `tagship lock renew --json` says it."""

    model: str
    state: str
    why: str


def read_renewals(path: Path) -> list[RenewedLock]:
    """What `tagship lock renew --json` printed.

    Raises:
        TagshipError: it is not that, or names what cannot be a model.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        renewals = TypeAdapter(list[RenewedLock]).validate_python(content)
    except (OSError, ValueError, ValidationError) as error:
        raise TagshipError(
            f"{path}: not what `tagship lock renew --json` prints: {str(error).splitlines()[0]}",
            "run it again",
        ) from None
    for renewal in renewals:
        check_model_name(renewal.model)
    return renewals


def commit_renewals(
    root: Path, renewals: Iterable[RenewedLock], folder: Path, branch: str, commit: str
) -> bool:
    """Push one commit on ``commit`` that replaces the renewed models' files, and nothing else.

    ``folder`` holds ``<model>/model.lock.yaml`` and ``<model>/reference.json``; nothing of the
    branch is checked out or run. Say whether there was anything to push.

    Raises:
        TagshipError: a file is missing, too large or a link; or the branch has moved meanwhile.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise TagshipError(f"{commit!r}: not a commit's 40 hexadecimal digits")
    texts = {
        f"config/{renewal.model}/{name}": _text(folder / renewal.model / name)
        for renewal in renewals
        if renewal.state == "renewed"
        for name in FILES
    }
    if not texts:
        return False
    git = Git(root)
    git.fetch(commit)
    models = ", ".join(sorted({path.split("/")[1] for path in texts}))
    new_commit = git.commit(
        commit, texts, f"build: renew the locks of {models}\n\nTheir models stay."
    )
    if not git.push(new_commit, f"refs/heads/{branch}", expected=commit):
        raise TagshipError(
            f"branch {branch}: it has moved since {commit[:12]}",
            "the run for its new commit renews",
        )
    return True


def _text(path: Path) -> str:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        raise TagshipError(f"{path}: no such file, a link, or above {_LARGEST:,} bytes")
    return path.read_text(encoding="utf-8")


def describe_renewals(renewals: Iterable[RenewedLock], pushed: bool) -> str:
    """What a reviewer reads: which locks were renewed, and which models need a person."""
    outdated = [renewal for renewal in renewals if renewal.state != "current"]
    if not outdated:
        return "Every lock is current.\n"
    lines = ["| model | lock | why |", "|---|---|---|"]
    for renewal in outdated:
        state = "renewed: the same model" if renewal.state == "renewed" else "**needs a review**"
        why = re.sub(r"[|`<>@\n]", " ", renewal.why)
        lines.append(f"| `{renewal.model}` | {state} | {why} |")
    if any(renewal.state == "review" for renewal in outdated):
        lines += ["", _REVIEW]
    if pushed:
        lines += ["", _PUSHED]
    return "\n".join(lines) + "\n"
