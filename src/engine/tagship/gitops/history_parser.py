"""From the tags that Git lists to the history that they tell. Pure.

What a tag's name and message look like is in ``tags``; what a history can answer is in ``history``.

Tags that are lightweight, malformed, misnamed or shadowed are findings, never acted on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.argocd_versions import Unresolvable, followed_version, version_of_number
from tagship.gitops.history import (
    Deployment,
    History,
    Release,
    Stray,
    TagFinding,
    derive_rejection,
)
from tagship.gitops.refs import RawTag
from tagship.gitops.tags import (
    DeploymentTag,
    Message,
    ReleaseTag,
    Series,
    one_line,
    parse_message,
    parse_seen,
    parse_tag,
)

_DELETED = 1000
"""How many deleted numbers a deployment is believed to have seen above those that are there."""
_RELEASE_NEEDS = ("Model-SHA256", "Lock-SHA256", "Config-SHA256", "Verdict", "Verdict-SHA256")
_DEPLOYMENT_NEEDS = ("Release", "Environment", "Action", "Image", "Model-SHA256", "Manifests")
Deployments = Mapping[Series, tuple[Deployment, ...]]
"""For each model and environment, by number."""


def parse_tags(
    tags: Iterable[RawTag],
    models: Iterable[str],
    environments: Iterable[str],
    other_refs: Iterable[str] = (),
    local: Mapping[str, str] | None = None,
    message_of: Callable[[str], str] = lambda commit: "",
) -> History:
    """Understand the remote's tags.

    ``other_refs`` are the remote's other refs, which may shadow a tag. A moved or deleted tag is
    noticed in two ways: by the tag objects of this clone, ``local``, and by later deployments,
    whose commit messages (``message_of`` a commit) list the tags that they saw.
    """
    raws = {raw.name: raw for raw in tags}
    known_models = {*models, *(name.split("/")[0] for name in raws if parse_tag(name))}
    releases, deployments, findings = _read_valid(raws.values(), set(environments))
    names = {d.name for series in deployments.values() for d in series}
    shadows = {
        ref: tag
        for ref in other_refs
        if (tag := _deployment_for_ref(ref)) and tag.model in known_models
    }
    strays = [stray for name in raws if name not in names and (stray := _stray(name, known_models))]
    strays += [
        Stray(ref, tag.series, version_of_number(tag.number))
        for ref, tag in shadows.items()
        if str(tag) in raws
    ]
    highest = {series: deployed[-1].number for series, deployed in deployments.items()}
    numbers = [(tag.series, tag.number) for tag in shadows.values()]
    numbers += [(stray.series, stray.version[0]) for stray in strays if stray.version]
    for series, number in numbers:
        highest[series] = max(number, highest.get(series, 0))
    sightings = _read_sightings(deployments, message_of)
    for sighting in (parse_tag(name) for name in sightings):
        assert isinstance(sighting, DeploymentTag)
        most = highest.get(sighting.series, 0)
        if most < sighting.number <= most + _DELETED:
            highest[sighting.series] = sighting.number
    history = History(releases, deployments, highest, tuple(strays), ())
    findings += [
        *(_misnamed_tag(name, history) for name in raws if name.split("/")[0] in known_models
          and parse_tag(name) is None),
        *(_shadowed_tag(ref, tag, history) for ref, tag in shadows.items()),
        *_check_chains(deployments, raws),
        *_check_claims(deployments),
        *_check_sightings(sightings, raws, deployments),
        *_check_clone(raws, local or {}, known_models),
    ]  # fmt: skip
    return replace(history, findings=tuple(findings))


def _read_valid(
    raws: Iterable[RawTag], environments: set[str]
) -> tuple[dict[str, Release], Deployments, list[TagFinding]]:
    """The releases and deployments that are what their names say, and what is wrong with others."""
    releases: dict[str, Release] = {}
    deployments: dict[Series, list[Deployment]] = {}
    findings = []
    for raw in raws:
        tag = parse_tag(raw.name)
        if tag is None:
            continue
        try:
            message = _read_message(tag, raw)
        except TagshipError as error:
            findings.append(TagFinding(raw.name, str(error.args[0])))
            continue
        if isinstance(tag, ReleaseTag):
            releases[raw.name] = Release(raw, message, tag)
            continue
        if tag.environment not in environments:
            findings.append(TagFinding(raw.name, f"'{tag.environment}' is no environment"))
        deployments.setdefault(tag.series, []).append(Deployment(raw, message, tag))
    by_number = {
        series: tuple(sorted(unordered, key=lambda deployment: deployment.number))
        for series, unordered in deployments.items()
    }
    return releases, by_number, findings


def _read_sightings(
    deployments: Deployments, message: Callable[[str], str]
) -> dict[str, tuple[str, str]]:
    """Each tag that the newest deployments saw → its object, and who saw it."""
    sightings: dict[str, tuple[str, str]] = {}
    for history in deployments.values():
        for name, tag_object in parse_seen(message(history[-1].commit)).items():
            sightings[name] = (tag_object, history[-1].name)
    return sightings


def _check_sightings(
    sightings: Mapping[str, tuple[str, str]],
    raws: Mapping[str, RawTag],
    deployments: Deployments,
) -> list[TagFinding]:
    """Deployments that a later one saw, and that are deleted or moved since."""
    findings = []
    for name, (tag_object, who) in sightings.items():
        tag = parse_tag(name)
        assert isinstance(tag, DeploymentTag)
        history = deployments.get(tag.series, ())
        if name in raws:
            if raws[name].object != tag_object:
                problem = f"it was moved: {who} saw {tag_object[:12]} of it"
                findings.append(TagFinding(name, problem, True))
        elif not history or history[-1].number < tag.number:
            way = f"git push origin {tag_object}:refs/tags/{name}"
            problem = f"it was deleted: {who} saw it; to restore it: {way}"
            findings.append(TagFinding(name, problem, True))
    return findings


def _check_claims(deployments: Deployments) -> list[TagFinding]:
    """Deployments whose claim to reject or lift contradicts their own history."""
    findings = []
    for history in deployments.values():
        before: Deployment | None = None
        for deployment in history:
            claim, rejection = deployment.says("Rejects"), derive_rejection(deployment, before)
            if claim != rejection:
                problem = f"it says that it rejects {claim or 'nothing'}"
                findings.append(
                    TagFinding(deployment.name, f"{problem}, but it leaves {rejection or '-'}")
                )
            if deployment.says("Lifts") and deployment.says("Action") != "lift":
                problem = f"it says that it lifts {deployment.says('Lifts')}, but it is no lift"
                findings.append(TagFinding(deployment.name, problem))
            before = deployment
    return findings


def _deployment_for_ref(ref: str) -> DeploymentTag | None:
    """The deployment's tag for which a ref of another kind can be taken: Git tries both by name."""
    for kind in ("refs/heads/", "refs/remotes/", "refs/"):
        if ref.startswith(kind):
            tag = parse_tag(ref.removeprefix(kind))
            return tag if isinstance(tag, DeploymentTag) else None
    return None


