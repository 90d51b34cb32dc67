"""A proposal of a newly trained model by `retrain` or `tune`: its training in a work tree of the
default branch, its commit, and its branch.

It is also committed and pushed by a job that runs nothing of the project.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from tagship.config.project_files import ModelFiles
from tagship.config.root import check_model_name
from tagship.errors import TagshipError
from tagship.files import only_one
from tagship.formatting import brief
from tagship.gates.champion import read_champion
from tagship.gates.champion_artifact import fetch
from tagship.gitops.deployment_rules import refuse_rejected_artifact
from tagship.gitops.propose import push_branch
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.subprocesses import run_engine
from tagship.training.lock import Lock, read_lock
from tagship.verdict import Verdict, read_verdict

Say = Callable[[str], None]
ProposalState = Literal["proposed", "unchanged", "refused"]
_TRAILERS = {"retrain": "Retrained: ", "tune": "Tuned: "}
"""Of the commits that each command makes on its branch; others are not replaced."""
_LARGEST = 10_000_000


@dataclass(frozen=True)
class ModelProposal:
    """What became of a retraining or of a search for better parameters."""

    model: str
    state: ProposalState
    why: str
    """One sentence: what is new, or why there is nothing to propose."""
    branch: str = ""
    """Empty when there is nothing to propose."""
    commit: str = ""
    title: str = ""
    body: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    """The files that the proposal changes, with their texts."""


def branch_of(model: str, command: str) -> str:
    """The one branch of a model for ``retrain`` or ``tune``."""
    return f"{command}/{model}"


@contextmanager
def proposal_tree(
    root: Path, key: str, branch: str, *folders: str
) -> Iterator[tuple[Snapshot, Path]]:
    """What the remote says, and a work tree of its default branch to train in.

    Args:
        key: names what only one process does at a time.
        branch: where the proposal is to go.
        folders: of ``.tagship``, which the work tree shares with the project.

    Raises:
        TagshipError: another process holds ``key``, there is no remote, or the branch holds someone
            else's commits.
    """
    with only_one(root, key):
        snapshot = fetch_snapshot(root)
        _refuse_foreign_commits(snapshot, branch)
        with snapshot.git.checkout(snapshot.head) as tree:
            share_folders(root, tree, *folders)
            yield snapshot, tree


def share_folders(root: Path, tree: Path, *names: str) -> None:
    """Let a work tree use these folders of the project's own ``.tagship``."""
    for name in names:
        folder, link = root / ".tagship" / name, tree / ".tagship" / name
        folder.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder.resolve())


def train_and_judge(snapshot: Snapshot, files: ModelFiles, say: Say) -> tuple[Lock, Verdict]:
    """Train in a work tree, judge by every gate, and write the lock there.

    Raises:
        TagshipError: the training or a gate fails, or the artifact was rejected.
    """
    run_engine(files.root, "train", files.name)
    lock = read_lock(files.work / "lock.yaml")
    refuse_rejected_artifact(snapshot, files.name, lock.artifact.sha256)
    _fetch_champion(snapshot, files.name, say)
    say("judging by every gate")
    verdict = _judge(files)
    run_engine(files.root, "lock", "write", files.name)
    return lock, verdict


def propose_model(
    snapshot: Snapshot,
    command: str,
    files: ModelFiles,
    why: str,
    title: str,
    body: str,
    push: bool,
    others: Iterable[str] = (),
) -> ModelProposal:
    """Commit what a work tree's config folder holds now, with ``others`` of its files, and push it.

    Raises:
        TagshipError: someone moved the branch meanwhile.
    """
    texts = {path: _text(files.root / path) for path in others} | config_texts(files)
    branch = branch_of(files.name, command)
    proposal = ModelProposal(files.name, "proposed", why, branch, "", title, body, texts)
    proposal = replace(proposal, commit=_commit(snapshot, proposal))
    if push:
        push_branch(snapshot, branch, proposal.commit)
    return proposal


def refused_proposal(files: ModelFiles, error: TagshipError) -> ModelProposal:
    """The answer where data or a model may not be proposed; no path leads to the work tree."""
    why = str(error.without_data()).replace(f"{files.root}/", "")
    return ModelProposal(files.name, "refused", why)


