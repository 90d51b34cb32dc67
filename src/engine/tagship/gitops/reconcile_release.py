"""After a release was built: tag its deployment in the first environment."""

from dataclasses import replace
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.deployment_records import AUTOMATIC, NONE, Record
from tagship.gitops.deployment_rules import Verifier, check_release, refuse_rejected
from tagship.gitops.history import Deployment
from tagship.gitops.image_registry import split_reference
from tagship.gitops.reconcile import Outcome, pending_after
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tag_writer import Plan, plan_deployment, tag_deployment
from tagship.gitops.tags import ReleaseTag, one_line, parse_tag


def reconcile_release(
    root: Path,
    name: str,
    verifier: Verifier,
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
    snapshot = fetch_snapshot(root)
    snapshot.check_model(tag.model)
    snapshot.check_taggable(tag.model)
    release = snapshot.history.release(name)
    check_release(snapshot, release)
    record = snapshot.record_for(release, snapshot.first)
    refuse_rejected(snapshot, record, "")
    deployment = snapshot.ran(name, snapshot.first)
    tag_name = deployment.name if deployment else ""
    if deployment is None:
        if image is None:
            raise TagshipError(
                f"{name}: {snapshot.first} never ran it, so its image is not known",
                "the release workflow does this; by hand: --image <name>@sha256:…",
            )
        record = _with_image(snapshot, record, image, run_id, verifier)
        tag_name = tag_deployment(
            root, tag.model, verifier, lambda now: _decide(now, record), dry_run
        ).name
    outcome = Outcome(tag.model, snapshot.first, "deployed", tag_name, str(tag.version))
    return [outcome, *pending_after([outcome], snapshot.environments)]


def _with_image(
    snapshot: Snapshot, record: Record, image: str, run_id: str, verifier: Verifier
) -> Record:
    name, _, digest = image.partition("@")
    image_name = f"{snapshot.project.registry}/{snapshot.project.name}-{record.model}"
    if name != image_name:
        raise TagshipError(f"{image}: the image of {record.model} is {image_name}")
    split_reference(image)
    verifier.check_image(image, "push it first")
    return replace(record, image=name, digest=digest, run_id=one_line(run_id), manifests=AUTOMATIC)


def _decide(snapshot: Snapshot, record: Record) -> Plan | Deployment:
    """What the first environment needs for a release, which must render for the second, too."""
    ran = snapshot.ran(record.release, record.environment)
    if ran:
        return ran
    candidate = snapshot.history.release(record.release).tag
    for deployment in snapshot.history.deployments_of(record.model, record.environment):
        earlier_release = snapshot.history.releases.get(deployment.release)
        if earlier_release and earlier_release.tag > candidate:
            raise TagshipError(
                f"{record.release}: {deployment.name} already ran the newer {earlier_release.name}",
                "release a higher version instead",
            )
    draft = snapshot.commit_record(snapshot.head, record, "draft")
    plan = plan_deployment(snapshot, record, draft, f"deploy {record.release}")
    if snapshot.second != snapshot.first:
        wish = record.moved_to(snapshot.second, NONE)
        snapshot.manifests(
            snapshot.commit_record(snapshot.head, wish, "draft"), record.model, snapshot.second
        )
    return plan