def _stray(name: str, known_models: set[str]) -> Stray | None:
    """What Argo CD makes of a tag that is no valid deployment; None when it ignores it."""
    model, _, path = name.partition("/")
    environment, _, version_name = path.partition("/")
    if model not in known_models or not version_name:
        return None
    try:
        version = followed_version(version_name)
    except Unresolvable:
        return Stray(f"refs/tags/{name}", (model, environment), None)
    return Stray(f"refs/tags/{name}", (model, environment), version) if version else None


def _read_message(tag: ReleaseTag | DeploymentTag, raw: RawTag) -> Message:
    if not raw.annotated:
        raise TagshipError("it is lightweight; only annotated tags count")
    if raw.own_name != raw.name:
        raise TagshipError(f"the tag object is that of '{one_line(raw.own_name)}'")
    if not raw.commit:
        raise TagshipError("it does not point at a commit")
    if raw.date is None:
        raise TagshipError("its date does not exist in the calendar")
    message = parse_message(raw.subject, raw.body)
    trailers = message.trailers
    values_by_name = {"Model": tag.model}
    if isinstance(tag, ReleaseTag):
        keys: tuple[str, ...] = _RELEASE_NEEDS
        values_by_name["Release"] = str(tag)
    else:
        keys = _DEPLOYMENT_NEEDS
        values_by_name["Environment"] = tag.environment
    for key, value in values_by_name.items():
        if trailers.get(key) != value:
            raise TagshipError(f"its trailer {key} says {trailers.get(key)!r}, its name {value!r}")
    for key in keys:
        if key not in trailers:
            raise TagshipError(f"its trailer {key} is missing")
    if isinstance(tag, DeploymentTag):
        action = trailers["Action"]
        if action not in ("deploy", "rollback", "lift"):
            raise TagshipError(f"its trailer Action says {action!r}")
        release = parse_tag(trailers["Release"])
        if not isinstance(release, ReleaseTag) or release.model != tag.model:
            raise TagshipError(f"its trailer Release says {trailers['Release']!r}")
    return message


