"""From the tags that Git lists to the history that they tell. Pure.

What a tag's name and message look like is in ``tags``; what a history can answer is in ``history``.

Tags that are lightweight, malformed, misnamed or shadowed are findings, never acted on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.argocd_versions import Unresolvable, followed_version, version_of_number
from tagship.gitops.history import Deployment, History, Release, Series, Stray, TagFinding, rejects
from tagship.gitops.refs import RawTag
from tagship.gitops.tags import (
    DeploymentTag,
    Message,
    ReleaseTag,
    one_line,
    parse_message,
    parse_seen,
    parse_tag,
)

_DELETED = 1000
"""How many deleted numbers a deployment is believed to have seen above those that are there."""
_RELEASE_NEEDS = ("Model-SHA256", "Lock-SHA256", "Config-SHA256", "Verdict", "Verdict-SHA256")
_DEPLOYMENT_NEEDS = ("Release", "Environment", "Action", "Image", "Model-SHA256", "Manifests")


def parse_tags(
    tags: Iterable[RawTag],
    models: Iterable[str],
    environments: Iterable[str],
    others: Iterable[str] = (),
    local: Mapping[str, str] | None = None,
    message_of: Callable[[str], str] = lambda commit: "",
) -> History:
    """Understand the remote's tags.

    ``others`` are the remote's other refs, which may shadow a tag. A moved or deleted tag is
    noticed in two ways: by the tag objects of this clone, ``local``, and by later deployments,
    whose commit messages (``message_of`` a commit) list the tags that they saw.
    """
    raws = {raw.name: raw for raw in tags}
    known = {*models, *(name.split("/")[0] for name in raws if parse_tag(name))}
    places = set(environments)
    findings: list[TagFinding] = []
    releases: dict[str, Release] = {}
    deployments: dict[Series, list[Deployment]] = {}
    for name, raw in raws.items():
        tag = parse_tag(name)
        if tag is None:
            continue
        try:
            message = _understand(tag, raw)
        except TagshipError as error:
            findings.append(TagFinding(name, str(error.args[0])))
            continue
        if isinstance(tag, ReleaseTag):
            releases[name] = Release(raw, message, tag)
        else:
            if tag.environment not in places:
                findings.append(TagFinding(name, f"'{tag.environment}' is no environment"))
            here = deployments.setdefault((tag.model, tag.environment), [])
            here.append(Deployment(raw, message, tag))
    ordered = {
        key: tuple(sorted(in_series, key=lambda d: d.number))
        for key, in_series in deployments.items()
    }
    valid = {d.name for in_series in ordered.values() for d in in_series}
    shadows = {ref: tag for ref in others if (tag := _shadowed(ref)) and tag.model in known}
    strays = [stray for name in raws if name not in valid and (stray := _stray(name, known))]
    strays += [
        Stray(ref, (tag.model, tag.environment), version_of_number(tag.number))
        for ref, tag in shadows.items()
        if str(tag) in raws
    ]
    used = {
        (d.tag.model, d.tag.environment, d.number)
        for in_series in ordered.values()
        for d in in_series
    }
    used |= {(tag.model, tag.environment, tag.number) for tag in shadows.values()}
    used |= {(*stray.series, stray.version[0]) for stray in strays if stray.version}
    highest: dict[Series, int] = {}
    for model, environment, number in used:
        highest[model, environment] = max(number, highest.get((model, environment), 0))
    seen = _seen(ordered, message_of)
    for tag in (parse_tag(name) for name in seen):
        assert isinstance(tag, DeploymentTag)
        most = highest.get((tag.model, tag.environment), 0)
        if most < tag.number <= most + _DELETED:
            highest[tag.model, tag.environment] = tag.number
    history = History(releases, ordered, highest, tuple(strays), ())
    findings += [
        *(_misnamed(name, history) for name in raws if name.split("/")[0] in known
          and parse_tag(name) is None),
        *(_shadowing(ref, tag, history) for ref, tag in shadows.items()),
        *_broken_chains(ordered, raws),
        *_untrue(ordered),
        *_gone(seen, raws, ordered),
        *_moved(raws, local or {}, known),
    ]  # fmt: skip
    return replace(history, findings=tuple(findings))


def _seen(
    ordered: Mapping[Series, tuple[Deployment, ...]], message: Callable[[str], str]
) -> dict[str, tuple[str, str]]:
    """Each tag that the newest deployments saw → its object, and who saw it."""
    seen: dict[str, tuple[str, str]] = {}
    for history in ordered.values():
        for name, held in parse_seen(message(history[-1].commit)).items():
            seen[name] = (held, history[-1].name)
    return seen


def _gone(
    seen: Mapping[str, tuple[str, str]],
    raws: Mapping[str, RawTag],
    ordered: Mapping[Series, tuple[Deployment, ...]],
) -> list[TagFinding]:
    """Deployments that a later one saw, and that are deleted or moved since."""
    findings = []
    for name, (held, who) in seen.items():
        tag = parse_tag(name)
        assert isinstance(tag, DeploymentTag)
        history = ordered.get((tag.model, tag.environment), ())
        if name in raws:
            if raws[name].object != held:
                problem = f"it was moved: {who} saw {held[:12]} of it"
                findings.append(TagFinding(name, problem, True))
        elif not history or history[-1].number < tag.number:
            way = f"git push origin {held}:refs/tags/{name}"
            problem = f"it was deleted: {who} saw it; to restore it: {way}"
            findings.append(TagFinding(name, problem, True))
    return findings


def _untrue(ordered: Mapping[Series, tuple[Deployment, ...]]) -> list[TagFinding]:
    """Deployments whose claim to reject or lift contradicts their own history."""
    findings = []
    for history in ordered.values():
        before: Deployment | None = None
        for deployment in history:
            claim, left = deployment.says("Rejects"), rejects(deployment, before)
            if claim != left:
                problem = f"it says that it rejects {claim or 'nothing'}"
                findings.append(
                    TagFinding(deployment.name, f"{problem}, but it leaves {left or '-'}")
                )
            if deployment.says("Lifts") and deployment.says("Action") != "lift":
                problem = f"it says that it lifts {deployment.says('Lifts')}, but it is no lift"
                findings.append(TagFinding(deployment.name, problem))
            before = deployment
    return findings


def _shadowed(ref: str) -> DeploymentTag | None:
    """The deployment's tag for which a ref of another kind can be taken: Git tries both by name."""
    for kind in ("refs/heads/", "refs/remotes/", "refs/"):
        if ref.startswith(kind):
            tag = parse_tag(ref.removeprefix(kind))
            return tag if isinstance(tag, DeploymentTag) else None
    return None


