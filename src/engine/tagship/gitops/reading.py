"""From tags to the ledger. Pure.

Tags that are lightweight, malformed, misnamed or shadowed are findings, never acted on.
"""

from collections.abc import Iterable, Mapping

from tagship.errors import TagshipError
from tagship.gitops.git import RawTag
from tagship.gitops.ledger import Deployment, Finding, Ledger, Release
from tagship.gitops.tags import (
    DeploymentTag,
    Message,
    ReleaseTag,
    one_line,
    parse_message,
    parse_tag,
)

_RELEASE_NEEDS = ("Model-SHA256", "Lock-SHA256", "Config-SHA256", "Verdict", "Verdict-SHA256")
_DEPLOYMENT_NEEDS = ("Release", "Environment", "Action", "Image", "Model-SHA256", "Manifests")
_MOST_GAPS = 20
"""How many missing numbers of a series are findings."""


def read_ledger(
    tags: Iterable[RawTag],
    models: Iterable[str],
    environments: Iterable[str],
    branches: Iterable[str] = (),
    local: Mapping[str, str] | None = None,
) -> Ledger:
    """Understand the remote's tags.

    ``branches`` are the remote's, which may shadow a tag; ``local`` the tag objects of this clone,
    by which a moved or deleted tag is noticed.
    """
    raws = {raw.name: raw for raw in tags}
    known = {*models, *(name.split("/")[0] for name in raws if parse_tag(name))}
    places = set(environments)
    findings: list[Finding] = []
    releases: dict[str, Release] = {}
    deployments: dict[tuple[str, str], list[Deployment]] = {}
    used: dict[tuple[str, str], list[int]] = {}
    for name, raw in raws.items():
        tag = parse_tag(name)
        if tag is None:
            if name.split("/")[0] in known:
                findings.append(_misspelt(name, places))
            continue
        if isinstance(tag, DeploymentTag):
            used.setdefault((tag.model, tag.environment), []).append(tag.number)
        try:
            message = _understand(tag, raw)
        except TagshipError as error:
            findings.append(Finding(name, str(error.args[0])))
            continue
        if isinstance(tag, ReleaseTag):
            releases[name] = Release(raw, message, tag)
        else:
            if tag.environment not in places:
                findings.append(Finding(name, f"'{tag.environment}' is no environment"))
            here = deployments.setdefault((tag.model, tag.environment), [])
            here.append(Deployment(raw, message, tag))
    for branch in branches:
        if parse_tag(branch) or (branch.split("/")[0] in known and branch.count("/") < 3):
            findings.append(
                Finding(branch, "a branch of this name can shadow a tag: delete the branch", True)
            )
    ordered = {
        key: tuple(sorted(found, key=lambda d: d.number)) for key, found in deployments.items()
    }
    findings += _gaps(used) + _broken_chains(ordered, raws) + _moved(raws, local or {}, known)
    return Ledger(
        releases, ordered, {k: tuple(sorted(v)) for k, v in used.items()}, tuple(findings)
    )


def _understand(tag: ReleaseTag | DeploymentTag, raw: RawTag) -> Message:
    if not raw.annotated:
        raise TagshipError("it is lightweight; only annotated tags count")
    if raw.own_name != raw.name:
        raise TagshipError(f"the tag object is that of '{one_line(raw.own_name)}'")
    if not raw.commit:
        raise TagshipError("it does not point at a commit")
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


def _misspelt(name: str, environments: set[str]) -> Finding:
    parts = name.split("/")
    followed = len(parts) == 2 or parts[1] in environments
    return Finding(
        name,
        "neither <model>/v<x.y.z> nor <model>/<environment>/<n>"
        + ("; Argo CD could follow it: delete it" if followed and len(parts) > 2 else ""),
        followed and len(parts) > 2,
    )


def _gaps(used: Mapping[tuple[str, str], list[int]]) -> list[Finding]:
    return [
        Finding(f"{model}/{environment}/{number}", "this number is missing: a tag was deleted")
        for (model, environment), numbers in used.items()
        for number in _missing_numbers(numbers)
    ]


def _missing_numbers(numbers: Iterable[int]) -> list[int]:
    """The first gaps below the highest number; their cost never depends on how high that is."""
    missing: list[int] = []
    expected = 1
    for number in sorted(set(numbers)):
        missing += range(expected, min(number, expected + _MOST_GAPS - len(missing)))
        expected = number + 1
    return missing


def _broken_chains(
    deployments: Mapping[tuple[str, str], tuple[Deployment, ...]], raws: Mapping[str, RawTag]
) -> list[Finding]:
    findings = []
    for deployment in (d for history in deployments.values() for d in history):
        name, _, held = deployment.says("Previous").partition("@")
        if held and name in raws and raws[name].object != held:
            problem = f"it was moved: {deployment.name} followed {held[:12]} of it"
            findings.append(Finding(name, problem, True))
    return findings


def _moved(raws: Mapping[str, RawTag], local: Mapping[str, str], known: set[str]) -> list[Finding]:
    findings = []
    for name, held in local.items():
        if name.split("/")[0] not in known or not parse_tag(name):
            continue
        if name not in raws:
            findings.append(Finding(name, "it is in this clone only: deleted there, or not pushed"))
        elif raws[name].object != held:
            findings.append(
                Finding(name, f"it was moved; or yours was never pushed: git tag -d {name}", True)
            )
    return findings
