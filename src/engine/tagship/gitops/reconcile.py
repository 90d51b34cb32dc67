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
FindReview = Callable[[str, str], MergedPullRequest | None]
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
    find_review: FindReview | None = None,
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
    merge = snapshot.git.resolve(commit) if commit else snapshot.head
    if merge is None or not snapshot.git.is_ancestor(merge, snapshot.head):
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
                    snapshot, verifier, model, environment, merge, find_review, dry_run
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
            detail = f"{outcome.environment} ran {outcome.version}; to propose it: {way}"
            pending.append(Outcome(outcome.model, later[0], "pending", detail, outcome.version))
    return pending


def _reconcile_environment(
    start: Snapshot,
    verifier: Verifier,
    model: str,
    environment: str,
    merge: str,
    find_review: FindReview | None,
    dry_run: bool,
) -> Outcome:
    def decide(snapshot: Snapshot) -> Plan | Deployment:
        return _decide(snapshot, verifier, model, environment, merge, find_review)

    try:
        result = tag_deployment(start.git.root, model, verifier, decide, dry_run, start)
    except _NothingToTag as nothing:
        return Outcome(model, environment, nothing.state, nothing.detail)
    except TagshipError as error:
        return Outcome(model, environment, "refused", str(error))
    state: State = "deployed" if result.created or dry_run else "current"
    beyond = result.created and environment != start.first
    version = result.release.rpartition("/")[2] if beyond else ""
    return Outcome(model, environment, state, result.name, version)


def _decide(
    snapshot: Snapshot,
    verifier: Verifier,
    model: str,
    environment: str,
    merge: str,
    find_review: FindReview | None,
) -> Plan | Deployment:
    record = snapshot.record(merge, model, environment)
    current = snapshot.history.current(model, environment)
    if current is None and (record is None or not record.is_deployed):
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
    return _follow_main(snapshot, verifier, record, current, merge, find_review)


def _keep_release(snapshot: Snapshot, record: Record, current: Deployment | None) -> Plan:
    """The first environment: the release that it runs, with the default branch's manifests."""
    if current is None:
        raise TagshipError(
            f"{overlay(record.model, record.environment)}: {record.release} was pinned by hand",
            "push its release tag; the release workflow deploys it",
        )
    running = snapshot.record_of(current).moved_to(record.environment, AUTOMATIC)
    commit = snapshot.commit_record(snapshot.head, running, "draft")
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
    merge: str,
    find_review: FindReview | None,
) -> Plan:
    model, environment = record.model, record.environment
    folder = overlay(model, environment)
    if snapshot.git.tree(snapshot.head, folder) != snapshot.git.tree(merge, folder):
        raise _NothingToTag("current", f"{snapshot.remote.default} moved on from {merge[:12]}")
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
    if not record.is_deployed:
        raise TagshipError(
            f"{overlay(model, environment)}: its record says nothing is deployed, but"
            f" {current.name if current else ''} runs",
            "restore the record that the last deployment has",
        )
    candidate = DeploymentRules(snapshot, merge, record)
    refuse_broken(candidate.rules())
    review = _refuse_unreviewed(snapshot, find_review, merge, record)
    _refuse_older(snapshot, record, current)
    verifier.check_image(record.reference)
    return plan_deployment(snapshot, record, merge, f"deploy {record.release}", review)


def _refuse_unreviewed(
    snapshot: Snapshot, find_review: FindReview | None, merge: str, record: Record
) -> dict[str, str]:
    """The overlay against the one that was approved, wherever on the branch it was brought.

    Gives what the tag is to say of it.
    """
    least = snapshot.project_at(merge).review.approvals
    if find_review is None:
        if least:
            raise TagshipError(
                f"config/project.yaml: review.approvals is {least}, and nobody was asked here",
                "reconcile.yml deploys it; by hand: tagship reconcile --github",
            )
        return {}
    folder = overlay(record.model, record.environment)
    origin = snapshot.git.last_change(merge, folder)
    pull = find_review(origin, snapshot.remote.default)
    again = (
        f"take it back (git revert), then: tagship propose {record.model}"
        f" {record.release.split('/')[-1]} --env {record.environment}"
    )
    if pull is None:
        raise TagshipError(
            f"{folder}: {origin[:12]} brought it without a pull request: nobody reviewed it",
            again,
        )
    snapshot.git.fetch(pull.commit)
    if snapshot.git.tree(pull.commit, folder) != snapshot.git.tree(merge, folder):
        raise TagshipError(
            f"{folder}: it differs from what was reviewed ({pull.commit[:12]})",
            again,
        )
    if len(pull.approvals) < least:
        by = f" ({', '.join(pull.approvals)})" if pull.approvals else ""
        raise TagshipError(
            f"{folder}: {pull.name} has {len(pull.approvals)} approvals of"
            f" {pull.commit[:12]}{by}, and review.approvals of config/project.yaml wants"
            f" {least}",
            again,
        )
    text = f"{pull.name} at {pull.commit}"
    return {"Reviewed": text, "Approved-By": ", ".join(pull.approvals)}


def _refuse_older(snapshot: Snapshot, record: Record, current: Deployment | None) -> None:
    if current is None or current.release not in snapshot.history.releases:
        return
    running, candidate = snapshot.history.release(current.release), snapshot.history.release(
        record.release
    )
    if candidate.tag < running.tag:
        raise TagshipError(
            f"{record.environment} runs the newer {running.name}; {candidate.name} would go back",
            f"to go back on purpose: tagship rollback {record.model} --env {record.environment}"
            ' --reason "…"',
        )
