"""Verifying a tag: every claim it makes is derived again from what it points at."""

from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_model
from tagship.errors import TagshipError, suggest
from tagship.gitops.deployment_records import pin_path, record_path
from tagship.gitops.deployment_rules import (
    DeploymentRules,
    Rule,
    RuleResult,
    Verifier,
    check_release,
    check_verdict,
    refuse_other_kustomize,
    try_rules,
)
from tagship.gitops.history import Deployment, Release
from tagship.gitops.refs import MIRROR
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tag_writer import VERDICT_FILE, verdict_file
from tagship.gitops.tags import DeploymentTag, ReleaseTag, parse_tag
from tagship.gitops.timeline import read_timeline

_SOUND = "the tag itself is sound"
_BELIEVED = {
    "Verdict": "by training again: --retrain", "Reviewed": "", "Approved-By": "", "Reason": "",
    "Actor": "", "Run": "",
}  # fmt: skip
"""Trailers that are believed, and how they could be derived."""


@dataclass(frozen=True)
class TagVerification:
    """What was found about one tag."""

    name: str
    checks: list[RuleResult]
    taken: tuple[str, ...] = ()
    """Claims of the tag that nothing here can derive."""

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return not any(check.problem for check in self.checks)


def verify(
    root: Path,
    name: str,
    verifier: Verifier,
    retrain: bool = False,
    signed: bool = False,
    kind: str | None = None,
) -> TagVerification:
    """Examine a deployment's or a release's tag; where only one kind will do, it is named.

    Raises:
        TagshipError: the name is no such tag's, or the remote has no tag of this name.
    """
    tag = parse_tag(name)
    if tag is None:
        raise TagshipError(
            f"{name!r} is no tag of this grammar",
            "<model>/v<x.y.z> is a release, <model>/<environment>/<n> a deployment",
        )
    if kind and kind != ("release" if isinstance(tag, ReleaseTag) else "deployment"):
        raise TagshipError(f"{name} is no tag of a {kind}", "name the tag that this is about")
    snapshot = fetch_snapshot(root)
    names = [*_names(snapshot), *(finding.ref for finding in snapshot.history.findings)]
    if name in names:
        return _examine(snapshot, name, tag, verifier, retrain, signed)
    problems = dict(_deleted_since(snapshot))
    if name in problems:
        return TagVerification(name, [RuleResult(_SOUND, problems[name])])
    raise TagshipError(f"the remote has no tag {name}", suggest(name, names, "it has"))


def verify_all(root: Path, verifier: Verifier) -> list[TagVerification]:
    """Examine every tag of every model, and everything that is wrong with one."""
    snapshot = fetch_snapshot(root)
    names = _names(snapshot)
    tags = [(name, tag) for name in names if (tag := parse_tag(name))]
    verifications = [_examine(snapshot, name, tag, verifier, False, False) for name, tag in tags]
    findings = [finding for finding in snapshot.history.findings if finding.ref not in names]
    problems = [(finding.ref, finding.problem) for finding in findings]
    problems += _deleted_since(snapshot)
    return verifications + [
        TagVerification(ref, [RuleResult(_SOUND, problem)]) for ref, problem in problems
    ]


def _names(snapshot: Snapshot) -> list[str]:
    """The tags that are what they should be."""
    deployments = [d.name for history in snapshot.history.deployments.values() for d in history]
    return [*snapshot.history.releases, *deployments]


