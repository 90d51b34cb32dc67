"""Verifying a tag: every claim it makes is derived again from what it points at."""

from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gitops.heads import read_heads
from tagship.gitops.ledger import Deployment, Release
from tagship.gitops.records import Record, pin_path, record_path
from tagship.gitops.rules import (
    Candidate,
    Check,
    Rule,
    check_release,
    examine,
    refuse_other_kustomize,
)
from tagship.gitops.tagging import VERDICT_FILE, verdict_file
from tagship.gitops.tags import DeploymentTag, ReleaseTag, parse_tag
from tagship.gitops.view import Checks, View, look

_SOUND = "the tag itself is sound"
_TAKEN = {
    "Verdict": "by training again: --retrain", "Reviewed": "", "Approved-By": "", "Reason": "",
    "Actor": "", "Run": "",
}  # fmt: skip
"""Trailers that are believed, and how they could be derived."""


@dataclass(frozen=True)
class Verification:
    """What was found about one tag."""

    name: str
    checks: list[Check]
    taken: tuple[str, ...] = ()
    """What it says that nothing here derives."""

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return not any(check.problem for check in self.checks)


def verify(
    root: Path,
    name: str,
    checks: Checks,
    retrain: bool = False,
    signed: bool = False,
    kind: str | None = None,
) -> Verification:
    """Examine a deployment's or a release's tag; where only one kind will do, it is named.

    Raises:
        TagshipError: the name is no such tag's, or the remote has none of it.
    """
    tag = parse_tag(name)
    if tag is None:
        raise TagshipError(
            f"{name!r} is no tag of this grammar",
            "<model>/v<x.y.z> is a release, <model>/<environment>/<n> a deployment",
        )
    if kind and kind != ("release" if isinstance(tag, ReleaseTag) else "deployment"):
        raise TagshipError(f"{name} is no tag of a {kind}", "name the tag that this is about")
    return _examine(look(root), name, tag, checks, retrain, signed)


def verify_all(root: Path, checks: Checks) -> list[Verification]:
    """Examine every tag of every model, and everything that is wrong with one."""
    view = look(root)
    names = [*view.ledger.releases]
    names += [d.name for history in view.ledger.deployments.values() for d in history]
    known = [(name, tag) for name in names if (tag := parse_tag(name))]
    found = [_examine(view, name, tag, checks, False, False) for name, tag in known]
    others = [finding for finding in view.ledger.findings if finding.ref not in names]
    problems = [(finding.ref, finding.problem) for finding in others]
    problems += _deleted_since(view)
    return found + [Verification(ref, [Check(_SOUND, problem)]) for ref, problem in problems]


def _deleted_since(view: View) -> list[tuple[str, str]]:
    """Deployments that the branch of heads saw last, and that are gone or moved."""
    entries = read_heads(view)
    known = {d.name: d.raw.object for mine in view.ledger.deployments.values() for d in mine}
    return list(entries[-1].gone(known).items()) if entries else []


def _examine(
    view: View,
    name: str,
    tag: ReleaseTag | DeploymentTag,
    checks: Checks,
    retrain: bool,
    signed: bool,
) -> Verification:
    rules: list[Rule] = [(_SOUND, lambda: _no_finding(view, name))]
    found: Release | Deployment | None
    if isinstance(tag, ReleaseTag):
        found = release = view.ledger.releases.get(name)
        if release:
            rules += _release_rules(view, release)
    else:
        history = view.ledger.history(tag.model, tag.environment)
        ran = found = next((d for d in history if d.number == tag.number), None)
        release = view.ledger.releases.get(ran.release) if ran else None
        if ran:
            rules += _deployment_rules(view, ran, checks)
    if signed:
        rules.append(("it is signed by a known key", lambda: _signed(view, name)))
    if retrain and release:
        rules.append(
            ("retraining gives the lock, and it passes", lambda: _again(view, release, checks))
        )
    said = found.message.trailers if found else {}
    taken = [key + (f" ({way})" if way else "") for key, way in _TAKEN.items() if key in said]
    return Verification(name, examine(rules), (*taken, "the date"))


def _no_finding(view: View, name: str) -> None:
    for finding in view.ledger.findings:
        if finding.ref == name:
            raise TagshipError(finding.problem)
    tag = parse_tag(name)
    known = name in view.ledger.releases or any(
        d.name == name for history in view.ledger.deployments.values() for d in history
    )
    if not known:
        raise TagshipError(f"the remote has no {tag}")


def _release_rules(view: View, release: Release) -> list[Rule]:
    def verdict() -> None:
        if release.says("Verdict") not in ("pass", "warn"):
            raise TagshipError(f"its verdict is {release.says('Verdict')}")

    return [
        ("it says what its commit holds", lambda: check_release(view, release)),
        ("its verdict is not a failure", verdict),
    ]


