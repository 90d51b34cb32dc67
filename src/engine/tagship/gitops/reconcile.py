"""Reconciling: tag what the default branch asks for, environment by environment.

State decides, not the event: run again, or late, it does the same or nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagship.errors import TagshipError
from tagship.gitops.ledger import Deployment
from tagship.gitops.records import AUTOMATIC, Record, overlay
from tagship.gitops.rules import Candidate, refuse_broken
from tagship.gitops.tagging import Plan, plan_deployment, tag_deployment
from tagship.gitops.view import Checks, View, look


@dataclass(frozen=True)
class Review:
    """A pull request that was merged, and who approved what."""

    name: str
    """Such as ``#12``."""
    commit: str
    """Its head when it was merged."""
    approvals: tuple[str, ...] = ()
    """Who approved that very commit; never its author, never a bot."""


State = Literal["nothing", "current", "pending", "held", "deployed", "refused"]
Reviewed = Callable[[str, str], Review | None]
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


class _Settled(Exception):
    """Nothing is to be tagged."""

    def __init__(self, state: State, detail: str) -> None:
        super().__init__(detail)
        self.state: State = state
        self.detail = detail


def reconcile(
    root: Path,
    checks: Checks,
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
    view = look(root)
    merged = view.git.resolve(commit) if commit else view.head
    if merged is None or not view.git.is_ancestor(merged, view.head):
        raise TagshipError(
            f"{commit}: not on {view.remote.default}", "only what was merged is deployed"
        )
    for model in models:
        view.check_model(model)
    outcomes: list[Outcome] = []
    for model in models or view.models:
        for environment in view.environments:
            if outcomes and outcomes[-1].state == "deployed":
                view = look(root)
            outcomes.append(
                _reconcile_environment(view, checks, model, environment, merged, reviewed, dry_run)
            )
    return outcomes + pending_after(outcomes, view.environments)


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
    start: View,
    checks: Checks,
    model: str,
    environment: str,
    merged: str,
    reviewed: Reviewed | None,
    dry_run: bool,
) -> Outcome:
    def decide(view: View) -> Plan | Deployment:
        return _decide(view, checks, model, environment, merged, reviewed)

    try:
        done = tag_deployment(start.git.root, model, checks, decide, dry_run, start)
    except _Settled as settled:
        return Outcome(model, environment, settled.state, settled.detail)
    except TagshipError as error:
        return Outcome(model, environment, "refused", str(error))
    state: State = "deployed" if done.created or dry_run else "current"
    beyond = done.created and environment != start.first
    version = done.release.rpartition("/")[2] if beyond else ""
    return Outcome(model, environment, state, done.name, version)


def _decide(
    view: View,
    checks: Checks,
    model: str,
    environment: str,
    merged: str,
    reviewed: Reviewed | None,
) -> Plan | Deployment:
    record = view.record(merged, model, environment)
    current = view.ledger.current(model, environment)
    if current is None and (record is None or not record.deployed):
        raise _Settled("nothing", "never deployed")
    stray = view.ledger.stray(model, environment)
    if current and stray:
        raise TagshipError(
            f"{stray.ref}: it is no valid deployment, but Argo CD runs it",
            f"to run {current.release} again: tagship rollback {model} --env {environment}"
            ' --reason "…"',
        )
    if record is None:
        raise TagshipError(
            f"{overlay(model, environment)}: no overlay on {view.remote.default}, but"
            f" {current.name if current else ''} runs",
            "restore it; an environment is emptied in the cluster, not by deleting its folder",
        )
    if environment == view.first:
        return _keep_release(view, record, current)
    return _follow_main(view, checks, record, current, merged, reviewed)