def _deleted_since(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Deployments that the branch of heads saw last, and that are gone or moved."""
    entries = read_timeline(snapshot)
    series = snapshot.history.deployments.values()
    tag_objects = {d.name: d.raw.object for deployments in series for d in deployments}
    return list(entries[-1].missing_tags(tag_objects).items()) if entries else []


def _examine(
    snapshot: Snapshot,
    name: str,
    tag: ReleaseTag | DeploymentTag,
    verifier: Verifier,
    retrain: bool,
    signed: bool,
) -> TagVerification:
    rules: list[Rule] = [(_SOUND, lambda: _no_finding(snapshot, name))]
    claim: Release | Deployment | None
    if isinstance(tag, ReleaseTag):
        claim = release = snapshot.history.releases.get(name)
        if release:
            rules += _release_rules(snapshot, release)
    else:
        history = snapshot.history.deployments_of(tag.model, tag.environment)
        ran = claim = next((d for d in history if d.number == tag.number), None)
        release = snapshot.history.releases.get(ran.release) if ran else None
        if ran:
            rules += _deployment_rules(snapshot, ran, verifier)
    if signed:
        ref = f"{MIRROR}{name}"
        rules.append(("it is signed by a known key", lambda: snapshot.git.run("verify-tag", ref)))
    if retrain and release:
        rules.append(
            (
                "retraining gives the lock, and it passes",
                lambda: _again(snapshot, release, verifier),
            )
        )
    trailers = claim.message.trailers if claim else {}
    beliefs = [
        key + (f" ({way})" if way else "") for key, way in _BELIEVED.items() if key in trailers
    ]
    return TagVerification(name, try_rules(rules), (*beliefs, "the date"))


def _no_finding(snapshot: Snapshot, name: str) -> None:
    for finding in snapshot.history.findings:
        if finding.ref == name:
            raise TagshipError(finding.problem)


def _release_rules(snapshot: Snapshot, release: Release) -> list[Rule]:
    return [
        ("it says what its commit holds", lambda: check_release(snapshot, release)),
        ("its verdict is not a failure", lambda: check_verdict(release)),
    ]


def _deployment_rules(snapshot: Snapshot, deployment: Deployment, verifier: Verifier) -> list[Rule]:
    model, environment = deployment.tag.series
    rules: list[Rule] = [
        (
            "its commit is main's, with the deploy/ that it claims",
            lambda: _check_commit(snapshot, deployment),
        ),
        ("its trailers are what its commit holds", lambda: _check_trailers(snapshot, deployment)),
    ]
    try:
        origin = _origin(snapshot, deployment)
        record = snapshot.record(origin.commit, model, environment)
    except TagshipError:
        record = None
    if record:
        candidate = DeploymentRules(snapshot, origin.commit, record, deployment)
        more_rules = candidate.rules()
        if deployment.says("Action") == "lift":
            more_rules = [rule for rule in more_rules if rule[1] != candidate.not_rejected]
        rules += more_rules
        rules.append(("the registry has the image", lambda: verifier.check_image(record.reference)))
    return rules


def _origin(snapshot: Snapshot, deployment: Deployment) -> Deployment:
    """The deployment that first ran what a rollback or a lift runs again.

    Raises:
        TagshipError: it restores what never ran before it, or something else.
    """
    while deployment.says("Action") != "deploy":
        history = snapshot.history.deployments_of(*deployment.tag.series)
        earlier = [d for d in history if d.number < deployment.number]
        if deployment.says("Action") == "rollback":
            earlier = [d for d in earlier if d.name == deployment.says("Restores")]
        if not earlier:
            raise TagshipError(
                f"it restores {deployment.says('Restores') or 'nothing'}, which never ran before"
            )
        source = earlier[-1]
        if snapshot.git.tree(deployment.commit, "deploy") != snapshot.git.tree(
            source.commit, "deploy"
        ):
            raise TagshipError(f"its deploy/ is not that of {source.name}, which it runs again")
        deployment = source
    return deployment


def _check_trailers(snapshot: Snapshot, deployment: Deployment) -> None:
    model, environment = deployment.tag.series
    for key, value in snapshot.record_of(deployment).trailers().items():
        if deployment.says(key) != value:
            raise TagshipError(f"{key} says {deployment.says(key)}, its commit holds {value}")
    origin = _origin(snapshot, deployment)
    if deployment.manifests != origin.manifests:
        raise TagshipError(
            f"it says other Manifests or Kustomize than {origin.name}, which it runs"
        )
    fingerprint = snapshot.manifests(origin.commit, model, environment)
    if fingerprint != deployment.says("Manifests"):
        refuse_other_kustomize(snapshot, deployment)
        raise TagshipError(
            f"Manifests says {deployment.says('Manifests')}, it renders {fingerprint}"
        )


def _check_commit(snapshot: Snapshot, deployment: Deployment) -> None:
    """One commit on top of main, which changes ``deploy/`` alone, and that as its action says."""
    model, environment = deployment.tag.series
    commit = deployment.commit
    parents = snapshot.git.parents(commit)
    if len(parents) != 1 or not snapshot.git.is_ancestor(parents[0], snapshot.head):
        raise TagshipError(
            f"commit {commit[:12]} does not stand on one of {snapshot.remote.default}:"
            " its files were never merged"
        )
    paths = snapshot.git.changed_paths(parents[0], commit)
    elsewhere = [p for p in paths if not p.startswith("deploy/") and p != VERDICT_FILE]
    if elsewhere:
        raise TagshipError(f"commit {commit[:12]} changes {elsewhere[0]}: nobody reviewed that")
    if deployment.says("Action") != "deploy":
        _origin(snapshot, deployment)
    elif environment == snapshot.project_at(commit).environments[0]:
        allowed_paths = {
            record_path(model, environment),
            pin_path(model, environment),
            VERDICT_FILE,
        }
        if not set(paths) <= allowed_paths:
            forbidden = sorted(set(paths) - allowed_paths)[0]
            raise TagshipError(f"commit {commit[:12]} changes {forbidden}: nobody reviewed that")
    elif not _was_merged(snapshot, commit, parents[0]):
        raise TagshipError(
            f"the deploy/ of commit {commit[:12]} was never that of {snapshot.remote.default}:"
            " nobody reviewed it"
        )
    files = verdict_file(snapshot.history.releases.get(deployment.release))
    if snapshot.git.show(commit, VERDICT_FILE) != files.get(VERDICT_FILE):
        raise TagshipError(f"its {VERDICT_FILE} is not the verdict of {deployment.release}")


def _was_merged(snapshot: Snapshot, commit: str, parent: str) -> bool:
    """Whether a commit's ``deploy/`` is one that the default branch had by then."""
    deploy_tree = snapshot.git.tree(commit, "deploy")
    commits = snapshot.git.history(parent, "deploy")
    return any(snapshot.git.tree(merge, "deploy") == deploy_tree for merge in (parent, *commits))


def _again(snapshot: Snapshot, release: Release, verifier: Verifier) -> None:
    """Retrain in a work tree of the release, and judge it as it was judged."""
    model = release.tag.model
    champion = release.says("Champion")
    with snapshot.git.checkout(release.commit) as folder:
        files = load_model(folder, model)
        verifier.verify_lock(files)
        verdict = verifier.gate(files, None if champion in ("", "none") else champion)
    if verdict.status == "fail":
        failures = ", ".join(f"{r.gate} {r.subject}" for r in verdict.of_status("fail"))
        raise TagshipError(f"{release.name} does not pass again: {failures}")
