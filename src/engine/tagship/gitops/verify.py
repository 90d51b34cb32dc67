"""Verifying a tag: every claim it makes is derived again from what it points at."""

from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gitops.ledger import Deployment, Release
from tagship.gitops.records import Record, pin_path, record_path
from tagship.gitops.rules import Candidate, Check, Rule, check_release, examine
from tagship.gitops.tags import DeploymentTag, ReleaseTag, parse_tag
from tagship.gitops.view import Checks, View, look

_SOUND = "the tag itself is sound"


@dataclass(frozen=True)
class Verification:
    """What was found about one tag."""

    name: str
    checks: list[Check]

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
    return found + [Verification(f.ref, [Check(_SOUND, f.problem)]) for f in others]


def _examine(
    view: View,
    name: str,
    tag: ReleaseTag | DeploymentTag,
    checks: Checks,
    retrain: bool,
    signed: bool,
) -> Verification:
    rules: list[Rule] = [(_SOUND, lambda: _no_finding(view, name))]
    if isinstance(tag, ReleaseTag):
        release = view.ledger.releases.get(name)
        if release:
            rules += _release_rules(view, release)
    else:
        history = view.ledger.history(tag.model, tag.environment)
        found = next((d for d in history if d.number == tag.number), None)
        release = view.ledger.releases.get(found.release) if found else None
        if found:
            rules += _deployment_rules(view, found, checks)
    if signed:
        rules.append(("it is signed by a known key", lambda: _signed(view, name)))
    if retrain and release:
        rules.append(
            ("retraining gives the lock, and it passes", lambda: _again(view, release, checks))
        )
    return Verification(name, examine(rules))


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
        ("its trailers are what its commit holds", lambda: _agrees(view, deployment)),
        ("its commit was reviewed", lambda: _placed(view, deployment)),
    ]
    try:
        record = view.record(deployment.commit, model, environment)
    except TagshipError:
        record = None
    if record:
        candidate = Candidate(view, deployment.commit, record, deployment)
        kept = candidate.rules()
        if deployment.says("Action") == "lift":
            kept = [rule for rule in kept if rule[1] != candidate.not_rejected]
        rules += kept
        rules.append(("the registry has the image", lambda: _image(record, checks)))
    return rules


def _agrees(view: View, deployment: Deployment) -> None:
    model, environment = deployment.tag.model, deployment.tag.environment
    record = view.record(deployment.commit, model, environment)
    if record is None:
        raise TagshipError(f"its commit has no {record_path(model, environment)}")
    claims = record.trailers(view.manifests(deployment.commit, model, environment))
    for key, found in claims.items():
        if deployment.says(key) != found:
            raise TagshipError(f"{key} says {deployment.says(key)}, its commit holds {found}")


def _placed(view: View, deployment: Deployment) -> None:
    """On the default branch; or a pin on top of it, for the first; or where this ran before."""
    model, environment = deployment.tag.model, deployment.tag.environment
    commit, action = deployment.commit, deployment.says("Action")
    history = view.ledger.history(model, environment)
    earlier = [d for d in history if d.number < deployment.number]
    if action == "rollback":
        restored = [d for d in earlier if d.name == deployment.says("Restores")]
        if not restored or restored[0].commit != commit:
            raise TagshipError(
                f"it restores {deployment.says('Restores')}, which is not its commit"
            )
        return
    if action == "lift":
        if not earlier or earlier[-1].commit != commit:
            raise TagshipError("a lift keeps the commit that ran before it; this one does not")
        return
    if view.git.is_ancestor(commit, view.head):
        return
    parents = view.git.parents(commit)
    mine = {record_path(model, environment), pin_path(model, environment)}
    if (
        environment != view.first
        or len(parents) != 1
        or not view.git.is_ancestor(parents[0], view.head)
        or not set(view.git.changed(parents[0], commit)) <= mine
    ):
        raise TagshipError(
            f"commit {commit[:12]} was never merged into {view.remote.default}: nobody reviewed it"
        )


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
