"""Every deployment that Git tells of: those that count, and tags that only claim to be one."""

from collections.abc import Mapping

from tagship.gitops.history import Deployment, History, TagFinding
from tagship.gitops.refs import LOCAL, MIRROR, RawTag
from tagship.gitops.snapshot import Snapshot
from tagship.gitops.status import Row
from tagship.gitops.tags import DeploymentTag, parse_tag
from tagship.gitops.timeline import TimelineEntry
from tagship.site.document import DeploymentRow, ObservationRow, Place
from tagship.site.links import Links
from tagship.site.past_files import read_words, section
from tagship.verdict import GateStatus, parse_status


def deployment_rows(
    snapshot: Snapshot, entries: list[TimelineEntry], links: Links
) -> dict[str, list[DeploymentRow]]:
    """For each model its deployments in every environment, newest first by their own dates."""
    recorded = {(name, tag_object) for entry in entries for name, tag_object in entry.tags.items()}
    problems: dict[str, list[str]] = {}
    for finding in snapshot.history.findings:
        problems.setdefault(finding.ref, []).append(finding.problem)
    rows: dict[str, list[DeploymentRow]] = {}
    for (model, _), series in snapshot.history.deployments.items():
        ends = [*(later.date.isoformat() for later in series[1:]), None]
        rows.setdefault(model, []).extend(
            _row(snapshot, deployment, until, recorded, problems.get(deployment.name, []), links)
            for deployment, until in zip(series, ends, strict=True)
        )
    for invalid in _invalid(snapshot, links):
        rows.setdefault(invalid.model, []).append(invalid)
    for listed in rows.values():
        listed.sort(key=lambda row: (row.date or "", row.environment, row.number), reverse=True)
    return rows


def recorded_timeline(entries: list[TimelineEntry]) -> list[tuple[str, dict[str, str]]]:
    """What changed from entry to entry; a series that has no deployment any more says nothing."""
    before: dict[str, str] = {}
    moments = []
    for entry in entries:
        now = {name.rpartition("/")[0]: name for name in entry.tags}
        changed = {series: name for series, name in now.items() if before.get(series) != name}
        changed |= dict.fromkeys(before.keys() - now.keys(), "")
        if changed:
            moments.append((entry.when.isoformat(), changed))
        before = now
    return moments


def place(
    snapshot: Snapshot, row: Row, waiting: str | None, last: ObservationRow | None, links: Links
) -> Place:
    """What runs in one environment; ``last`` is what monitoring saw there."""
    current = snapshot.history.current(row.model, row.environment)
    runs = current if current and current.name == row.deployment and row.runs != "?" else None
    if last is not None and (runs is None or last.release != runs.release):
        last = None  # it is of what ran before
    return Place(
        environment=row.environment,
        release=row.runs or None,
        deployment=row.deployment or None,
        since=row.since or None,
        by=_trailer(runs, "Actor"),
        reason=_trailer(runs, "Reason"),
        verdict=_verdict(snapshot, runs) if runs else None,
        main=row.main,
        waiting=waiting,
        rejected=list(row.rejected),
        observed=last.status if last else None,
        observed_at=last.time if last else None,
        drift=last.drift_status if last else None,
        performance=last.performance_status if last else None,
        origin=links.tag(row.deployment) if row.deployment else None,
    )


def is_deployment(history: History, finding: TagFinding) -> bool:
    """Whether what is wrong is the tag of a deployment, or what Argo CD could take for one."""
    model, *place = finding.ref.split("/")
    return len(place) > 1 and model in history.models()


def _row(
    snapshot: Snapshot,
    deployment: Deployment,
    until: str | None,
    recorded: set[tuple[str, str]],
    problems: list[str],
    links: Links,
) -> DeploymentRow:
    return DeploymentRow(
        deployment=deployment.name,
        model=deployment.tag.model,
        environment=deployment.tag.environment,
        number=deployment.number,
        valid=True,
        problem="; ".join(problems) or None,
        date=deployment.date.isoformat(),
        until=until,
        action=_trailer(deployment, "Action"),
        release=deployment.release,
        actor=_trailer(deployment, "Actor"),
        approved_by=_trailer(deployment, "Approved-By"),
        reviewed=_trailer(deployment, "Reviewed"),
        reason=_trailer(deployment, "Reason"),
        rejects=_trailer(deployment, "Rejects"),
        lifts=_trailer(deployment, "Lifts"),
        image=_trailer(deployment, "Image"),
        verdict=_verdict(snapshot, deployment),
        commit=deployment.commit,
        recorded=(deployment.name, deployment.raw.object) in recorded,
        origin=links.tag(deployment.name),
    )


def _verdict(snapshot: Snapshot, deployment: Deployment) -> GateStatus | None:
    """The release's, or, where its tag is gone, that of the deployment's own commit."""
    release = snapshot.history.releases.get(deployment.release)
    if release is not None:
        return parse_status(release.says("Verdict"))
    content = read_words(snapshot.git.show(deployment.commit, "verdict.json"))
    return parse_status(section(content, "status"))


def _invalid(snapshot: Snapshot, links: Links) -> list[DeploymentRow]:
    """What is no deployment but has the place of one: malformed, deleted, or no tag at all."""
    history = snapshot.history
    valid = {deployment.name for series in history.deployments.values() for deployment in series}
    wrong: dict[str, list[str]] = {}
    for finding in history.findings:
        if finding.ref not in valid and is_deployment(history, finding):
            wrong.setdefault(finding.ref, []).append(finding.problem)
    if not wrong:
        return []
    namespace = MIRROR if snapshot.git.has_remote() else LOCAL
    raws: Mapping[str, RawTag] = {raw.name: raw for raw in snapshot.git.tags(namespace)}
    followed = {stray.ref.removeprefix("refs/tags/"): stray.version for stray in history.strays}
    rows = []
    for name, reasons in wrong.items():
        tag, raw, version = parse_tag(name), raws.get(name), followed.get(name)
        number = tag.number if isinstance(tag, DeploymentTag) else version[0] if version else 0
        model, environment = name.split("/")[:2]
        blank = dict.fromkeys(DeploymentRow.model_fields)
        fields = {
            "deployment": name, "model": model, "environment": environment, "number": number,
            "valid": False, "problem": "; ".join(reasons), "recorded": False,
            "date": raw.date.isoformat() if raw and raw.annotated and raw.date else None,
            "commit": (raw.commit or None) if raw else None,
            "origin": links.tag(name) if raw else None,
        }  # fmt: skip
        rows.append(DeploymentRow.model_validate(blank | fields))
    return rows


def _trailer(deployment: Deployment | None, key: str) -> str | None:
    return (deployment.says(key) or None) if deployment else None
