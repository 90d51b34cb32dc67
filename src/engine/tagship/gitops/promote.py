"""Proposing a promotion: the first environment is deployed, the next gets a pull request.

Nothing here touches a later environment: its pin is only proposed, on a branch.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.difference import folded, rendered
from tagship.gitops.ledger import Deployment
from tagship.gitops.records import AUTOMATIC, NONE, Record, overlay
from tagship.gitops.registry import split_reference
from tagship.gitops.rules import check_release, refuse_rejected
from tagship.gitops.tagging import Plan, after, plan_deployment, tag_deployment
from tagship.gitops.tags import one_line, release_tag
from tagship.gitops.view import Checks, View, look


@dataclass(frozen=True)
class Proposal:
    """A branch for a pull request; an empty branch means that there is nothing to propose."""

    branch: str
    commit: str
    title: str
    body: str
    deployed: str = ""
    """The first environment's deployment tag."""
    environment: str = ""


def promote(
    root: Path,
    model: str,
    version: str | None,
    checks: Checks,
    environment: str | None = None,
    image: str | None = None,
    run_id: str = NONE,
    dry_run: bool = False,
) -> Proposal:
    """Deploy a release to the first environment if it has an image and never ran, then propose it.

    Without a version, the release that the environment runs is proposed with today's manifests.

    Raises:
        TagshipError: no such release, rejected, never built, or a wrong image.
    """
    view = look(root)
    view.check_model(model)
    target = environment or (view.environments[1] if len(view.environments) > 1 else view.first)
    earlier = view.before(target)
    name = _which(view, model, version, target)
    view.check_taggable(model)
    release = view.ledger.release(name)
    check_release(view, release)
    refuse_rejected(view, view.released(release, target), "")
    deployed = view.ran(name, view.first)
    tag = deployed.name if deployed else ""
    if deployed is None:
        if image is None:
            raise TagshipError(
                f"{name}: {view.first} never ran it, so its image is not known",
                "the release workflow does this; by hand: --image <name>@sha256:…",
            )
        record = _with_image(view, view.released(release, view.first), image, run_id, checks)
        done = tag_deployment(root, model, checks, lambda now: _first(now, record, target), dry_run)
        tag = done.name
        if dry_run or earlier is None:
            return Proposal("", "", "", done.message, tag, target)
        with after(f"{tag} was made"):
            view = look(root)
            deployed = view.ran(name, view.first)
            assert deployed is not None
            return _next(view, deployed, name, target, tag, dry_run)
    return _next(view, deployed, name, target, tag, dry_run)


def _next(
    view: View, deployed: Deployment, name: str, target: str, tag: str, dry_run: bool
) -> Proposal:
    earlier = view.before(target)
    if earlier is None:
        return Proposal("", "", "", "", tag, target)
    if view.ran(name, earlier) is None:
        raise TagshipError(f"{name}: {earlier} never ran it", f"promote it to {earlier} first")
    return _propose(view, deployed, name, target, tag, dry_run)


def _which(view: View, model: str, version: str | None, target: str) -> str:
    if version is not None:
        return str(release_tag(model, version))
    current = view.ledger.current(model, target)
    if current is None:
        raise TagshipError(
            f"{model}: {target} runs nothing yet", "name the version that is to run there"
        )
    return current.release


def _with_image(view: View, record: Record, image: str, run_id: str, checks: Checks) -> Record:
    name, _, digest = image.partition("@")
    expected = f"{view.project.registry}/{view.project.name}-{record.model}"
    if name != expected:
        raise TagshipError(f"{image}: the image of {record.model} is {expected}")
    split_reference(image)
    if not checks.image_exists(image):
        raise TagshipError(f"{image}: the registry does not have it", "push it first")
    return replace(record, image=name, digest=digest, run_id=one_line(run_id), manifests=AUTOMATIC)


def _first(view: View, record: Record, target: str) -> Plan | Deployment:
    """What the first environment needs for a release, which must render for the target, too."""
    ran = view.ran(record.release, record.environment)
    if ran:
        return ran
    mine = view.ledger.release(record.release).tag
    for deployment in view.ledger.history(record.model, record.environment):
        other = view.ledger.releases.get(deployment.release)
        if other and other.tag > mine:
            raise TagshipError(
                f"{record.release}: {deployment.name} already ran the newer {other.name}",
                "release a higher version instead",
            )
    draft = view.pinned(view.head, record, "draft")
    plan = plan_deployment(view, record, draft, f"deploy {record.release}")
    if target != record.environment:
        view.manifests(
            view.pinned(view.head, record.moved_to(target, NONE), "draft"), record.model, target
        )
    return plan


def _propose(
    view: View, deployed: Deployment, name: str, target: str, tag: str, dry_run: bool
) -> Proposal:
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
        return Proposal("", view.head, "", "", tag, target)
    if not dry_run:
        push_branch(view, branch, commit)
    return Proposal(branch, commit, title, describe(view, current, wish, commit), tag, target)


def branch_for(view: View, release: str, environment: str) -> str:
    """``promote/churn/v1.3.0``, and with its environment from the third one on."""
    second = view.environments[1] if len(view.environments) > 1 else ""
    return f"promote/{release}" + ("" if environment == second else f"-{environment}")


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
