"""After a release was built: tag its deployment in the first environment."""

from dataclasses import replace
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.ledger import Deployment
from tagship.gitops.reconcile import Outcome, pending_after
from tagship.gitops.records import AUTOMATIC, NONE, Record
from tagship.gitops.registry import split_reference
from tagship.gitops.rules import check_release, refuse_rejected
from tagship.gitops.tagging import Plan, plan_deployment, tag_deployment
from tagship.gitops.tags import ReleaseTag, one_line, parse_tag
from tagship.gitops.view import Checks, View, look


def reconcile_release(
    root: Path,
    name: str,
    checks: Checks,
    image: str | None = None,
    run_id: str = NONE,
    dry_run: bool = False,
) -> list[Outcome]:
    """Deploy a release to the first environment, if that never ran it; say what may be proposed.

    ``image`` is the release's, as ``name@sha256:…``, and is needed the first time.

    Raises:
        TagshipError: no such release, it is rejected, never built, or its image is wrong.
    """
    tag = parse_tag(name)
    if not isinstance(tag, ReleaseTag):
        raise TagshipError(f"{name!r} is no release", "name it as <model>/v<x.y.z>")
    view = look(root)
    view.check_model(tag.model)
    view.check_taggable(tag.model)
    release = view.ledger.release(name)
    check_release(view, release)
    record = view.released(release, view.first)
    refuse_rejected(view, record, "")
    deployed = view.ran(name, view.first)
    done = deployed.name if deployed else ""
    if deployed is None:
        if image is None:
            raise TagshipError(
                f"{name}: {view.first} never ran it, so its image is not known",
                "the release workflow does this; by hand: --image <name>@sha256:…",
            )
        record = _with_image(view, record, image, run_id, checks)
        done = tag_deployment(
            root, tag.model, checks, lambda now: _decide(now, record), dry_run
        ).name
    outcome = Outcome(tag.model, view.first, "deployed", done, str(tag.version))
    return [outcome, *pending_after([outcome], view.environments)]


def _with_image(view: View, record: Record, image: str, run_id: str, checks: Checks) -> Record:
    name, _, digest = image.partition("@")
    expected = f"{view.project.registry}/{view.project.name}-{record.model}"
    if name != expected:
        raise TagshipError(f"{image}: the image of {record.model} is {expected}")
    split_reference(image)
    if not checks.image_exists(image):
        raise TagshipError(f"{image}: the registry does not have it", "push it first")
    return replace(record, image=name, digest=digest, run_id=one_line(run_id), manifests=AUTOMATIC)


def _decide(view: View, record: Record) -> Plan | Deployment:
    """What the first environment needs for a release, which must render for the second, too."""
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
    if view.second != view.first:
        wish = record.moved_to(view.second, NONE)
        view.manifests(view.pinned(view.head, wish, "draft"), record.model, view.second)
    return plan
