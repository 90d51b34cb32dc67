"""Committing and pushing what a retraining made, also by a job that runs nothing of the project."""

import json
import re
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tagship.config.root import check_model_name
from tagship.errors import TagshipError
from tagship.gitops.propose import push_branch
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.monitoring.retrain_proposal import Retrained

_OURS = "Retrained: "
"""The trailer by which a branch's commits are known to be made here."""
_LARGEST = 10_000_000


def branch_of(model: str) -> str:
    """The one branch of a model's retraining."""
    return f"retrain/{model}"


def read_proposal(path: Path) -> Retrained:
    """Read what `tagship retrain --json` printed, whoever ran it.

    Raises:
        TagshipError: it is none, or it would change more than a model's own folder in config/.
    """
    try:
        made = TypeAdapter(Retrained).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise TagshipError(f"{path}: no answer of `tagship retrain --json`: {error}") from None
    check_model_name(made.model)
    if made.branch not in ("", branch_of(made.model)):
        raise TagshipError(f"{path}: branch {made.branch!r} is not {branch_of(made.model)}")
    for name, text in made.files.items():
        if not re.fullmatch(rf"config/{made.model}/[A-Za-z0-9_][A-Za-z0-9._-]*", name):
            raise TagshipError(f"{path}: {name!r} is no file of config/{made.model}")
        if len(text) > _LARGEST:
            raise TagshipError(f"{path}: {name} has more than {_LARGEST:,} characters")
    return made


def commit_proposal(snapshot: Snapshot, made: Retrained) -> str:
    """The default branch's head with the proposal's files; the same again gives the same commit."""
    message = f"{made.title}\n\n{made.why}.\n\n{_OURS}{made.model}\n"
    return snapshot.git.commit(snapshot.head, made.files, message)


def push_proposal(root: Path, made: Retrained) -> str:
    """Commit a proposal and push its branch; gives the commit.

    Raises:
        TagshipError: the branch holds someone else's commits, or the remote refuses.
    """
    snapshot = fetch_snapshot(root)
    refuse_others(snapshot, made.branch)
    commit = commit_proposal(snapshot, made)
    push_branch(snapshot, made.branch, commit)
    return commit


def refuse_others(snapshot: Snapshot, branch: str) -> None:
    """Refuse to replace a branch that holds what somebody else committed."""
    held = snapshot.remote.heads.get(branch)
    if held is None:
        return
    snapshot.git.fetch(held)
    form = ("--no-merges", "--format=%h%x00%B%x01")
    listed = snapshot.git.run("log", *form, held, f"^{snapshot.head}")
    for entry in filter(None, listed.strip().split("\x01")):
        short, _, message = entry.strip().partition("\0")
        if _OURS not in message:
            raise TagshipError(
                f"branch {branch}: commit {short} was not made by `tagship retrain`",
                "merge or close its pull request and delete the branch, then run this again",
            )