def _stray(name: str, known: set[str]) -> Stray | None:
    """What Argo CD makes of a tag that is no valid deployment; None when it ignores it."""
    model, _, rest = name.partition("/")
    environment, _, last = rest.partition("/")
    if model not in known or not last:
        return None
    try:
        version = followed_version(last)
    except Unresolvable:
        return Stray(f"refs/tags/{name}", (model, environment), None)
    return Stray(f"refs/tags/{name}", (model, environment), version) if version else None


def _understand(tag: ReleaseTag | DeploymentTag, raw: RawTag) -> Message:
    if not raw.annotated:
        raise TagshipError("it is lightweight; only annotated tags count")
    if raw.own_name != raw.name:
        raise TagshipError(f"the tag object is that of '{one_line(raw.own_name)}'")
    if not raw.commit:
        raise TagshipError("it does not point at a commit")
    if raw.date is None:
        raise TagshipError("its date is none that a calendar has")
    message = parse_message(raw.subject, raw.body)
    says = message.trailers
    expected = {"Model": tag.model}
    if isinstance(tag, ReleaseTag):
        needed: tuple[str, ...] = _RELEASE_NEEDS
        expected["Release"] = str(tag)
    else:
        needed = _DEPLOYMENT_NEEDS
        expected["Environment"] = tag.environment
    for key, value in expected.items():
        if says.get(key) != value:
            raise TagshipError(f"its trailer {key} says {says.get(key)!r}, its name {value!r}")
    for key in needed:
        if key not in says:
            raise TagshipError(f"its trailer {key} is missing")
    if isinstance(tag, DeploymentTag):
        action = says["Action"]
        if action not in ("deploy", "rollback", "lift"):
            raise TagshipError(f"its trailer Action says {action!r}")
        release = parse_tag(says["Release"])
        if not isinstance(release, ReleaseTag) or release.model != tag.model:
            raise TagshipError(f"its trailer Release says {says['Release']!r}")
    return message


def _misnamed(name: str, history: History) -> TagFinding:
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


def _shadowing(ref: str, tag: DeploymentTag, history: History) -> TagFinding:
    stray = history.stray(tag.model, tag.environment)
    problem = f"Argo CD takes it for the tag {tag}: delete it"
    return TagFinding(str(tag), f"{ref}: {problem}", bool(stray and stray.ref == ref))


def _broken_chains(
    deployments: Mapping[Series, tuple[Deployment, ...]], raws: Mapping[str, RawTag]
) -> list[TagFinding]:
    findings = []
    for history in deployments.values():
        before = ""
        for deployment in history:
            name, _, held = deployment.says("Previous").partition("@")
            if name and name not in raws:
                findings.append(TagFinding(name, f"it was deleted: {deployment.name} followed it"))
            elif name != before:
                problem = f"it says that it followed {name or 'nothing'}, not {before or 'nothing'}"
                findings.append(TagFinding(deployment.name, problem))
            elif name and raws[name].object != held:
                problem = f"it was moved: {deployment.name} followed {held[:12]} of it"
                findings.append(TagFinding(name, problem, True))
            before = deployment.name
    return findings


def _moved(
    raws: Mapping[str, RawTag], local: Mapping[str, str], known: set[str]
) -> list[TagFinding]:
    findings = []
    for name, held in local.items():
        if name.split("/")[0] not in known or not parse_tag(name):
            continue
        if name not in raws:
            findings.append(
                TagFinding(name, "it is in this clone only: deleted there, or not pushed")
            )
        elif raws[name].object != held:
            findings.append(
                TagFinding(
                    name, f"it was moved; or yours was never pushed: git tag -d {name}", True
                )
            )
    return findings
