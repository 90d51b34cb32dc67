"""Every release of a model: what it is, where it is, and what can be done with it."""

from collections.abc import Iterator

from tagship.errors import TagshipError
from tagship.gitops.history import Release
from tagship.gitops.propose import branch_for
from tagship.gitops.snapshot import Snapshot
from tagship.site.document import ReleaseRow, Stage
from tagship.site.links import Links
from tagship.site.past_files import card_owner, locked_facts
from tagship.verdict import Verdict, parse_verdict


def registry(snapshot: Snapshot, model: str, links: Links) -> list[ReleaseRow]:
    """A model's releases, the highest version first."""
    releases = [each for each in snapshot.history.releases.values() if each.tag.model == model]
    releases.sort(key=lambda release: release.tag.version, reverse=True)
    return [_row(snapshot, release, links) for release in releases]


def waiting(snapshot: Snapshot, model: str, environment: str) -> tuple[str, str] | None:
    """The release that a pull request could bring to an environment next, and the branch of it.

    It is newer than what runs there and than what the default branch asks for. A branch proposes
    it; or else the environment before runs it, and the branch is empty.
    """
    history, before = snapshot.history, snapshot.before(environment)
    if before is None or snapshot.not_asked or history.stray(model, environment):
        return None
    current, source = (history.current(model, place) for place in (environment, before))
    try:
        record = snapshot.record(snapshot.head, model, environment)
    except TagshipError:
        return None  # it is broken on the default branch, as ``main`` says
    known_releases = {current.release if current else "", record.release if record else ""}
    passed = [history.releases[name].tag for name in known_releases & history.releases.keys()]
    newer = [
        release
        for release in history.releases.values()
        if release.tag.model == model
        and all(release.tag > tag for tag in passed)
        and not history.rejection(model, release.name, "")
    ]
    for release in sorted(newer, key=lambda release: release.tag, reverse=True):
        branch = branch_for(snapshot, release.name, environment)
        if branch in snapshot.remote.heads and _may_come(snapshot, release, environment):
            return release.name, branch
    names = {release.name for release in newer}
    return (source.release, "") if source and source.release in names else None


def _may_come(snapshot: Snapshot, release: Release, environment: str) -> bool:
    """Whether it never ran there, or was lifted since: a branch can outlive its merge."""
    ran = lifted = 0
    for deployment in snapshot.history.deployments_of(release.tag.model, environment):
        ran = deployment.number if deployment.release == release.name else ran
        lifted = deployment.number if deployment.says("Lifts") == release.name else lifted
    return lifted >= ran


def verdict_of(release: Release) -> Verdict | None:
    """The verdict that a release carries; None where it carries none that this engine reads."""
    try:
        return parse_verdict(release.verdict)
    except ValueError:
        return None


def _row(snapshot: Snapshot, release: Release, links: Links) -> ReleaseRow:
    model, history = release.tag.model, snapshot.history
    ran = [
        deployment
        for (name, _), series in history.deployments.items()
        if name == model
        for deployment in series
        if deployment.release == release.name
    ]
    runs_in = [
        environment
        for environment in snapshot.environments
        if (current := history.current(model, environment))
        and current.release == release.name
        and not history.stray(model, environment)
    ]
    facts = locked_facts(snapshot.git.show(release.commit, f"config/{model}/model.lock.yaml"))
    later = [deployment for deployment in ran if deployment.tag.environment != snapshot.first]
    rejection = history.rejection(model, release.name, "")
    approvers = filter(None, (deployment.says("Approved-By") for deployment in later))
    stage: Stage = "Archived" if ran else "None"
    if runs_in:
        stage = "Production" if snapshot.environments[-1] in runs_in else "Staging"
    return ReleaseRow(
        release=release.name,
        stage=stage,
        runs_in=runs_in,
        date=release.date.isoformat(),
        commit=release.commit,
        owner=card_owner(snapshot.git.show(release.commit, f"config/{model}/model.yaml")),
        actor=release.says("Actor") or release.raw.tagger or None,
        approved_by=list(dict.fromkeys(approvers)),
        candidate=facts.candidate,
        metrics=dict(facts.metrics),
        verdict=verdict_of(release),
        verdict_status=release.says("Verdict"),
        model_sha256=release.says("Model-SHA256"),
        data_sha256=facts.data_sha256,
        rejected_by=rejection.name if rejection else None,
        commands=list(_commands(snapshot, release, bool(ran), runs_in, bool(rejection))),
        origin=links.tag(release.name),
    )


def _commands(
    snapshot: Snapshot, release: Release, ran: bool, runs_in: list[str], rejected: bool
) -> Iterator[str]:
    model, version = release.tag.model, str(release.tag.version)
    active = model in snapshot.models
    last = snapshot.environments[-1]
    if rejected:
        yield f'tagship lift {model} {version} --reason "…"'
    elif active and not ran:
        image = f"{snapshot.project.registry}/{snapshot.project.name}-{model}@sha256:…"
        yield f"tagship reconcile --release {release.name} --image {image}"
    elif active:
        for environment in snapshot.environments[1:]:
            before = snapshot.before(environment)
            came = any(
                deployment.release == release.name
                for deployment in snapshot.history.deployments_of(model, before or "")
            )
            if came and environment not in runs_in:
                yield f"tagship propose {model} {version} --env {environment}"
                break
    for environment in runs_in:
        if len(snapshot.history.deployments_of(model, environment)) > 1:
            yield f'tagship rollback {model} --env {environment} --reason "…"'
    if last in runs_in:
        yield f"tagship history {model} --env {last}"
    yield f"tagship verify-deployment {release.name}"