def _misnamed_tag(name: str, history: History) -> TagFinding:
    spelling = "neither <model>/v<x.y.z> nor <model>/<environment>/<n>"
    strays = [stray for stray in history.strays if stray.ref == f"refs/tags/{name}"]
    if not strays:
        return TagFinding(name, f"{spelling}; it is ignored")
    series, version = strays[0].series, strays[0].version
    if version is None:
        return TagFinding(
            name,
            f"{spelling}; Argo CD resolves no tag of {'/'.join(series)} because of it:"
            f" an administrator deletes it: {page('how-to/rollback')}",
            True,
        )
    if strays[0] != history.stray(*series):
        return TagFinding(name, f"{spelling}; it is outranked")
    way = f'tagship rollback {series[0]} --env {series[1]} --reason "…" goes over it'
    return TagFinding(name, f"{spelling}; Argo CD follows it as number {version[0]}: {way}", True)


def _shadowed_tag(ref: str, tag: DeploymentTag, history: History) -> TagFinding:
    stray = history.stray(*tag.series)
    problem = f"Argo CD takes it for the tag {tag}: delete it"
    return TagFinding(str(tag), f"{ref}: {problem}", bool(stray and stray.ref == ref))


def _check_chains(deployments: Deployments, raws: Mapping[str, RawTag]) -> list[TagFinding]:
    findings = []
    for history in deployments.values():
        before = ""
        for deployment in history:
            name, _, tag_object = deployment.says("Previous").partition("@")
            if name and name not in raws:
                findings.append(TagFinding(name, f"it was deleted: {deployment.name} followed it"))
            elif name != before:
                problem = f"it says that it followed {name or 'nothing'}, not {before or 'nothing'}"
                findings.append(TagFinding(deployment.name, problem))
            elif name and raws[name].object != tag_object:
                problem = f"it was moved: {deployment.name} followed {tag_object[:12]} of it"
                findings.append(TagFinding(name, problem, True))
            before = deployment.name
    return findings


def _check_clone(
    raws: Mapping[str, RawTag], local: Mapping[str, str], known_models: set[str]
) -> list[TagFinding]:
    findings = []
    for name, tag_object in local.items():
        if name.split("/")[0] not in known_models or not parse_tag(name):
            continue
        if name not in raws:
            findings.append(
                TagFinding(name, "it is in this clone only: deleted there, or not pushed")
            )
        elif raws[name].object != tag_object:
            findings.append(
                TagFinding(
                    name, f"it was moved; or yours was never pushed: git tag -d {name}", True
                )
            )
    return findings
