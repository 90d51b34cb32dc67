"""The rules that a deployment must satisfy, each a refusal of its own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tagship.config.project import ProjectConfig
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.gitops.deployment_records import (
    NO_DIGEST,
    Record,
    check_pin,
    overlay,
    parse_pin,
    pin_path,
    record_path,
)
from tagship.gitops.history import Deployment, Release, Upto
from tagship.gitops.snapshot import Snapshot
from tagship.verdict import Verdict, parse_verdict

_BY_HAND = "the tag was not made by `tagship release`, or was moved"
Rule = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Verifier:
    """How claims are verified that only training or a registry can prove; and who signs."""

    verify_lock: Callable[[ModelFiles], None]
    """Prove that training gives the locked artifact, or refuse the lock."""
    gate: Callable[[ModelFiles, str | None], Verdict]
    """Judge the locked artifact against the release that is champion, if any."""
    image_exists: Callable[[str], bool]
    """Whether a registry still holds ``image@digest``."""
    sign: bool = False
    """Whether tags are signed."""
    actor: str = ""
    """Who acts; git's committer when empty."""

    def check_image(self, reference: str, hint: str = "") -> None:
        """Refuse an image that its registry does not hold."""
        if not self.image_exists(reference):
            raise TagshipError(f"{reference}: the registry does not have it", hint)


class UndecidedClaim(Exception):
    """A claim that nothing here can prove or refute."""


@dataclass(frozen=True)
class RuleResult:
    """A rule and what it found; neither problem nor doubt means that it holds."""

    what: str
    problem: str = ""
    not_derived: str = ""
    """Why it could be neither proved nor refuted."""


@dataclass(frozen=True)
class DeploymentRules:
    """A record at a commit that is to run, or claims to have been right to run."""

    snapshot: Snapshot
    commit: str
    record: Record
    before: Deployment | None = None
    """Judge as it was before this deployment; None judges as it is now."""

    @property
    def project(self) -> ProjectConfig:
        """The project's config at the commit, which says what environments there were."""
        return self.snapshot.project_at(self.commit)

    @property
    def release(self) -> Release:
        """The release that the record names."""
        return self.snapshot.history.release(self.record.release)

    def rules(self) -> list[Rule]:
        """Every rule, in the order in which a person would ask."""
        return [
            (
                "the release exists and says what its commit holds",
                lambda: check_release(self.snapshot, self.release),
            ),
            ("its verdict is not a failure", lambda: check_verdict(self.release)),
            ("the record is the release's", self.record_is_true),
            ("the overlay pins the record's image", self.pin_agrees),
            ("one release has one image", self.digest_is_the_one),
            ("the environment before ran it", self.earlier_environment_ran_it),
            ("it is not rejected", self.not_rejected),
            ("the manifests are those that were reviewed", self.manifests_reviewed),
        ]

    def record_is_true(self) -> None:
        """The record against the release's files."""
        record = self.record
        release_record = self.snapshot.record_for(self.release, record.environment)
        for key in ("model_sha256", "data_sha256", "config_sha256", "verdict_sha256"):
            record_value, release_value = getattr(record, key), getattr(release_record, key)
            if record_value != release_value:
                path = record_path(record.model, record.environment)
                raise TagshipError(
                    f"{path}: {key}: {record_value} is not that of"
                    f" {record.release} ({release_value})",
                    "let `tagship propose` write it",
                )
        if record.digest == NO_DIGEST:
            raise TagshipError(f"{record.release}: the record has no image digest")

    def pin_agrees(self) -> None:
        """The image in kustomization.yaml against the record."""
        record = self.record
        path = pin_path(record.model, record.environment)
        check_pin(record, parse_pin(self.snapshot.git.text(self.commit, path), path))

    def digest_is_the_one(self) -> None:
        """The image against the one that the first environment ran first."""
        ran = self.snapshot.ran(self.record.release, self.project.environments[0])
        if ran and ran.says("Image") != self.record.reference:
            raise TagshipError(
                f"{self.record.release}: {ran.name} ran {ran.says('Image')},"
                f" the record says {self.record.reference}",
                "a release is one image; a different one needs a new version",
            )

    def earlier_environment_ran_it(self) -> None:
        """What the environment before ran."""
        project, environment = self.project, self.record.environment
        if environment not in project.environments:
            raise TagshipError(f"'{environment}' is no environment of config/project.yaml there")
        earlier = project.before(environment)
        if earlier and not self.snapshot.ran(self.record.release, earlier):
            raise TagshipError(
                f"{self.record.release}: {earlier} never ran it",
                f"deploy it to {earlier} first",
            )

    def not_rejected(self) -> None:
        """Rollbacks that stand."""
        if self.before is None:
            return refuse_rejected(self.snapshot, self.record, self._fingerprint())
        upto = self.snapshot.upto(self.before)
        return refuse_rejected(self.snapshot, self.record, self.before.says("Manifests"), upto)

    def _fingerprint(self) -> str:
        return self.snapshot.manifests(self.commit, self.record.model, self.record.environment)

    def manifests_reviewed(self) -> None:
        """The manifests at the commit against those of the record."""
        record = self.record
        if record.environment == self.project.environments[0]:
            return
        fingerprint = self._fingerprint()
        if fingerprint != record.manifests:
            if self.before:
                refuse_other_kustomize(self.snapshot, self.before)
            raise TagshipError(
                f"{overlay(record.model, record.environment)}: the manifests at"
                f" {self.commit[:12]} ({fingerprint[:12]}) are not those that were proposed and"
                f" reviewed ({record.manifests[:12]}), or another kustomize rendered those",
                f"run `tagship propose {record.model} {record.release.split('/')[-1]}"
                f" --env {record.environment}` and have the new difference reviewed",
            )


