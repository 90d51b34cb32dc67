"""Rolling back and lifting: new numbers on commits that ran before. No build, no force."""

from dataclasses import dataclass
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.ledger import Deployment
from tagship.gitops.promote import push_branch
from tagship.gitops.records import Record, overlay
from tagship.gitops.tagging import Plan, Tagged, tag_deployment
from tagship.gitops.tags import one_line
from tagship.gitops.view import Checks, View, look


@dataclass(frozen=True)
class RolledBack:
    """A rollback, and the branch that brings the default branch in line."""

    tag: Tagged
    release: str
    rejects: str
    branch: str
    title: str
    body: str


def rollback(
    root: Path,
    model: str,
    environment: str,
    reason: str,
    checks: Checks,
    to: int | None = None,
    dry_run: bool = False,
) -> RolledBack:
    """Run again what ran before, reject what is left, and propose the default branch's pin.

    Raises:
        TagshipError: no reason, nothing to go back to, the image is gone, or another deployment
            came first.
    """
    reason = _reason(reason)
    start = look(root)
    start.check_environment(environment)
    left = _running(start, model, environment)

    def decide(view: View) -> Plan | Deployment:
        current = _running(view, model, environment)
        if _is_done(view, current, reason, to):
            return current
        if current.name != left.name:
            raise TagshipError(
                f"{current.name} came first: {current.raw.subject}",
                f"look at `tagship history {model} --env {environment}`, then decide again",
            )
        target = _target(view, current, to)
        return _plan(view, current, target, reason, checks)

    tag = tag_deployment(root, model, checks, decide, dry_run)
    view = look(root)
    done = _running(view, model, environment)
    if dry_run and done.commit != tag.commit:
        return RolledBack(tag, "", "", "", "", tag.message)
    branch, title, body = _align(view, done, dry_run)
    return RolledBack(tag, done.release, done.says("Rejects"), branch, title, body)


def lift(
    root: Path, model: str, what: str, reason: str, checks: Checks, dry_run: bool = False
) -> list[Tagged]:
    """Lift the rejection of ``v1.3.0`` or ``production/5``, wherever it stands.

    The same commit gets the next number, so nothing changes but the ledger.

    Raises:
        TagshipError: no reason, not rejected, or a pin still asks for it.
    """
    reason = _reason(reason)
    name = f"{model}/{what.removeprefix(f'{model}/')}"
    view = look(root)
    places = _rejecting(view, model, name)
    _refuse_asked_for(view, model, name)
    if not places:
        lifted = [
            d
            for environment in view.environments
            for d in view.ledger.history(model, environment)
            if d.says("Lifts") == name
        ]
        if lifted:
            return [Tagged(lifted[-1].name, lifted[-1].commit, False, "")]
        raise TagshipError(f"{name} is not rejected", f"see `tagship history {model}`")
    tags = []
    for environment in places:

        def decide(now: View, environment: str = environment) -> Plan | Deployment:
            current = _running(now, model, environment)
            if environment not in _rejecting(now, model, name):
                return current
            record = _record(now, current)
            extra = {"Lifts": name, "Reason": reason}
            return Plan(record, current.commit, "lift", f"lift the rejection of {name}", extra)

        tags.append(tag_deployment(root, model, checks, decide, dry_run))
    return tags


def _refuse_asked_for(view: View, model: str, name: str) -> None:
    """Lifting deploys nothing: no pin on the default branch may be waiting for it."""
    for environment in view.environments[1:]:
        pinned = view.record(view.head, model, environment)
        current = view.ledger.current(model, environment)
        running = view.record(current.commit, model, environment) if current else None
        if pinned is None or pinned == running:
            continue
        manifests = view.manifests(view.head, model, environment)
        stands = view.ledger.rejection(model, pinned.release, manifests)
        if stands and stands.says("Rejects") == name:
            raise TagshipError(
                f"{overlay(model, environment)} on {view.remote.default} still asks for {name},"
                " which would then be deployed without a new review",
                "merge the rollback's pull request, or revert the promotion, first",
            )


def _reason(reason: str) -> str:
    safe = one_line(reason)
    if not safe:
        raise TagshipError("a reason is needed", 'say why: --reason "…"')
    return safe


def _running(view: View, model: str, environment: str) -> Deployment:
    current = view.ledger.current(model, environment)
    if current is None:
        raise TagshipError(
            f"{model}: {environment} runs nothing, so there is nothing to go back to"
        )
    return current


