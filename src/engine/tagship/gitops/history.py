"""What the tags mean: what was released, what ran where and when, what is rejected. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tagship.documentation import page
from tagship.errors import TagshipError, suggest
from tagship.gitops.argocd_versions import LARGEST, Version, version_of_number
from tagship.gitops.refs import RawTag
from tagship.gitops.tags import DeploymentTag, Message, ReleaseTag, Series

VERDICT = "verdict "
"""The beginning of the line in which a release carries its verdict."""
Action = Literal["deploy", "rollback", "lift"]
Upto = Mapping[Series, int]
"""The last number of each series that counts: the others came later."""


@dataclass(frozen=True)
class _ValidTag:
    """A valid tag and what it says."""

    raw: RawTag
    message: Message

    @property
    def name(self) -> str:
        """The tag's name, which parsing proved to be the text of ``tag``."""
        return self.raw.name

    @property
    def commit(self) -> str:
        """The commit it stands on."""
        return self.raw.commit

    @property
    def date(self) -> datetime:
        """When it says that it was made; a valid tag has a date."""
        assert self.raw.date is not None
        return self.raw.date

    def says(self, key: str) -> str:
        """A trailer, or nothing."""
        return self.message.trailers.get(key, "")


@dataclass(frozen=True)
class Release(_ValidTag):
    """A valid release tag, such as ``churn/v1.3.0``."""

    tag: ReleaseTag

    @property
    def verdict(self) -> str:
        """The verdict that its message carries, as JSON; empty when it carries none."""
        lines = self.message.body.splitlines()
        return next((x.removeprefix(VERDICT) for x in lines if x.startswith(VERDICT)), "")


@dataclass(frozen=True)
class Deployment(_ValidTag):
    """A valid deployment tag, such as ``churn/production/4``."""

    tag: DeploymentTag

    @property
    def number(self) -> int:
        """Its place in its environment."""
        return self.tag.number

    @property
    def release(self) -> str:
        """The release that runs."""
        return self.says("Release")

    @property
    def manifests(self) -> Mapping[str, str]:
        """What it says of its rendered manifests."""
        return {key: self.says(key) for key in ("Manifests", "Kustomize")}

    @property
    def content(self) -> tuple[str, str]:
        """The release together with the manifests around it."""
        return self.release, self.says("Manifests")


def name_rejected(before: Deployment, restores: str, release: str) -> str:
    """What a rollback rejects: the release that ran, or only the deployment if the release stays.

    Nothing, where it restores what ran already: then it replaced a tag that was no deployment.
    """
    if restores == before.name:
        return ""
    return before.name if before.release == release else before.release


def derive_rejection(deployment: Deployment, before: Deployment | None) -> str:
    """What a deployment rejects, derived from what ran before it; empty unless it is a rollback."""
    if deployment.says("Action") != "rollback" or before is None:
        return ""
    return name_rejected(before, deployment.says("Restores"), deployment.release)


@dataclass(frozen=True)
class TagFinding:
    """Something wrong with a tag."""

    ref: str
    problem: str
    blocking: bool = False
    """Whether Argo CD could run something wrong: nothing may be tagged until it is fixed."""


@dataclass(frozen=True)
class Stray:
    """A ref that Argo CD follows, or stops at, though it is no valid deployment."""

    ref: str
    """Its full name, such as ``refs/tags/churn/production/v99``."""
    series: Series
    version: Version | None
    """What it is followed as; None when Argo CD resolves nothing because of it."""


