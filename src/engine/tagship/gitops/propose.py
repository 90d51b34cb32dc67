"""Proposing: a branch for the pull request that pins a release in an environment.

Nothing is deployed here.
"""

from dataclasses import dataclass
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.deployment_records import NONE, Record, overlay
from tagship.gitops.deployment_rules import check_release, refuse_rejected
from tagship.gitops.history import Deployment
from tagship.gitops.manifest_difference import fold, manifest_difference
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tags import release_tag


@dataclass(frozen=True)
class Proposal:
    """A branch for a pull request; an empty branch means that there is nothing to propose."""

    branch: str
    commit: str
    title: str
    body: str
    environment: str


def propose(
    root: Path,
    model: str,
    version: str | None,
    environment: str | None = None,
    dry_run: bool = False,
) -> Proposal:
    """Push a branch that pins a release in an environment, by default in the second one.

    Without a version, the release that the environment runs is proposed with today's manifests.

    Raises:
        TagshipError: no such release, it is rejected, or the environment before never ran it.
    """
    snapshot = fetch_snapshot(root)
    snapshot.check_model(model)
    target = environment or snapshot.second
    earlier = snapshot.before(target)
    if earlier is None:
        raise TagshipError(
            f"{target} is the first environment: nothing is proposed to it",
            f"a release reaches it by: tagship reconcile --release {model}/{version or 'v…'}",
        )
    name = _which(snapshot, model, version, target)
    snapshot.check_taggable(model)
    release = snapshot.history.release(name)
    check_release(snapshot, release)
    refuse_rejected(snapshot, snapshot.record_for(release, target), "")
    deployment = snapshot.ran(name, snapshot.first)
    if deployment is None or snapshot.ran(name, earlier) is None:
        raise TagshipError(f"{name}: {earlier} never ran it", _way_to(snapshot, name, earlier))
    return _propose(snapshot, deployment, name, target, dry_run)


def _way_to(snapshot: Snapshot, name: str, environment: str) -> str:
    """How a release reaches an environment."""
    model, _, version = name.partition("/")
    if environment == snapshot.first:
        return (
            "the release workflow deploys it; by hand:"
            f" tagship reconcile --release {name} --image <name>@sha256:…"
        )
    return f"tagship propose {model} {version} --env {environment}"


def _which(snapshot: Snapshot, model: str, version: str | None, target: str) -> str:
    if version is not None:
        return str(release_tag(model, version))
    current = snapshot.history.current(model, target)
    if current is None:
        raise TagshipError(
            f"{model}: {target} runs nothing yet", "name the version that is to run there"
        )
    return current.release


def _propose(
    snapshot: Snapshot, deployment: Deployment, name: str, target: str, dry_run: bool
) -> Proposal:
    model = deployment.tag.model
    source = snapshot.record_of(deployment)
    base = snapshot.head
    running = snapshot.history.current(model, snapshot.first)
    if running and running.release == name:
        follow = f"deploy: {snapshot.first} runs {name}\n\n{source.reference}\n"
        base = snapshot.commit_record(base, source, follow)
    wish = source.moved_to(target, NONE)
    draft = snapshot.commit_record(base, wish, "draft")
    wish = source.moved_to(target, snapshot.manifests(draft, model, target))
    refuse_rejected(snapshot, wish, wish.manifests)
    main_record = snapshot.record(snapshot.head, model, target)
    branch = branch_for(snapshot, name, target)
    title = f"deploy: {target} runs {name}"
    commit = snapshot.commit_record(base, wish, f"{title}\n\n{source.reference}\n")
    if main_record == wish or commit == snapshot.head:
        return Proposal("", snapshot.head, "", "", target)
    if not dry_run:
        push_branch(snapshot, branch, commit)
    return Proposal(branch, commit, title, describe(snapshot, wish, commit), target)


def branch_for(snapshot: Snapshot, release: str, environment: str) -> str:
    """``promote/churn/v1.3.0``, and with its environment from the third one on."""
    return f"promote/{release}" + ("" if environment == snapshot.second else f"-{environment}")


def push_branch(snapshot: Snapshot, branch: str, commit: str) -> None:
    """Put a branch of ours at a commit, unless it holds the same already.

    Raises:
        TagshipError: someone moved it meanwhile.
    """
    head = snapshot.remote.heads.get(branch)
    if head == commit:
        return
    if not snapshot.git.push(commit, f"refs/heads/{branch}", head):
        raise TagshipError(f"branch {branch} was moved meanwhile", "run this again")


def describe(snapshot: Snapshot, wish: Record, commit: str) -> str:
    """The pull request's text: what runs against what would run."""
    release = snapshot.history.release(wish.release)
    running = snapshot.running_record(wish.model, wish.environment)
    difference = manifest_difference(snapshot, commit, wish.model, wish.environment)
    rows = [
        ("release", running.release if running else "nothing yet", wish.release),
        ("image", running.reference if running else "", wish.reference),
        ("model SHA-256", running.model_sha256 if running else "", wish.model_sha256),
        ("data SHA-256", running.data_sha256 if running else "", wish.data_sha256),
        ("manifests", running.manifests if running else "", wish.manifests),
    ]
    table = [f"| {key} | {_cell(a)} | {_cell(b)} |" for key, a, b in rows]
    return "\n".join(
        [
            f"**{wish.environment}** is to run `{wish.release}`"
            f" (verdict {release.says('Verdict')}).",
            "",
            f"| | runs | would run (`{overlay(wish.model, wish.environment)}`) |",
            "|---|---|---|",
            *table,
            "",
            fold(difference) if difference else "The rendered manifests are the same.\n",
            "Merging deploys exactly this. Should the manifests change before the merge, the"
            " deployment is refused and this has to be proposed again.",
            "",
        ]
    )


def _cell(value: str) -> str:
    if not value:
        return ""
    short = value.replace("sha256:", "")
    return f"`{value}`" if len(short) < 60 or "@" in value else f"`{value[:12]}`"