def config_texts(files: ModelFiles) -> dict[str, str]:
    """The files of a model's config folder by their path in the project."""
    paths = (path for path in files.folder.iterdir() if path.is_file())
    return {str(path.relative_to(files.root)): _text(path) for path in paths}


def read_proposal(path: Path, command: str) -> ModelProposal:
    """Read what ``retrain`` or ``tune --propose`` printed with ``--json``, whoever ran it.

    Raises:
        TagshipError: it is none, or it would change more than a model's own folder in config/.
    """
    try:
        proposal = TypeAdapter(ModelProposal).validate_python(
            json.loads(path.read_text(encoding="utf-8"))
        )
    except (ValueError, ValidationError) as error:
        raise TagshipError(f"{path}: no answer of `tagship {command} --json`: {error}") from None
    check_model_name(proposal.model)
    branch = branch_of(proposal.model, command)
    if proposal.branch not in ("", branch):
        raise TagshipError(f"{path}: branch {proposal.branch!r} is not {branch}")
    for name, text in proposal.files.items():
        if not re.fullmatch(rf"config/{proposal.model}/[A-Za-z0-9_][A-Za-z0-9._-]*", name):
            raise TagshipError(f"{path}: {name!r} is no file of config/{proposal.model}")
        if len(text) > _LARGEST:
            raise TagshipError(f"{path}: {name} has more than {_LARGEST:,} characters")
    return proposal


def push_proposal(root: Path, proposal: ModelProposal) -> str:
    """Commit a proposal and push its branch; gives the commit.

    Raises:
        TagshipError: the branch holds someone else's commits, or the remote refuses.
    """
    snapshot = fetch_snapshot(root)
    _refuse_foreign_commits(snapshot, proposal.branch)
    commit = _commit(snapshot, proposal)
    push_branch(snapshot, proposal.branch, commit)
    return commit


def _commit(snapshot: Snapshot, proposal: ModelProposal) -> str:
    """The default branch's head with the proposal's files; the same again gives the same commit."""
    trailer = _TRAILERS[proposal.branch.partition("/")[0]]
    message = f"{proposal.title}\n\n{proposal.why}.\n\n{trailer}{proposal.model}\n"
    return snapshot.git.commit(snapshot.head, proposal.files, message)


def _refuse_foreign_commits(snapshot: Snapshot, branch: str) -> None:
    """Refuse to replace a branch that holds what somebody else committed."""
    tip = snapshot.remote.heads.get(branch)
    if tip is None:
        return
    command = branch.partition("/")[0]
    snapshot.git.fetch(tip)
    form = ("--no-merges", "--format=%h%x00%B%x01")
    commits = snapshot.git.run("log", *form, tip, f"^{snapshot.head}")
    for entry in filter(None, commits.strip().split("\x01")):
        short, _, message = entry.strip().partition("\0")
        if _TRAILERS[command] not in message:
            raise TagshipError(
                f"branch {branch}: commit {short} was not made by `tagship {command}`",
                "merge or close its pull request and delete the branch, then run this again",
            )


def _fetch_champion(snapshot: Snapshot, model: str, say: Say) -> None:
    """Fetch it here, where the registry's login is known; in the work tree it is not."""
    champion = snapshot.champion(model)
    if champion is not None:
        missing = fetch(read_champion(snapshot.git, model, champion), say)
        if missing:
            say(f"{champion}: {missing}")


def _judge(files: ModelFiles) -> Verdict:
    """The verdict by the gates of the work tree, which must not fail."""
    path = files.work / "verdict.json"
    try:
        run_engine(files.root, "gate", files.name)
    except TagshipError:
        if not path.is_file():
            raise
    verdict = read_verdict(path)
    if verdict.status == "fail":
        failed = [
            f"  {r.gate} {r.subject}: "
            + (f"{brief(r.value)}, wanted {r.limit}" if r.value is not None else r.detail)
            for r in verdict.of_status("fail")
        ]
        raise TagshipError("\n".join(["the verdict is fail", *failed]))
    return verdict


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="surrogateescape")
