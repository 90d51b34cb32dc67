"""Releasing: a version of a model, from a verified lock and a passing verdict."""

from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gitops.deployment_rules import Verifier, refuse_rejected_artifact
from tagship.gitops.history import VERDICT, Release
from tagship.gitops.snapshot import Facts, Snapshot, fetch_snapshot
from tagship.gitops.tag_writer import actor, push_tag
from tagship.gitops.tags import ReleaseTag, compose, release_tag
from tagship.verdict import Verdict, compact_json


@dataclass(frozen=True)
class ReleaseResult:
    """What was released."""

    name: str
    commit: str
    created: bool
    pushed: bool
    message: str
    next: str
    """The command to type next."""


def release(
    root: Path,
    model: str,
    version: str,
    verifier: Verifier,
    push: bool = False,
    dry_run: bool = False,
) -> ReleaseResult:
    """Tag HEAD as a release, when everything allows it.

    Raises:
        TagshipError: the work tree is not clean or not the default branch's, the version is taken
            or too low, the lock is stale, or a gate fails.
    """
    tag = release_tag(model, version)
    files = load_model(root, model)
    snapshot = fetch_snapshot(root)
    head = _check_clone(snapshot)
    snapshot.check_taggable(model)
    facts = snapshot.facts(head, model)
    existing = snapshot.history.releases.get(str(tag))
    if existing:
        return _again(existing, head)
    _check_version(snapshot, tag)
    refuse_rejected_artifact(snapshot, model, facts.model_sha256)
    verifier.verify_lock(files)
    champion = snapshot.champion(model)
    verdict = verifier.gate(files, champion)
    _check_verdict(verdict, facts, str(tag))
    if snapshot.git.dirty():
        raise TagshipError("checking changed the work tree", "commit or undo it, then run again")
    message = _message(snapshot, tag, facts, verdict, champion, verifier)
    step = f"git push {snapshot.git.remote} refs/tags/{tag}"
    if dry_run:
        return ReleaseResult(str(tag), head, False, False, message, step)
    if not push:
        snapshot.git.keep(str(tag), snapshot.git.tag(str(tag), head, message, verifier.sign))
        return ReleaseResult(str(tag), head, True, False, message, step)
    if push_tag(snapshot.git, str(tag), head, message, verifier.sign):
        return ReleaseResult(str(tag), head, True, True, message, f"tagship history {model}")
    again = fetch_snapshot(root)
    return _again(again.history.release(str(tag)), head)


def _check_clone(snapshot: Snapshot) -> str:
    git, default = snapshot.git, snapshot.remote.default
    branch = git.branch()
    if branch is None:
        raise TagshipError(
            "HEAD is detached: it is on no branch", f"git switch {default}, then run again"
        )
    if branch != default:
        raise TagshipError(
            f"this is branch '{branch}'; releases are made from '{default}'",
            f"merge it, then: git switch {default} && git pull",
        )
    dirty = git.dirty()
    if dirty:
        raise TagshipError(
            f"the work tree is not clean: {', '.join(dirty[:5])}", "commit or stash, then run again"
        )
    head = git.resolve("HEAD")
    if head is None or not git.is_ancestor(head, snapshot.head):
        raise TagshipError(
            f"HEAD is not on {git.remote}/{default}", "push it, reviewed, then run again"
        )
    return head


def _again(existing: Release, head: str) -> ReleaseResult:
    if existing.commit != head:
        raise TagshipError(
            f"{existing.name} is taken: it is commit {existing.commit[:12]}",
            "choose a higher version; a release is never moved",
        )
    return ReleaseResult(
        existing.name, head, False, True, "", f"tagship history {existing.tag.model}"
    )


def _check_version(snapshot: Snapshot, tag: ReleaseTag) -> None:
    problems = [finding for finding in snapshot.history.findings if finding.ref == str(tag)]
    if problems and "in this clone only" not in problems[0].problem:
        raise TagshipError(f"{tag}: {problems[0].problem}", "choose a higher version")
    latest = snapshot.history.latest(tag.model)
    if latest and latest.tag.version >= tag.version:
        raise TagshipError(
            f"{tag}: not higher than {latest.name}",
            f"the next patch is v{latest.tag.version.major}.{latest.tag.version.minor}"
            f".{latest.tag.version.patch + 1}",
        )


def _check_verdict(verdict: Verdict, facts: Facts, name: str) -> None:
    if verdict.artifact_sha256 != facts.model_sha256:
        raise TagshipError(
            f"{name}: the gates judged {verdict.artifact_sha256[:12]},"
            f" the lock names {facts.model_sha256[:12]}",
            "run `tagship run` again and commit the lock",
        )
    if verdict.status == "fail":
        failures = [
            f"  {result.gate} {result.subject}: "
            + (f"{result.value:.4g}" if result.value is not None else "not computed")
            + f", wanted {result.limit}"
            for result in verdict.of_status("fail")
        ]
        raise TagshipError("\n".join([f"{name}: the verdict is fail", *failures]))


def _message(
    snapshot: Snapshot,
    tag: ReleaseTag,
    facts: Facts,
    verdict: Verdict,
    champion: str | None,
    verifier: Verifier,
) -> str:
    trailers = {
        "Model": tag.model,
        "Release": str(tag),
        "Model-SHA256": facts.model_sha256,
        "Data-SHA256": facts.data_sha256,
        "Config-SHA256": facts.config_sha256,
        "Lock-SHA256": facts.lock_sha256,
        "Verdict": verdict.status,
        "Verdict-SHA256": verdict.sha256,
        "Champion": champion or "none",
        "Actor": actor(snapshot.git, verifier),
    }
    pass_count = len(verdict.of_status("pass"))
    body = f"{pass_count} of {len(verdict.results)} gates passed, {verdict.status} overall."
    body += f"\n\n{VERDICT}{compact_json(verdict)}"
    return compose(f"Release {tag}", body, trailers)
