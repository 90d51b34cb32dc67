"""Which release production runs, and what Git keeps of it: commit, lock, and where its image is."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import load_project
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.gitops.deployment_records import parse_record, record_path
from tagship.gitops.git import Git
from tagship.gitops.history import History
from tagship.gitops.history_parser import parse_tags
from tagship.gitops.refs import LOCAL, MIRROR


@dataclass(frozen=True)
class ChampionRelease:
    """A release that new models are compared with."""

    git: Git
    model: str
    release: str
    commit: str
    lock: str
    """The text of its lock, which may be of another engine."""

    @property
    def lock_path(self) -> str:
        """Where its commit has the lock."""
        return lock_path(self.model)

    @property
    def folder(self) -> Path:
        """Where it is kept: by its lock, which names the artifact and all that decides it."""
        return champion_folder(self.git.root, self.lock)

    @property
    def image(self) -> str:
        """The image of its deployments, without a digest; empty when it never was deployed."""
        environments = load_project(self.git.root).environments
        history = _history(self.git, self.model, environments)
        for environment in reversed(environments):
            for deployment in reversed(history.deployments_of(self.model, environment)):
                if deployment.release == self.release:
                    return deployment.says("Image").partition("@")[0]
        return ""


def champion_here(root: Path, model: str) -> str | None:
    """The release that the last environment runs, by the tags of this clone; no network.

    None outside a repository, and before the first deployment.

    Raises:
        TagshipError: the deployment record names a release, and this clone has no tag of it: a
            shallow clone, or one without tags, must not pass for a first release; or the project
            is a folder of a larger repository.
    """
    git = Git(root)
    if not (root / ".git").exists():
        if not shutil.which("git") or not git.tracks("config/project.yaml"):
            return None
        git.check_top()
    last = load_project(root).environments[-1]
    current = _history(git, model, [last]).current(model, last)
    if current is not None:
        return current.release
    path = record_path(model, last)
    if (root / path).is_file():
        record = parse_record((root / path).read_text(encoding="utf-8"), path)
        if record.is_deployed:
            unshallow = " --unshallow" if git.is_shallow() else ""
            raise TagshipError(
                f"{path}: {last} runs {record.release}, but this clone has no tag of that: the"
                " champion is unknown",
                f"git fetch --tags{unshallow}",
            )
    return None


def champion_of(root: Path, model: str, release: str) -> str | None:
    """The champion that the tag of a model's release names; None when there was none yet.

    Raises:
        TagshipError: this clone has no such tag, or it says nothing of a champion.
    """
    release_tag = _history(Git(root), model, []).release(release)
    if release_tag.tag.model != model:
        raise TagshipError(f"{release} is no release of {model}")
    champion = release_tag.says("Champion")
    if not champion:
        raise TagshipError(f"{release}: its tag says nothing of a champion, not even 'none'")
    return None if champion == "none" else champion


def read_champion(git: Git, model: str, release: str) -> ChampionRelease:
    """What this clone has of a release.

    Raises:
        TagshipError: its tag is not here, or its commit has no lock.
    """
    commit = git.resolve(f"{MIRROR}{release}") or git.resolve(f"refs/tags/{release}")
    if commit is None:
        raise TagshipError("its tag is not in this clone: git fetch --tags --unshallow")
    lock = git.show(commit, lock_path(model))
    if lock is None:
        raise TagshipError("its commit has no lock")
    return ChampionRelease(git, model, release, commit, lock)


def lock_path(model: str) -> str:
    """Where a commit has a model's lock."""
    return f"config/{model}/model.lock.yaml"


def champion_folder(root: Path, lock: str) -> Path:
    """Where a project keeps the champion of a lock."""
    return root / ".tagship" / "champions" / sha256_of_bytes(lock.encode())[:16]


def _history(git: Git, model: str, environments: Iterable[str]) -> History:
    """What the tags of this clone say, the remote's before its own."""
    tags = {raw.name: raw for raw in (*git.tags(LOCAL), *git.tags())}
    return parse_tags(tags.values(), [model], environments)
