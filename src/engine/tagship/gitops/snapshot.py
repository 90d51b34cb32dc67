"""The repository at one moment: its config, its remote, and what the tags mean."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tagship.config.project import ProjectConfig
from tagship.config.project_files import PROJECT, load_project, parse_project
from tagship.config.root import model_names, unknown_model
from tagship.errors import TagshipError, suggest
from tagship.files import sha256_of_bytes
from tagship.gitops.deployment_records import (
    NONE,
    Record,
    edit_pin,
    edit_record,
    parse_record,
    pin_path,
    record_path,
)
from tagship.gitops.git import Git
from tagship.gitops.history import Deployment, History, Release, Upto
from tagship.gitops.history_parser import parse_tags
from tagship.gitops.manifests import refuse_foreign
from tagship.gitops.refs import RawTag, Remote
from tagship.gitops.rendering import Renderer
from tagship.gitops.tags import highest_numbers, parse_seen
from tagship.training.lock import locked_hashes


class RemoteUnavailable(TagshipError):
    """There is no remote, or it does not answer."""


CONFIGS = ("data.yaml", "model.yaml", "thresholds.yaml")


@dataclass(frozen=True)
class Facts:
    """What a commit holds of a model, without training: hashes of its files."""

    model_sha256: str
    data_sha256: str
    config_sha256: str
    lock_sha256: str


@dataclass(frozen=True)
class Snapshot:
    """The state that every decision is made from."""

    git: Git
    project: ProjectConfig
    models: tuple[str, ...]
    remote: Remote
    history: History
    renderer: Renderer
    not_asked: str = ""
    """Why the remote was not asked; empty when it was. Nothing is decided from such a state."""

    @property
    def head(self) -> str:
        """The default branch's commit."""
        return self.remote.heads[self.remote.default]

    @property
    def environments(self) -> list[str]:
        """In order of promotion."""
        return self.project.environments

    @property
    def first(self) -> str:
        """The environment that a release reaches by itself."""
        return self.environments[0]

    @property
    def second(self) -> str:
        """The environment that a release is proposed to first; the only one where there is one."""
        return self.environments[:2][-1]

    def before(self, environment: str) -> str | None:
        """The environment that this one promotes from.

        Raises:
            TagshipError: no such environment.
        """
        self.check_environment(environment)
        return self.project.before(environment)

    def check_environment(self, environment: str) -> None:
        """Refuse an environment that project.yaml does not have."""
        if environment not in self.environments:
            hint = suggest(environment, self.environments, "config/project.yaml has")
            raise TagshipError(f"'{environment}' is no environment", hint)

    def check_model(self, model: str) -> None:
        """Refuse a model that neither config/ nor a tag knows."""
        names = {*self.models, *self.history.models()}
        if model not in names:
            raise unknown_model(model, names)

    def check_taggable(self, model: str) -> None:
        """Refuse to tag a model while a tag could make Argo CD run something wrong.

        A rollback does not ask this: its number is above all such tags.
        """
        for finding in self.history.findings:
            if finding.blocking and finding.ref.split("/")[0] == model:
                raise TagshipError(
                    f"{finding.ref}: {finding.problem}", "fix it, then run this again"
                )
        if self.git.is_shallow():
            raise TagshipError(
                "this clone is shallow: history cannot be checked", "git fetch --unshallow"
            )

    def champion(self, model: str) -> str | None:
        """The release that the last environment runs."""
        current = self.history.current(model, self.environments[-1])
        return current.release if current else None

    def project_at(self, commit: str) -> ProjectConfig:
        """The project's config at a commit, by which that commit is judged.

        Raises:
            TagshipError: it has none that can be read.
        """
        return parse_project(self.git.text(commit, PROJECT))

    def record(self, commit: str, model: str, environment: str) -> Record | None:
        """An overlay's record at a commit; None when there is no overlay."""
        path = record_path(model, environment)
        text = self.git.show(commit, path)
        return None if text is None else parse_record(text, path)

    def running_record(self, model: str, environment: str) -> Record | None:
        """The record of what an environment runs; None when it runs nothing."""
        current = self.history.current(model, environment)
        return self.record(current.commit, model, environment) if current else None

    def record_of(self, deployment: Deployment) -> Record:
        """The record at a deployment's commit.

        Raises:
            TagshipError: it holds none of that environment.
        """
        model, environment = deployment.tag.series
        record = self.record(deployment.commit, model, environment)
        if record is None:
            path = record_path(model, environment)
            raise TagshipError(f"{deployment.name}: its commit has no {path}")
        return record

    def manifests(self, commit: str, model: str, environment: str) -> str:
        """The fingerprint of what an environment renders to at a commit.

        What it may hold is what project.yaml says at that commit.

        Raises:
            TagshipError: it cannot be rendered, or renders what nobody declared.
        """
        rendering = self.renderer.render(commit, model, environment)
        record = self.record(commit, model, environment)
        assert record  # it was rendered
        refuse_foreign(rendering, record, self.project_at(commit))
        return rendering.fingerprint

    def same_inputs(self, commit_a: str, commit_b: str, model: str, environment: str) -> bool:
        """Whether two commits hold the very same files for an environment, its record too."""
        inputs = self.renderer.inputs(commit_a, model, environment)
        return inputs != () and inputs == self.renderer.inputs(commit_b, model, environment)

    def same_manifests(self, commit_a: str, commit_b: str, model: str, environment: str) -> bool:
        """Whether two commits render to the same, but for record and image: both by one kustomize.

        Raises:
            TagshipError: as ``manifests``.
        """
        if self.same_inputs(commit_a, commit_b, model, environment):
            return True
        manifests = [self.manifests(commit, model, environment) for commit in (commit_a, commit_b)]
        return manifests[0] == manifests[1]

    def upto(self, deployment: Deployment) -> Upto:
        """What there was before a deployment: in its own series by number, else as it saw it."""
        sightings = parse_seen(self.git.message(deployment.commit))
        return {**highest_numbers(sightings), deployment.tag.series: deployment.number - 1}

    def rejection(
        self, record: Record, manifests: str, upto: Upto | None = None
    ) -> Deployment | None:
        """The rollback that stands in the way of a release, or of it with these manifests.

        What another kustomize rendered is rendered again: its fingerprint can differ by that alone.
        """
        model, release = record.model, record.release
        stands = self.history.rejection(model, release, manifests, upto)
        if stands or not manifests:
            return stands
        for name, rollback in self.history.rejections(model, upto).items():
            for deployment in self.history.deployments_of(model, record.environment):
                if (deployment.name, deployment.release) != (name, release):
                    continue
                if manifests == self.manifests(deployment.commit, model, record.environment):
                    return rollback
        return None

    def facts(self, commit: str, model: str) -> Facts:
        """The hashes of a model's lock and config at a commit.

        Raises:
            TagshipError: there is no lock there, or it cannot be read.
        """
        path = f"config/{model}/model.lock.yaml"
        lock = self.git.text(commit, path, f"run `tagship run {model}` and commit it")
        texts = [self.git.show(commit, f"config/{model}/{name}") or "" for name in CONFIGS]
        sums = [f"{n} {_sha256(t)}" for n, t in zip(CONFIGS, texts, strict=True)]
        artifact, data = locked_hashes(lock, path)
        return Facts(artifact, data, _sha256("\n".join(sums)), _sha256(lock))

    def record_for(self, release: Release, environment: str) -> Record:
        """The record that a release asks for, without image and manifests."""
        facts = self.facts(release.commit, release.tag.model)
        return Record(
            model=release.tag.model,
            environment=environment,
            release=release.name,
            model_sha256=facts.model_sha256,
            data_sha256=facts.data_sha256,
            config_sha256=facts.config_sha256,
            verdict_sha256=release.says("Verdict-SHA256"),
            manifests=NONE,
        )

    def ran(self, release: str, environment: str) -> Deployment | None:
        """The first deployment of a release in an environment: it fixes the image's digest."""
        history = self.history.deployments_of(release.split("/")[0], environment)
        return next((d for d in history if d.release == release), None)

    def commit_record(self, commit: str, record: Record, message: str) -> str:
        """A commit on top of another, with one overlay's record and pin replaced.

        Raises:
            TagshipError: there is no such overlay.
        """
        model, environment = record.model, record.environment
        hint = f"every model needs an overlay for {environment}: see `tagship doctor`"
        paths = record_path(model, environment), pin_path(model, environment)
        texts = [self.git.text(commit, path, hint) for path in paths]
        edits = (
            edit_record(texts[0], paths[0], record),
            edit_pin(texts[1], paths[1], record.image, record.digest),
        )
        files = zip(paths, texts, edits, strict=True)
        changes = {path: edit for path, text, edit in files if edit != text}
        return self.git.commit(commit, changes, message) if changes else commit


