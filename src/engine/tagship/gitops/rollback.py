"""Rolling back and lifting: new numbers for what ran before. No build, no rendering, no force."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tagship.config.project import ProjectConfig
from tagship.config.project_files import PROJECT, parse_project
from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.deployment_records import overlay
from tagship.gitops.deployment_rules import Verifier
from tagship.gitops.git import Git
from tagship.gitops.history import Deployment, name_rejected
from tagship.gitops.propose import push_branch
from tagship.gitops.refs import Remote
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tag_writer import Plan, TagResult, after, tag_deployment, workflow_run
from tagship.gitops.tags import one_line


@dataclass(frozen=True)
class Rollback:
    """A rollback, and the branch that brings the default branch in line."""

    tag: TagResult
    release: str = ""
    rejects: str = ""
    branch: str = ""
    title: str = ""
    body: str = ""
    notes: tuple[str, ...] = ()
    """What was not checked, or what somebody still has to do."""


def rollback(
    root: Path,
    model: str,
    environment: str,
    reason: str,
    verifier: Verifier,
    to: int | None = None,
    dry_run: bool = False,
) -> Rollback:
    """Run again what ran before, reject what it replaces, and propose the default branch's pin.

    It works while tags, branches or a broken config stop every other command.

    Raises:
        TagshipError: no reason, nothing to go back to, the image is gone, or another deployment
            came first.
    """
    reason = _reason(reason)
    see = partial(fetch_snapshot, root, _last_config)
    start = see()
    start.check_model(model)
    start.check_environment(environment)
    start_deployment = _running(start, model, environment)
    notes: list[str] = []

    def decide(snapshot: Snapshot) -> Plan | Deployment:
        current = _running(snapshot, model, environment)
        own_deployment = _of_this_run(snapshot, model, environment, "rollback")
        if own_deployment or _is_done(snapshot, current, reason, to):
            return own_deployment or current
        if current.name != start_deployment.name:
            raise TagshipError(
                f"{current.name} came first: {current.raw.subject}",
                f"see `tagship history {model} --env {environment}`, then decide again",
            )
        target = _target(snapshot, current, to)
        notes.clear()
        return _plan(snapshot, current, target, reason, verifier, notes)

    tag = tag_deployment(root, model, verifier, decide, dry_run, again=see)
    if dry_run and tag.message:
        return Rollback(tag, body=tag.message, notes=tuple(notes))
    with after(f"{tag.name} is there"):
        snapshot = see()
        stopping_tag = snapshot.history.stopped_by(model, environment)
        if stopping_tag:
            raise TagshipError(
                f"Argo CD resolves nothing in {model}/{environment} because of {stopping_tag}",
                f"an administrator deletes that tag: {page('how-to/rollback')}",
            )
        deployments = snapshot.history.deployments_of(model, environment)
        deployment = next(d for d in deployments if d.name == tag.name)
        if deployment != deployments[-1]:
            notes.append(f"{deployment.name} was made before; others came since, and stay")
            return Rollback(tag, deployment.release, notes=tuple(notes))
        texts = _align(snapshot, deployment, dry_run)
    return Rollback(tag, deployment.release, deployment.says("Rejects"), *texts, tuple(notes))


def _last_config(git: Git, remote: Remote) -> ProjectConfig:
    """The project's config where the work tree's cannot be read: the newest that can be.

    Raises:
        TagshipError: neither the default branch nor any deployment has one.
    """
    commits = [remote.heads[remote.default]]
    commits += [raw.commit for raw in git.tags() if raw.commit and raw.name.count("/") == 2]
    for commit in dict.fromkeys(commits):
        with suppress(TagshipError):
            return parse_project(git.show(commit, PROJECT) or "")
    raise TagshipError("no commit has a config/project.yaml that can be read")


def _of_this_run(
    snapshot: Snapshot, model: str, environment: str, action: str
) -> Deployment | None:
    """What this very workflow run made already: GitHub's "re-run" must not act a second time."""
    run = workflow_run()
    for deployment in snapshot.history.deployments_of(model, environment):
        if run and (deployment.says("Run"), deployment.says("Action")) == (run, action):
            return deployment
    return None


