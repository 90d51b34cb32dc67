"""Reconciling: tag what the default branch asks for, environment by environment.

State decides, not the event: run again, or late, it does the same or nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagship.errors import TagshipError
from tagship.gitops.deployment_records import AUTOMATIC, Record, overlay
from tagship.gitops.deployment_rules import DeploymentRules, Verifier, refuse_broken
from tagship.gitops.history import Deployment
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tag_writer import Plan, plan_deployment, tag_deployment


@dataclass(frozen=True)
class MergedPullRequest:
    """A pull request that was merged, and who approved what."""

    name: str
    """Such as ``#12``."""
    commit: str
    """Its head when it was merged."""
    approvals: tuple[str, ...] = ()
    """Who approved that very commit; never its author, never a bot."""


State = Literal["nothing", "current", "pending", "held", "deployed", "refused"]
Reviewed = Callable[[str, str], MergedPullRequest | None]
"""Which review brought a commit to a branch; None where nobody was asked."""


@dataclass(frozen=True)
class Outcome:
    """What became of one environment of one model."""

    model: str
    environment: str
    state: State
    detail: str = ""
    version: str = ""
    """What is to be proposed, where it is another release than the environment runs."""


class _NothingToTag(Exception):
    """Nothing is to be tagged."""

    def __init__(self, state: State, detail: str) -> None:
        super().__init__(detail)
        self.state: State = state
        self.detail = detail


def reconcile(
    root: Path,
    verifier: Verifier,
    commit: str = "",
    reviewed: Reviewed | None = None,
    dry_run: bool = False,
    models: tuple[str, ...] = (),
) -> list[Outcome]:
    """Compare every overlay at a merged commit with what runs, and tag what may.

    ``reviewed`` is asked for the commit that brought an overlay beyond the first environment: one
    that differs from what was approved then, or that nobody approved, is refused.

    Raises:
        TagshipError: the commit is not on the default branch. Refusals of single environments are
            outcomes, so that one model does not hold up another.
    """
    snapshot = fetch_snapshot(root)
    merged = snapshot.git.resolve(commit) if commit else snapshot.head
    if merged is None or not snapshot.git.is_ancestor(merged, snapshot.head):
        raise TagshipError(
            f"{commit}: not on {snapshot.remote.default}", "only what was merged is deployed"
        )
    for model in models:
        snapshot.check_model(model)
    outcomes: list[Outcome] = []
    for model in models or snapshot.models:
        for environment in snapshot.environments:
            if outcomes and outcomes[-1].state == "deployed":
                snapshot = fetch_snapshot(root)
            outcomes.append(
                _reconcile_environment(
                    snapshot, verifier, model, environment, merged, reviewed, dry_run
                )
            )
    return outcomes + pending_after(outcomes, snapshot.environments)


def pending_after(outcomes: Iterable[Outcome], environments: list[str]) -> list[Outcome]:
    """What may go further: a release reaches each environment from the one before it."""
    pending = []
    for outcome in outcomes:
        later = environments[environments.index(outcome.environment) + 1 :]
        if later and outcome.version:
            way = f"tagship propose {outcome.model} {outcome.version} --env {later[0]}"
            told = f"{outcome.environment} ran {outcome.version}; to propose it: {way}"
            pending.append(Outcome(outcome.model, later[0], "pending", told, outcome.version))
    return pending


def _reconcile_environment(
    start: Snapshot,
    verifier: Verifier,
    model: str,
    environment: str,
    merged: str,
    reviewed: Reviewed | None,
    dry_run: bool,
) -> Outcome:
    def decide(snapshot: Snapshot) -> Plan | Deployment:
        return _decide(snapshot, verifier, model, environment, merged, reviewed)

    try:
        done = tag_deployment(start.git.root, model, verifier, decide, dry_run, start)
    except _NothingToTag as nothing:
        return Outcome(model, environment, nothing.state, nothing.detail)
    except TagshipError as error:
        return Outcome(model, environment, "refused", str(error))
    state: State = "deployed" if done.created or dry_run else "current"
    beyond = done.created and environment != start.first
    version = done.release.rpartition("/")[2] if beyond else ""
    return Outcome(model, environment, state, done.name, version)


def _decide(
    snapshot: Snapshot,
    verifier: Verifier,
    model: str,
    environment: str,
    merged: str,
    reviewed: Reviewed | None,
) -> Plan | Deployment:
    record = snapshot.record(merged, model, environment)
    current = snapshot.history.current(model, environment)
    if current is None and (record is None or not record.deployed):
        raise _NothingToTag("nothing", "never deployed")
    stray = snapshot.history.stray(model, environment)
    if current and stray:
        raise TagshipError(
            f"{stray.ref}: it is no valid deployment, but Argo CD runs it",
            f"to run {current.release} again: tagship rollback {model} --env {environment}"
            ' --reason "…"',
        )
    if record is None:
        raise TagshipError(
            f"{overlay(model, environment)}: no overlay on {snapshot.remote.default}, but"
            f" {current.name if current else ''} runs",
            "restore it; an environment is emptied in the cluster, not by deleting its folder",
        )
    if environment == snapshot.first:
        return _keep_release(snapshot, record, current)
    return _follow_main(snapshot, verifier, record, current, merged, reviewed)