def _keep_release(view: View, record: Record, current: Deployment | None) -> Plan:
    """The first environment: the release that it runs, with the default branch's manifests."""
    if current is None:
        raise TagshipError(
            f"{overlay(record.model, record.environment)}: {record.release} was pinned by hand",
            "push its release tag; the release workflow deploys it",
        )
    running = view.record(current.commit, record.model, record.environment)
    if running is None:
        raise TagshipError(f"{current.name}: its commit has no record")
    running = running.moved_to(record.environment, AUTOMATIC)
    commit = view.pinned(view.head, running, "draft")
    if view.same_manifests(commit, current.commit, record.model, record.environment):
        raise _Settled("current", f"{current.name} runs {current.release}")
    plan = plan_deployment(view, running, commit, f"new manifests for {running.release}")
    stands = view.rejection(running, plan.manifests["Manifests"])
    if stands:
        raise _Settled("held", f"{stands.name} rolled back from it: {stands.says('Reason')}")
    return plan


def _follow_main(
    view: View,
    checks: Checks,
    record: Record,
    current: Deployment | None,
    merged: str,
    reviewed: Reviewed | None,
) -> Plan:
    model, environment = record.model, record.environment
    folder = overlay(model, environment)
    if view.git.tree(view.head, folder) != view.git.tree(merged, folder):
        raise _Settled("current", f"{view.remote.default} moved on from {merged[:12]}")
    running = view.record(current.commit, model, environment) if current else None
    if current and running == record:
        if view.same_manifests(view.head, current.commit, model, environment):
            raise _Settled("current", f"{current.name} runs {current.release}")
        raise _Settled(
            "pending",
            f"{view.remote.default} has other manifests; to propose them:"
            f" tagship propose {model} --env {environment}",
        )
    stands = view.rejection(record, record.manifests)
    if current and stands and stands.name == current.name:
        raise _Settled("held", f"{stands.name} rolled back from it: merge its pull request")
    if not record.deployed:
        raise TagshipError(
            f"{overlay(model, environment)}: its record says nothing is deployed, but"
            f" {current.name if current else ''} runs",
            "restore the record that the last deployment has",
        )
    candidate = Candidate(view, merged, record)
    refuse_broken(candidate.rules())
    said = _refuse_unreviewed(view, reviewed, merged, record)
    _refuse_older(view, record, current)
    if not checks.image_exists(record.reference):
        raise TagshipError(f"{record.reference}: the registry does not have it any more")
    return plan_deployment(view, record, merged, f"deploy {record.release}", said)


def _refuse_unreviewed(
    view: View, reviewed: Reviewed | None, merged: str, record: Record
) -> dict[str, str]:
    """The overlay against the one that was approved, wherever on the branch it was brought.

    Gives what the tag is to say of it.
    """
    needed = view.project_at(merged).review.approvals
    if reviewed is None:
        if needed:
            raise TagshipError(
                f"config/project.yaml: review.approvals is {needed}, and nobody was asked here",
                "reconcile.yml deploys it; by hand: tagship reconcile --github",
            )
        return {}
    folder = overlay(record.model, record.environment)
    brought = view.git.last_change(merged, folder)
    approved = reviewed(brought, view.remote.default)
    again = (
        f"take it back (git revert), then: tagship propose {record.model}"
        f" {record.release.split('/')[-1]} --env {record.environment}"
    )
    if approved is None:
        raise TagshipError(
            f"{folder}: {brought[:12]} brought it without a pull request: nobody reviewed it",
            again,
        )
    view.git.fetch(approved.commit)
    if view.git.tree(approved.commit, folder) != view.git.tree(merged, folder):
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


def _refuse_older(view: View, record: Record, current: Deployment | None) -> None:
    if current is None or current.release not in view.ledger.releases:
        return
    running, wanted = view.ledger.release(current.release), view.ledger.release(record.release)
    if wanted.tag < running.tag:
        raise TagshipError(
            f"{record.environment} runs the newer {running.name}; {wanted.name} would go back",
            f"to go back on purpose: tagship rollback {record.model} --env {record.environment}"
            ' --reason "…"',
        )
