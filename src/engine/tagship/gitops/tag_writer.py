"""Writing deployment tags: fetch, decide, take the next number, push, and try again if another
writer was faster."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.deployment_records import Record
from tagship.gitops.deployment_rules import Verifier
from tagship.gitops.git import Git, jitter
from tagship.gitops.history import Action, Deployment, Release
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tags import compose, seen_lines

ATTEMPTS = 20
VERDICT_FILE = "verdict.json"


@dataclass(frozen=True)
class Plan:
    """A deployment that is wanted, before it has a number."""

    record: Record
    source: str
    """The commit whose ``deploy/`` is to run."""
    action: Action
    subject: str
    manifests: Mapping[str, str]
    """Trailers of what it renders to: Manifests, Kustomize."""
    extra: dict[str, str] = field(default_factory=dict)
    """Trailers of the action: Restores, Rejects, Lifts, Reason, Reviewed, Approved-By."""


@dataclass(frozen=True)
class TagResult:
    """A deployment tag, and whether this call made it."""

    name: str
    commit: str
    created: bool
    message: str
    release: str = ""
    """What it runs, where this call made it."""


Decide = Callable[[Snapshot], Plan | Deployment]


def plan_deployment(
    snapshot: Snapshot,
    record: Record,
    source: str,
    subject: str,
    extra: Mapping[str, str] | None = None,
) -> Plan:
    """The plan to run a record with the manifests of a commit, rendered.

    Raises:
        TagshipError: they cannot be rendered, or hold what nobody declared.
    """
    fingerprint = snapshot.manifests(source, record.model, record.environment)
    trailers = {"Manifests": fingerprint, "Kustomize": snapshot.renderer.version}
    return Plan(record, source, "deploy", subject, trailers, dict(extra or {}))


def tag_deployment(
    root: Path,
    model: str,
    verifier: Verifier,
    decide: Decide,
    dry_run: bool = False,
    start: Snapshot | None = None,
    again: Callable[[], Snapshot] | None = None,
) -> TagResult:
    """Tag what ``decide`` wants of a model, with the next number of its environment.

    ``decide`` is asked again after every lost race, on what is true by then; it answers with a
    deployment when there is nothing left to do. Each tag gets a commit of its own: the default
    branch's head, with the ``deploy/`` that is to run. So Argo CD never sees it before its tag,
    and its workflow files are those that ``GITHUB_TOKEN`` may push. A snapshot to ``start`` from
    saves the first fetch. A rollback gives a function that takes the snapshot ``again``: it must
    work over tags that mislead Argo CD, too.

    Raises:
        TagshipError: ``decide`` or the remote refuses.
    """
    for attempt in range(ATTEMPTS):
        if again:
            snapshot = again()
        else:
            snapshot = fetch_snapshot(root) if attempt or start is None else start
            snapshot.check_taggable(model)
        plan = decide(snapshot)
        if isinstance(plan, Deployment):
            return TagResult(plan.name, plan.commit, False, "")
        record = plan.record
        tag = snapshot.history.next_tag(record.model, record.environment)
        message = _message(snapshot, plan, str(tag), verifier)
        heads = seen_lines(snapshot.history.newest_objects())
        commit_message = f"{tag}: {plan.subject}\n\n{heads}"
        files = verdict_file(snapshot.history.releases.get(record.release))
        commit = snapshot.git.graft(snapshot.head, "deploy", plan.source, files, commit_message)
        if dry_run:
            return TagResult(str(tag), commit, False, message)
        if push_tag(snapshot.git, str(tag), commit, message, verifier.sign):
            return TagResult(str(tag), commit, True, message, record.release)
        time.sleep(jitter(attempt))
    raise TagshipError(
        f"{ATTEMPTS} other deployments took their numbers first", "run this again in a moment"
    )


def push_tag(git: Git, name: str, commit: str, message: str, sign: bool) -> bool:
    """Make an annotated tag and push it alone; False when the name is taken by now."""
    tag_object = git.tag(name, commit, message, sign)
    if not git.push(tag_object, f"refs/tags/{name}"):
        return False
    git.keep(name, tag_object)
    return True


def workflow_run() -> str:
    """The workflow run that acts, which stays the same when it is run again; empty in a shell."""
    return os.environ.get("GITHUB_RUN_ID", "")


def verdict_file(release: Release | None) -> dict[str, str]:
    """What a deployment's commit holds beside ``deploy/``: why the release may run."""
    try:
        content = json.loads(release.verdict) if release else None
    except ValueError:
        content = None
    return {VERDICT_FILE: json.dumps(content, indent=1) + "\n"} if content else {}


@contextmanager
def after(progress: str) -> Iterator[None]:
    """Let a refusal inside say first what was done before it, and stays done."""
    try:
        yield
    except TagshipError as error:
        raise TagshipError(f"{progress}; but then: {error.args[0]}", error.hint) from None


def actor(git: Git, verifier: Verifier) -> str:
    """Who acts: as told, or GitHub's actor, or git's committer."""
    return verifier.actor or os.environ.get("GITHUB_ACTOR", "") or git.identity()


def _message(snapshot: Snapshot, plan: Plan, name: str, verifier: Verifier) -> str:
    record = plan.record
    current = snapshot.history.current(record.model, record.environment)
    trailers = {
        "Model": record.model,
        "Environment": record.environment,
        "Action": plan.action,
        **record.trailers(),
        **plan.manifests,
        "Actor": actor(snapshot.git, verifier),
        "Previous": f"{current.name}@{current.raw.object}" if current else "",
        "Run": workflow_run(),
        **plan.extra,
    }
    body = f"{record.environment} runs {record.release}"
    body += f" instead of {current.release}." if current else ", its first deployment."
    return compose(f"{name}: {plan.subject}", body, trailers)