def _is_done(view: View, current: Deployment, reason: str, to: int | None) -> bool:
    """Whether this very rollback was made already, by a call that was cut off or beaten."""
    usurped = view.ledger.usurper(current.tag.model, current.tag.environment)
    if usurped or current.says("Action") != "rollback":
        return False
    if to is None:
        if current.says("Reason") == reason:
            return True
        raise TagshipError(
            f"{current.name} is a rollback already ({current.says('Reason')})",
            "to go further back, name the deployment: --to N",
        )
    history = view.ledger.history(current.tag.model, current.tag.environment)
    wanted = [d for d in history if d.number == to]
    return bool(wanted) and wanted[0].commit == current.commit


def _target(view: View, current: Deployment, to: int | None) -> Deployment:
    """Where to go back to: over a tag that is not valid, to what ran before it."""
    model, environment = current.tag.model, current.tag.environment
    if view.ledger.usurper(model, environment) and to in (None, current.number):
        return current
    earlier = [d for d in view.ledger.history(model, environment) if d.number < current.number]
    if to is not None:
        chosen = [d for d in earlier if d.number == to]
        if not chosen:
            numbers = ", ".join(str(d.number) for d in earlier) or "none"
            raise TagshipError(
                f"{model}/{environment}/{to}: {environment} never ran it before {current.name}",
                f"the deployments before are: {numbers}",
            )
        if chosen[0].commit == current.commit:
            raise TagshipError(f"{chosen[0].name} is the commit that {current.name} runs already")
        stands = view.ledger.rejection(model, *chosen[0].what)
        if stands:
            raise TagshipError(
                f"{chosen[0].name} runs {chosen[0].release}, rejected by {stands.name}:"
                f" {stands.says('Reason')}",
                f"choose another number, or lift it: tagship lift {model}"
                f" {stands.says('Rejects').removeprefix(f'{model}/')}",
            )
        return chosen[0]
    for candidate in reversed(earlier):
        if candidate.commit != current.commit and not view.ledger.rejection(model, *candidate.what):
            return candidate
    raise TagshipError(
        f"{model}: {environment} ran nothing else before {current.name} that is not rejected",
        "release a mended version; to stop serving, scale it down in the cluster",
    )


def _plan(view: View, current: Deployment, target: Deployment, reason: str, checks: Checks) -> Plan:
    record = _record(view, target)
    if record.reference != target.says("Image") or record.release != target.release:
        raise TagshipError(
            f"{target.name}: its trailers and its commit disagree on what ran",
            "choose another number: --to N",
        )
    if not checks.image_exists(record.reference):
        raise TagshipError(
            f"{record.reference}: the registry does not have it any more",
            f"choose another deployment than {target.number}: --to N",
        )
    left = current.name if current.release == target.release else current.release
    extra = {
        "Restores": target.name,
        "Rejects": "" if target == current else left,
        "Reason": reason,
    }
    subject = f"roll back to {target.name} ({target.release})"
    return Plan(record, target.commit, "rollback", subject, extra)


def _record(view: View, deployment: Deployment) -> Record:
    record = view.record(deployment.commit, deployment.tag.model, deployment.tag.environment)
    if record is None:
        raise TagshipError(f"{deployment.name}: its commit holds no record of this environment")
    return record


def _align(view: View, done: Deployment, dry_run: bool) -> tuple[str, str, str]:
    """A branch on which the default branch's record says what runs again."""
    record = _record(view, done)
    held = view.record(view.head, record.model, record.environment)
    if held is None or held == record:
        return "", "", ""
    title = f"deploy: {record.environment} is back on {record.release}"
    commit = view.pinned(view.head, record, f"{title}\n\n{done.name}: {done.says('Reason')}\n")
    branch = f"rollback/{done.name}"
    if not dry_run:
        push_branch(view, branch, commit)
    quoted = done.says("Reason").replace("\\", "\\\\").replace("`", "\\`").replace("<", "&lt;")
    rejects = done.says("Rejects")
    body = (
        f"`{done.name}` rolled {record.environment} back to `{record.release}`.\n\n"
        f"> {quoted}\n\nThis brings the pin on {view.remote.default} in line; it deploys nothing."
        + (f" `{rejects}` stays rejected until it is lifted.\n" if rejects else "\n")
    )
    return branch, title, body


def _rejecting(view: View, model: str, name: str) -> list[str]:
    """The environments in which a rejection of ``name`` stands."""
    return [place for place in view.environments if name in view.ledger.standing(model, place)]