def lift(
    root: Path, model: str, what: str, reason: str, verifier: Verifier, dry_run: bool = False
) -> list[TagResult]:
    """Lift the rejection of ``v1.3.0`` or ``production/5``, wherever it stands.

    What runs gets the next number, so only the history changes.

    Raises:
        TagshipError: no reason, not rejected, or a pin still asks for it.
    """
    reason = _reason(reason)
    name = f"{model}/{what.removeprefix(f'{model}/')}"
    snapshot = fetch_snapshot(root)
    snapshot.check_model(model)
    places = _rejecting(snapshot, model, name)
    _refuse_asked_for(snapshot, model, name)
    if not places:
        lifts = [
            d
            for environment in snapshot.environments
            for d in snapshot.history.deployments_of(model, environment)
            if d.says("Lifts") == name
        ]
        if lifts:
            return [TagResult(lifts[-1].name, lifts[-1].commit, False, "")]
        raise TagshipError(f"{name} is not rejected", f"see `tagship history {model}`")
    tags = []
    for environment in places:

        def decide(now: Snapshot, environment: str = environment) -> Plan | Deployment:
            current = _running(now, model, environment)
            own_deployment = _of_this_run(now, model, environment, "lift")
            if own_deployment or environment not in _rejecting(now, model, name):
                return own_deployment or current
            extra = {"Lifts": name, "Reason": reason}
            subject = f"lift the rejection of {name}"
            return Plan(
                now.record_of(current), current.commit, "lift", subject, current.manifests, extra
            )

        tags.append(tag_deployment(root, model, verifier, decide, dry_run))
    return tags


def _refuse_asked_for(snapshot: Snapshot, model: str, name: str) -> None:
    """Lifting deploys nothing: no pin on the default branch may be waiting for it."""
    for environment in snapshot.environments[1:]:
        record = snapshot.record(snapshot.head, model, environment)
        if record is None or record == snapshot.running_record(model, environment):
            continue
        stands = snapshot.rejection(record, record.manifests)
        if stands and stands.says("Rejects") == name:
            raise TagshipError(
                f"{overlay(model, environment)} on {snapshot.remote.default} still asks for {name},"
                " which would then be deployed without a new review",
                "merge the rollback's pull request, or revert the promotion, first",
            )


def _reason(reason: str) -> str:
    safe = one_line(reason)
    if not safe:
        raise TagshipError("a reason is needed", 'say why: --reason "…"')
    return safe


def _running(snapshot: Snapshot, model: str, environment: str) -> Deployment:
    current = snapshot.history.current(model, environment)
    if current is None:
        raise TagshipError(
            f"{model}: {environment} runs nothing, so there is nothing to go back to"
        )
    return current


def _is_done(snapshot: Snapshot, current: Deployment, reason: str, to: int | None) -> bool:
    """Whether this rollback was made already, by a call that was cut off or came second."""
    stray = snapshot.history.stray(*current.tag.series)
    if stray or current.says("Action") != "rollback":
        return False
    if to is None:
        if current.says("Reason") == reason:
            return True
        raise TagshipError(
            f"{current.name} is a rollback already ({current.says('Reason')})",
            "to go further back, name the deployment: --to N",
        )
    history = snapshot.history.deployments_of(*current.tag.series)
    targets = [d for d in history if d.number == to]
    return bool(targets) and targets[0].content == current.content