def fetch_snapshot(
    root: Path, fallback: Callable[[Git, Remote], ProjectConfig] | None = None
) -> Snapshot:
    """Fetch, and say what is there.

    ``fallback`` is asked for the project's config where the work tree has none that can be read.

    Raises:
        RemoteUnavailable: no remote, or it cannot be reached.
        TagshipError: the project is a folder of a larger repository, or its config is broken.
    """
    git = Git(root)
    if not git.has_remote():
        raise RemoteUnavailable(
            f"{root}: no git remote named '{git.remote}'", f"git remote add {git.remote} <url>"
        )
    git.check_top()
    try:
        remote = git.sync()
    except TagshipError as error:
        raise RemoteUnavailable(str(error.args[0]), error.hint) from None
    try:
        project = load_project(root)
    except TagshipError:
        if fallback is None:
            raise
        project = fallback(git, remote)
    return make_snapshot(git, project, remote, git.tags(), git.local_tags())


def make_snapshot(
    git: Git,
    project: ProjectConfig,
    remote: Remote,
    tags: Iterable[RawTag],
    local: Mapping[str, str] | None = None,
    not_asked: str = "",
) -> Snapshot:
    """The state that tags describe, with the models of the work tree."""
    models = tuple(model_names(git.root))
    history = parse_tags(tags, models, project.environments, remote.other_refs, local, git.message)
    environments = {*project.environments, *(place for _, place in history.deployments)}
    renderer = Renderer(git, {*models, *history.models()}, environments)
    return Snapshot(git, project, models, remote, history, renderer, not_asked)


def _sha256(text: str) -> str:
    return sha256_of_bytes(text.encode(errors="surrogateescape"))
