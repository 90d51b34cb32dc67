"""Proposing: a branch for the pull request that pins a release in an environment.

Nothing is deployed here.
"""

from dataclasses import dataclass
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.difference import folded, rendered
from tagship.gitops.ledger import Deployment
from tagship.gitops.records import NONE, Record, overlay
from tagship.gitops.rules import check_release, refuse_rejected
from tagship.gitops.tags import release_tag
from tagship.gitops.view import View, look


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
    view = look(root)
    view.check_model(model)
    target = environment or view.second
    earlier = view.before(target)
    if earlier is None:
        raise TagshipError(
            f"{target} is the first environment: nothing is proposed to it",
            f"a release reaches it by: tagship reconcile --release {model}/{version or 'v…'}",
        )
    name = _which(view, model, version, target)
    view.check_taggable(model)
    release = view.ledger.release(name)
    check_release(view, release)
    refuse_rejected(view, view.released(release, target), "")
    deployed = view.ran(name, view.first)
    if deployed is None or view.ran(name, earlier) is None:
        raise TagshipError(f"{name}: {earlier} never ran it", _way_to(view, name, earlier))
    return _propose(view, deployed, name, target, dry_run)


def _way_to(view: View, name: str, environment: str) -> str:
    """How a release reaches an environment."""
    model, _, version = name.partition("/")
    if environment == view.first:
        return (
            "the release workflow deploys it; by hand:"
            f" tagship reconcile --release {name} --image <name>@sha256:…"
        )
    return f"tagship propose {model} {version} --env {environment}"


def _which(view: View, model: str, version: str | None, target: str) -> str:
    if version is not None:
        return str(release_tag(model, version))
    current = view.ledger.current(model, target)
    if current is None:
        raise TagshipError(
            f"{model}: {target} runs nothing yet", "name the version that is to run there"
        )
    return current.release


def _propose(view: View, deployed: Deployment, name: str, target: str, dry_run: bool) -> Proposal:
    model = deployed.tag.model
    source = view.record(deployed.commit, model, view.first)
    assert source is not None
    base = view.head
    running = view.ledger.current(model, view.first)
    if running and running.release == name:
        follow = f"deploy: {view.first} runs {name}\n\n{source.reference}\n"
        base = view.pinned(base, source, follow)
    wish = source.moved_to(target, NONE)
    rough = view.pinned(base, wish, "draft")
    wish = source.moved_to(target, view.manifests(rough, model, target))
    refuse_rejected(view, wish, wish.manifests)
    old = view.record(view.head, model, target)
    current = view.ledger.current(model, target)
    branch = branch_for(view, name, target)
    title = f"deploy: {target} runs {name}"
    commit = view.pinned(base, wish, f"{title}\n\n{source.reference}\n")
    if old == wish or commit == view.head:
        return Proposal("", view.head, "", "", target)
    if not dry_run:
        push_branch(view, branch, commit)
    return Proposal(branch, commit, title, describe(view, current, wish, commit), target)


def branch_for(view: View, release: str, environment: str) -> str:
    """``promote/churn/v1.3.0``, and with its environment from the third one on."""
    return f"promote/{release}" + ("" if environment == view.second else f"-{environment}")


def push_branch(view: View, branch: str, commit: str) -> None:
    """Put a branch of ours at a commit, unless it holds the same already.

    Raises:
        TagshipError: someone moved it meanwhile.
    """
    held = view.remote.heads.get(branch)
    if held == commit:
        return
    if not view.git.push(commit, f"refs/heads/{branch}", held):
        raise TagshipError(f"branch {branch} was moved meanwhile", "run this again")


def describe(view: View, current: Deployment | None, wish: Record, commit: str) -> str:
    """The pull request's text: what runs against what would run."""
    release = view.ledger.release(wish.release)
    old = view.record(current.commit, wish.model, wish.environment) if current else None
    rows = [
        ("release", old.release if old else "nothing yet", wish.release),
        ("image", old.reference if old else "", wish.reference),
        ("model SHA-256", old.model_sha256 if old else "", wish.model_sha256),
        ("data SHA-256", old.data_sha256 if old else "", wish.data_sha256),
        ("manifests", old.manifests if old else "", wish.manifests),
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
            _rendered(view, current, wish, commit),
            "Merging deploys exactly this. Should the manifests change before the merge, the"
            " deployment is refused and this has to be proposed again.",
            "",
        ]
    )


def _rendered(view: View, current: Deployment | None, wish: Record, commit: str) -> str:
    diff = rendered(view, current, commit, wish.model, wish.environment)
    return folded(diff) if diff else "The rendered manifests are the same.\n"


def _cell(value: str) -> str:
    if not value:
        return ""
    short = value.replace("sha256:", "")
    return f"`{value}`" if len(short) < 60 or "@" in value else f"`{value[:12]}`"