def _target(snapshot: Snapshot, current: Deployment, to: int | None) -> Deployment:
    """The deployment to restore; where Argo CD follows a tag that is not valid, what ran before it.

    Without a number it is what ran before the running deployment first ran: never a later one that
    was left since, which would go forward without a review.
    """
    model, environment = current.tag.series
    if snapshot.history.stray(model, environment) and to in (None, current.number):
        return current
    history = snapshot.history.deployments_of(model, environment)
    earlier = [d for d in history if d.number < current.number]
    if to is not None:
        target = next((d for d in earlier if d.number == to), None)
        if target is None:
            earlier_numbers = ", ".join(str(d.number) for d in earlier) or "none"
            raise TagshipError(
                f"{model}/{environment}/{to}: {environment} never ran it before {current.name}",
                f"the deployments before are: {earlier_numbers}",
            )
        _check_target(snapshot, current, target)
        return target
    began = min(d.number for d in (*earlier, current) if d.content == current.content)
    for candidate in reversed([d for d in earlier if d.number < began]):
        is_rejected = snapshot.history.rejection(model, *candidate.content)
        if not (is_rejected or snapshot.history.is_moved(candidate)):
            return candidate
    raise TagshipError(
        f"{model}: {environment} ran nothing else before {current.name} that is not rejected",
        "release a fixed version; to stop serving, scale it down in the cluster",
    )


def _check_target(snapshot: Snapshot, current: Deployment, target: Deployment) -> None:
    """Refuse a deployment that cannot be run again, or that runs already."""
    if snapshot.history.is_moved(target):
        raise TagshipError(f"{target.name}: it was moved after it ran", "choose another")
    if target.content == current.content:
        raise TagshipError(f"{target.name} is what {current.name} runs already")
    model = target.tag.model
    rollback = snapshot.history.rejection(model, *target.content)
    if rollback:
        raise TagshipError(
            f"{target.name} runs {target.release}, rejected by {rollback.name}:"
            f" {rollback.says('Reason')}",
            f"choose another number, or lift it: tagship lift {model}"
            f" {rollback.says('Rejects').removeprefix(f'{model}/')}",
        )


def _plan(
    snapshot: Snapshot,
    current: Deployment,
    target: Deployment,
    reason: str,
    verifier: Verifier,
    notes: list[str],
) -> Plan:
    record = snapshot.record_of(target)
    if record.reference != target.says("Image") or record.release != target.release:
        raise TagshipError(
            f"{target.name}: its trailers and its commit disagree on what ran",
            "choose another number: --to N",
        )
    try:
        is_missing = not verifier.image_exists(record.reference)
    except TagshipError as error:
        is_missing = False
        notes.append(f"not checked whether the registry has the image: {error.args[0]}")
    if is_missing:
        raise TagshipError(
            f"{record.reference}: the registry does not have it any more",
            f"choose another deployment than {target.number}: --to N",
        )
    extra = {
        "Restores": target.name,
        "Rejects": name_rejected(current, target.name, target.release),
        "Reason": reason,
    }
    subject = f"roll back to {target.name} ({target.release})"
    return Plan(record, target.commit, "rollback", subject, target.manifests, extra)


def _align(snapshot: Snapshot, deployment: Deployment, dry_run: bool) -> tuple[str, str, str]:
    """A branch on which the default branch's record says what runs again."""
    record = snapshot.record_of(deployment)
    main_record = snapshot.record(snapshot.head, record.model, record.environment)
    if main_record is None or main_record == record:
        return "", "", ""
    title = f"deploy: {record.environment} is back on {record.release}"
    commit = snapshot.commit_record(
        snapshot.head, record, f"{title}\n\n{deployment.name}: {deployment.says('Reason')}\n"
    )
    branch = f"rollback/{deployment.name}"
    if not dry_run:
        push_branch(snapshot, branch, commit)
    reason = (
        deployment.says("Reason").replace("\\", "\\\\").replace("`", "\\`").replace("<", "&lt;")
    )
    rejects = deployment.says("Rejects")
    body = (
        f"`{deployment.name}` rolled {record.environment} back to `{record.release}`.\n\n"
        f"> {reason}\n\nThis brings the pin on {snapshot.remote.default} in line;"
        " it deploys nothing."
        + (f" `{rejects}` stays rejected until it is lifted.\n" if rejects else "\n")
    )
    return branch, title, body


def _rejecting(snapshot: Snapshot, model: str, name: str) -> list[str]:
    """The environments in which a rejection of ``name`` stands."""
    return [
        place for place in snapshot.environments if name in snapshot.history.standing(model, place)
    ]