def refuse_rejected(
    snapshot: Snapshot, record: Record, manifests: str, upto: Upto | None = None
) -> None:
    """Refuse what a standing rollback left.

    Raises:
        TagshipError: names the rollback and its reason.
    """
    rollback = snapshot.rejection(record, manifests, upto)
    if rollback:
        rejects = rollback.says("Rejects").removeprefix(f"{record.model}/")
        raise TagshipError(
            f"{rollback.says('Rejects')} was rejected by {rollback.name}:"
            f" {rollback.says('Reason')}",
            f'if that is fixed: tagship lift {record.model} {rejects} --reason "…"',
        )


def refuse_other_kustomize(snapshot: Snapshot, deployment: Deployment) -> None:
    """Leave undecided a fingerprint that another kustomize made: it may differ by that alone.

    Raises:
        UndecidedClaim: the deployment was rendered by another version.
    """
    if deployment.says("Kustomize") != snapshot.renderer.version:
        raise UndecidedClaim(
            f"kustomize {deployment.says('Kustomize') or '(no version)'} rendered it,"
            f" here is {snapshot.renderer.version}"
        )


def refuse_rejected_artifact(snapshot: Snapshot, model: str, sha256: str) -> None:
    """Refuse to release again what a standing rollback left, under whichever version.

    Raises:
        TagshipError: names the release that had the artifact, the rollback and its reason.
    """
    for name, rollback in snapshot.history.rejections(model).items():
        release = snapshot.history.releases.get(name)
        if release and release.says("Model-SHA256") == sha256:
            raise TagshipError(
                f"the artifact is that of {name}, rejected by {rollback.name}:"
                f" {rollback.says('Reason')}",
                f'if that is fixed: tagship lift {model} {release.tag.version} --reason "…"',
            )


def check_release(snapshot: Snapshot, release: Release) -> None:
    """Refuse a release whose trailers are not what its commit holds.

    Raises:
        TagshipError: names the trailer and both values.
    """
    facts = snapshot.facts(release.commit, release.tag.model)
    by_commit = {
        "Model-SHA256": facts.model_sha256,
        "Data-SHA256": facts.data_sha256,
        "Lock-SHA256": facts.lock_sha256,
        "Config-SHA256": facts.config_sha256,
    }
    _check_trailers(release, by_commit, "its commit holds")
    try:
        verdict = parse_verdict(release.verdict)
    except ValueError:
        raise TagshipError(f"{release.name}: its message carries no verdict", _BY_HAND) from None
    by_verdict = {
        "Model-SHA256": verdict.artifact_sha256,
        "Verdict": verdict.status,
        "Verdict-SHA256": verdict.sha256,
        "Champion": verdict.champion or "none",
    }
    _check_trailers(release, by_verdict, "its verdict says")
    if not snapshot.git.is_ancestor(release.commit, snapshot.head):
        raise TagshipError(
            f"{release.name}: its commit {release.commit[:12]} is not on {snapshot.remote.default}",
            "release what was reviewed and merged",
        )


def _check_trailers(release: Release, values: Mapping[str, str], origin: str) -> None:
    for key, value in values.items():
        if release.says(key) != value:
            raise TagshipError(
                f"{release.name}: its {key} is {release.says(key)}, {origin} {value}", _BY_HAND
            )


def check_verdict(release: Release) -> None:
    """Refuse a release that did not pass its gates."""
    if release.says("Verdict") not in ("pass", "warn"):
        raise TagshipError(f"{release.name}: its verdict is {release.says('Verdict')}")


def refuse_broken(rules: Iterable[Rule]) -> None:
    """Raise at the first rule that does not hold."""
    for _, rule in rules:
        rule()


def try_rules(rules: Iterable[Rule]) -> list[RuleResult]:
    """Try every rule and say what each found."""
    results = []
    for what, rule in rules:
        try:
            rule()
            results.append(RuleResult(what))
        except TagshipError as error:
            results.append(RuleResult(what, str(error.args[0])))
        except UndecidedClaim as doubt:
            results.append(RuleResult(what, not_derived=str(doubt)))
    return results