def _keep_release(snapshot: Snapshot, record: Record, current: Deployment | None) -> Plan:
    """The first environment: the release that it runs, with the default branch's manifests."""
    if current is None:
        raise TagshipError(
            f"{overlay(record.model, record.environment)}: {record.release} was pinned by hand",
            "push its release tag; the release workflow deploys it",
        )
    running = snapshot.record_of(current).moved_to(record.environment, AUTOMATIC)
    commit = snapshot.pinned(snapshot.head, running, "draft")
    if snapshot.same_manifests(commit, current.commit, record.model, record.environment):
        raise _NothingToTag("current", f"{current.name} runs {current.release}")
    plan = plan_deployment(snapshot, running, commit, f"new manifests for {running.release}")
    stands = snapshot.rejection(running, plan.manifests["Manifests"])
    if stands:
        raise _NothingToTag("held", f"{stands.name} rolled back from it: {stands.says('Reason')}")
    return plan


def _follow_main(
    snapshot: Snapshot,
    verifier: Verifier,
    record: Record,
    current: Deployment | None,
    merged: str,
    reviewed: Reviewed | None,
) -> Plan:
    model, environment = record.model, record.environment
    folder = overlay(model, environment)
    if snapshot.git.tree(snapshot.head, folder) != snapshot.git.tree(merged, folder):
        raise _NothingToTag("current", f"{snapshot.remote.default} moved on from {merged[:12]}")
    if current and snapshot.running_record(model, environment) == record:
        if snapshot.same_manifests(snapshot.head, current.commit, model, environment):
            raise _NothingToTag("current", f"{current.name} runs {current.release}")
        raise _NothingToTag(
            "pending",
            f"{snapshot.remote.default} has other manifests; to propose them:"
            f" tagship propose {model} --env {environment}",
        )
    stands = snapshot.rejection(record, record.manifests)
    if current and stands and stands.name == current.name:
        raise _NothingToTag("held", f"{stands.name} rolled back from it: merge its pull request")
    if not record.deployed:
        raise TagshipError(
            f"{overlay(model, environment)}: its record says nothing is deployed, but"
            f" {current.name if current else ''} runs",
            "restore the record that the last deployment has",
        )
    candidate = DeploymentRules(snapshot, merged, record)
    refuse_broken(candidate.rules())
    said = _refuse_unreviewed(snapshot, reviewed, merged, record)
    _refuse_older(snapshot, record, current)
    verifier.check_image(record.reference)
    return plan_deployment(snapshot, record, merged, f"deploy {record.release}", said)


def _refuse_unreviewed(
    snapshot: Snapshot, reviewed: Reviewed | None, merged: str, record: Record
) -> dict[str, str]:
    """The overlay against the one that was approved, wherever on the branch it was brought.

    Gives what the tag is to say of it.
    """
    needed = snapshot.project_at(merged).review.approvals
    if reviewed is None:
        if needed:
            raise TagshipError(
                f"config/project.yaml: review.approvals is {needed}, and nobody was asked here",
                "reconcile.yml deploys it; by hand: tagship reconcile --github",
            )
        return {}
    folder = overlay(record.model, record.environment)
    brought = snapshot.git.last_change(merged, folder)
    approved = reviewed(brought, snapshot.remote.default)
    again = (
        f"take it back (git revert), then: tagship propose {record.model}"
        f" {record.release.split('/')[-1]} --env {record.environment}"
    )
    if approved is None:
        raise TagshipError(
            f"{folder}: {brought[:12]} brought it without a pull request: nobody reviewed it",
            again,
        )
    snapshot.git.fetch(approved.commit)
    if snapshot.git.tree(approved.commit, folder) != snapshot.git.tree(merged, folder):
        raise TagshipError(
            f"{folder}: it differs from what was reviewed ({approved.commit[:12]})",
            again,
        )
    if len(approved.approvals) < needed:
        by = f" ({', '.join(approved.approvals)})" if approved.approvals else ""
        raise TagshipError(
            f"{folder}: {approved.name} has {len(approved.approvals)} approvals of"
            f" {approved.commit[:12]}{by}, and review.approvals of config/project.yaml wants"
            f" {needed}",
            again,
        )
    said = f"{approved.name} at {approved.commit}"
    return {"Reviewed": said, "Approved-By": ", ".join(approved.approvals)}


def _refuse_older(snapshot: Snapshot, record: Record, current: Deployment | None) -> None:
    if current is None or current.release not in snapshot.history.releases:
        return
    running, wanted = snapshot.history.release(current.release), snapshot.history.release(
        record.release
    )
    if wanted.tag < running.tag:
        raise TagshipError(
            f"{record.environment} runs the newer {running.name}; {wanted.name} would go back",
            f"to go back on purpose: tagship rollback {record.model} --env {record.environment}"
            ' --reason "…"',
        )