@dataclass(frozen=True)
class History:
    """What the remote's tags say: releases, deployments, and what is wrong with a tag."""

    releases: Mapping[str, Release]
    deployments: Mapping[Series, tuple[Deployment, ...]]
    """For each model and environment, by number."""
    highest: Mapping[Series, int]
    """The highest number at which Argo CD follows something, or could, valid or not."""
    strays: tuple[Stray, ...]
    """What Argo CD follows, or stops at, though it is no valid deployment."""
    findings: tuple[TagFinding, ...]

    def models(self) -> list[str]:
        """Every model that has a tag."""
        return sorted(
            {r.tag.model for r in self.releases.values()} | {m for m, _ in self.deployments}
        )

    def deployments_of(self, model: str, environment: str) -> tuple[Deployment, ...]:
        """An environment's deployments, oldest first."""
        return self.deployments.get((model, environment), ())

    def current(self, model: str, environment: str) -> Deployment | None:
        """What runs now: the highest number."""
        history = self.deployments_of(model, environment)
        return history[-1] if history else None

    def stray(self, model: str, environment: str) -> Stray | None:
        """What Argo CD runs instead of the highest valid deployment, if anything."""
        current = self.current(model, environment)
        least = version_of_number(current.number) if current else (0, 0, 0)
        in_series = (stray for stray in self.strays if stray.series == (model, environment))
        higher = (stray for stray in in_series if (stray.version or ()) >= least)
        return max(higher, key=lambda stray: stray.version or (), default=None)

    def stopped_by(self, model: str, environment: str) -> str:
        """The tag because of which Argo CD resolves no deployment at all, if there is one."""
        series = (model, environment)
        stops = [s.ref for s in self.strays if s.series == series and s.version is None]
        return stops[0] if stops else ""

    def is_moved(self, deployment: Deployment) -> bool:
        """Whether one that came later had seen another tag object under its name."""
        history = self.deployments_of(*deployment.tag.series)
        for later in history:
            name, _, tag_object = later.says("Previous").partition("@")
            if name == deployment.name and tag_object not in ("", deployment.raw.object):
                return True
        return False

    def newest_objects(self) -> dict[str, str]:
        """The highest deployment of each series → its tag object."""
        tops = (history[-1] for history in self.deployments.values())
        return {top.name: top.raw.object for top in tops}

    def next_tag(self, model: str, environment: str) -> DeploymentTag:
        """The tag that the next deployment gets: above everything that Argo CD could follow.

        Raises:
            TagshipError: the highest number there can be is taken.
        """
        number = self.highest.get((model, environment), 0) + 1
        if number > LARGEST:
            raise TagshipError(
                f"{model}/{environment}/{LARGEST}: the highest number there can be is taken",
                f"an administrator deletes that tag: {page('how-to/rollback')}",
            )
        return DeploymentTag(model, environment, number)

    def latest(self, model: str) -> Release | None:
        """A model's highest release."""
        releases = [r for r in self.releases.values() if r.tag.model == model]
        return max(releases, key=lambda r: r.tag.version, default=None)

    def release(self, name: str) -> Release:
        """A release by its tag.

        Raises:
            TagshipError: there is no valid one.
        """
        if name not in self.releases:
            problems = [f.problem for f in self.findings if f.ref == name]
            model = name.split("/")[0]
            of_model = [release for release in self.releases if release.split("/")[0] == model]
            problem = problems[0] if problems else "the remote has no such tag"
            raise TagshipError(
                f"no release {name}: {problem}",
                suggest(name, of_model, "there are")
                or "releases are made by `tagship release`, then pushed",
            )
        return self.releases[name]

    def standing(
        self, model: str, environment: str, upto: Upto | None = None
    ) -> dict[str, Deployment]:
        """What is rejected and not lifted: release or deployment → the rollback that did it.

        A claim that contradicts the environment's history is ignored.
        """
        standing: dict[str, Deployment] = {}
        before: Deployment | None = None
        for deployment in self.deployments_of(model, environment):
            if upto is not None and deployment.number > upto.get((model, environment), 0):
                break
            if deployment.says("Action") == "lift":
                standing.pop(deployment.says("Lifts"), None)
            claim = deployment.says("Rejects")
            if claim and claim == derive_rejection(deployment, before):
                standing[claim] = deployment
            before = deployment
        return standing

    def rejections(self, model: str, upto: Upto | None = None) -> dict[str, Deployment]:
        """What was rolled back anywhere: release or deployment → by which rollback."""
        places = [environment for name, environment in self.deployments if name == model]
        standing = (self.standing(model, environment, upto) for environment in places)
        return {name: rollback for rejections in standing for name, rollback in rejections.items()}

    def rejection(
        self, model: str, release: str, manifests: str, upto: Upto | None = None
    ) -> Deployment | None:
        """The rollback that stands in the way of a release, or of it with these manifests.

        A rejected artifact stays rejected under a higher version.
        """
        for name, rollback in self.rejections(model, upto).items():
            if name == release or self._is_again(release, name):
                return rollback
            history = self.deployments_of(model, rollback.tag.environment)
            if any(d.name == name and d.content == (release, manifests) for d in history):
                return rollback
        return None

    def _is_again(self, release: str, rejected_release: str) -> bool:
        """Whether a release is a later one than another, with the same artifact."""
        newer, older = self.releases.get(release), self.releases.get(rejected_release)
        if newer is None or older is None or newer.tag <= older.tag:
            return False
        return newer.says("Model-SHA256") == older.says("Model-SHA256")