def _deployment_rules(view: View, deployment: Deployment, checks: Checks) -> list[Rule]:
    model, environment = deployment.tag.model, deployment.tag.environment
    rules: list[Rule] = [
        (
            "its commit is main's, with the deploy/ that it claims",
            lambda: _placed(view, deployment),
        ),
        ("its trailers are what its commit holds", lambda: _agrees(view, deployment)),
    ]
    try:
        origin = _origin(view, deployment)
        record = view.record(origin.commit, model, environment)
    except TagshipError:
        record = None
    if record:
        candidate = Candidate(view, origin.commit, record, deployment)
        kept = candidate.rules()
        if deployment.says("Action") == "lift":
            kept = [rule for rule in kept if rule[1] != candidate.not_rejected]
        rules += kept
        rules.append(("the registry has the image", lambda: _image(record, checks)))
    return rules


def _origin(view: View, deployment: Deployment) -> Deployment:
    """The deployment that first ran what a rollback or a lift runs again.

    Raises:
        TagshipError: it restores what never ran before it, or something else.
    """
    while deployment.says("Action") != "deploy":
        history = view.ledger.history(deployment.tag.model, deployment.tag.environment)
        earlier = [d for d in history if d.number < deployment.number]
        if deployment.says("Action") == "rollback":
            earlier = [d for d in earlier if d.name == deployment.says("Restores")]
        if not earlier:
            raise TagshipError(
                f"it restores {deployment.says('Restores') or 'nothing'}, which never ran before"
            )
        source = earlier[-1]
        if view.git.tree(deployment.commit, "deploy") != view.git.tree(source.commit, "deploy"):
            raise TagshipError(f"its deploy/ is not that of {source.name}, which it runs again")
        deployment = source
    return deployment


def _agrees(view: View, deployment: Deployment) -> None:
    model, environment = deployment.tag.model, deployment.tag.environment
    record = view.record(deployment.commit, model, environment)
    if record is None:
        raise TagshipError(f"its commit has no {record_path(model, environment)}")
    for key, found in record.trailers().items():
        if deployment.says(key) != found:
            raise TagshipError(f"{key} says {deployment.says(key)}, its commit holds {found}")
    origin = _origin(view, deployment)
    if deployment.manifests != origin.manifests:
        raise TagshipError(
            f"it says other Manifests or Kustomize than {origin.name}, which it runs"
        )
    found = view.manifests(origin.commit, model, environment)
    if found != deployment.says("Manifests"):
        refuse_other_kustomize(view, deployment)
        raise TagshipError(f"Manifests says {deployment.says('Manifests')}, it renders {found}")


def _placed(view: View, deployment: Deployment) -> None:
    """One commit on top of main, which changes ``deploy/`` alone, and that as its action says."""
    model, environment = deployment.tag.model, deployment.tag.environment
    commit = deployment.commit
    parents = view.git.parents(commit)
    if len(parents) != 1 or not view.git.is_ancestor(parents[0], view.head):
        raise TagshipError(
            f"commit {commit[:12]} does not stand on one of {view.remote.default}: its files were"
            " never merged"
        )
    changed = view.git.changed(parents[0], commit)
    elsewhere = [p for p in changed if not p.startswith("deploy/") and p != VERDICT_FILE]
    if elsewhere:
        raise TagshipError(f"commit {commit[:12]} changes {elsewhere[0]}: nobody reviewed that")
    if deployment.says("Action") != "deploy":
        _origin(view, deployment)
    elif environment == view.project_at(commit).environments[0]:
        mine = {record_path(model, environment), pin_path(model, environment), VERDICT_FILE}
        if not set(changed) <= mine:
            other = sorted(set(changed) - mine)[0]
            raise TagshipError(f"commit {commit[:12]} changes {other}: nobody reviewed that")
    elif not _was_merged(view, commit, parents[0]):
        raise TagshipError(
            f"the deploy/ of commit {commit[:12]} was never that of {view.remote.default}: nobody"
            " reviewed it"
        )
    files = verdict_file(view.ledger.releases.get(deployment.release))
    if view.git.show(commit, VERDICT_FILE) != files.get(VERDICT_FILE):
        raise TagshipError(f"its {VERDICT_FILE} is not the verdict of {deployment.release}")


def _was_merged(view: View, commit: str, parent: str) -> bool:
    """Whether a commit's ``deploy/`` is one that the default branch had by then."""
    wanted = view.git.tree(commit, "deploy")
    merged = view.git.history(parent, "deploy")
    return any(view.git.tree(each, "deploy") == wanted for each in (parent, *merged))


def _image(record: Record, checks: Checks) -> None:
    if not checks.image_exists(record.reference):
        raise TagshipError(f"{record.reference} is gone")


def _signed(view: View, name: str) -> None:
    view.git.run("verify-tag", f"refs/tagship/tags/{name}")


def _again(view: View, release: Release, checks: Checks) -> None:
    """Retrain in a work tree of the release, and judge it as it was judged."""
    model = release.tag.model
    champion = release.says("Champion")
    with view.git.checkout(release.commit) as folder:
        files = load_model(folder, model)
        checks.verify_lock(files)
        verdict = checks.gate(files, None if champion in ("", "none") else champion)
    if verdict.status == "fail":
        failed = ", ".join(f"{r.gate} {r.subject}" for r in verdict.of_status("fail"))
        raise TagshipError(f"{release.name} does not pass again: {failed}")
