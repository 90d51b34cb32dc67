"""An update to what the template has by now: static files, by cruft or Copier, and the engine."""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from tagship.config.model_paths import is_matched, model_paths
from tagship.errors import TagshipError
from tagship.gitops.engine_pin import read_pin, replace_engine, retrainings
from tagship.gitops.git import Git
from tagship.gitops.template import COPIER, HELP, State, clone_template, is_template


@dataclass(frozen=True)
class Update:
    """What an update did."""

    to: State
    """What the project has now; with an empty ``changed`` it had that already."""
    changed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    """Files with conflict markers."""
    rejected: list[str] = field(default_factory=list)
    """``*.rej`` files with changes that found no place."""
    missing: list[str] = field(default_factory=list)
    """Files that the template changed and that this project renamed or removed."""
    engine: str = ""
    """The engine's version before and after; empty where it stayed."""
    retrain: dict[str, list[str]] = field(default_factory=dict)
    """The models that must be trained again, and why."""

    @property
    def clean(self) -> bool:
        """Whether nothing is left to do by hand."""
        return not (self.conflicts or self.rejected or self.missing)


def update(root: Path) -> Update:
    """Take over the template's newest state: its static files, by cruft or Copier, and its engine.

    Raises:
        TagshipError: no link, changes that are not committed, an empty template, or a tool refused.
    """
    if is_template(root):
        raise TagshipError(f"{root}: this is the template itself", "run this in a project of it")
    git = Git(root)
    if dirty := git.dirty():
        raise TagshipError(
            f"{dirty[0]} is changed or untracked: an update would be mixed with it",
            "commit or remove it, then run this again",
        )
    with clone_template(root) as template:
        linked_commit, newest = template.linked_commit(), template.newest()
        missing: list[str] = []
        if template.git.is_ancestor(newest.commit, linked_commit):
            newest = replace(newest, commit=linked_commit)
        else:
            missing = _find_missing(root, template.git, linked_commit, newest.commit)
            take = _copier if template.link.file == COPIER else _cruft
            take(root, newest.tag or newest.commit)
        conflicts = git.run("diff", "--name-only", "-z", "--diff-filter=U").split("\0")[:-1]
        engine, retrain = "", dict[str, list[str]]()
        if "pyproject.toml" not in conflicts:
            engine, retrain = _take_engine(root, template.git, newest)
    paths = git.dirty()
    rejected = [path for path in paths if path.endswith(".rej")]
    return Update(newest, paths, sorted(set(conflicts)), rejected, missing, engine, retrain)


def _find_missing(root: Path, template: Git, before: str, after: str) -> list[str]:
    """What the template changed and this project had once, and no longer has."""
    changed_paths = template.run("diff", "--name-only", "-z", "--no-renames", "--diff-filter=M",
                           before, after).split("\0")[:-1]  # fmt: skip
    configs = template.run("ls-tree", "-dz", "--name-only", before, "config/").split("\0")
    yours = [*_yours(root), *_removed_with_their_model(root, configs)]
    return [path for path in changed_paths if not (root / path).exists()
            and not is_matched(path, yours) and _had(Git(root), path)]  # fmt: skip


def _take_engine(root: Path, template: Git, state: State) -> tuple[str, dict[str, list[str]]]:
    """Pin the engine of a state: its version before and after, and who must train again."""
    before = _pinned_before(root)
    with template.checkout(state.commit) as tree:
        if not replace_engine(root, tree, state.tag):
            return "", {}
        after = read_pin(root).version
        description = f"{after}, anew from {state.commit[:12]}"
        return description if before == after else f"{before} → {after}", retrainings(root, tree)


def _pinned_before(root: Path) -> str:
    """The engine's version in the last commit: cruft may have merged the new pin already."""
    text = Git(root).show("HEAD", "pyproject.toml") or ""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyproject.toml").write_text(text, encoding="utf-8")
        return read_pin(Path(folder)).version


def _yours(root: Path) -> list[str]:
    """The patterns of what an update leaves alone, where cruft reads them too."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return [str(p) for p in settings.get("tool", {}).get("cruft", {}).get("skip", [])]


def _removed_with_their_model(root: Path, configs: list[str]) -> list[str]:
    """The paths of the template's models that this project does not have, or no longer."""
    names = [Path(config).name for config in configs if config and not (root / config).exists()]
    return [path.removesuffix("/") for name in names for path in model_paths(name)]


def _had(git: Git, path: str) -> bool:
    """Whether the project once had a file: it was made with it, and then renamed or removed it."""
    return bool(git.run("log", "-1", "--format=%H", "--diff-filter=AR", "--", path).strip())


def _cruft(root: Path, revision: str) -> None:
    command = [sys.executable, "-m", "cruft", "update", "--skip-apply-ask", "--checkout", revision]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    is_linked = f'"checkout": "{revision}"' in (root / ".cruft.json").read_text(encoding="utf-8")
    if result.returncode or not is_linked:
        raise _refusal("cruft", result)


def _copier(root: Path, revision: str) -> None:
    program = shutil.which("copier") or shutil.which("copier", path=Path(sys.executable).parent)
    if program is None:
        raise TagshipError(
            f"{root / COPIER}: this project is updated by Copier, which is not installed",
            "uv tool install copier, then run this again",
        )
    command = [program, "update", "--trust", "--defaults", "--quiet", "--vcs-ref", revision]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise _refusal("copier", result)


def _refusal(tool: str, result: "subprocess.CompletedProcess[str]") -> TagshipError:
    lines = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
    reason = lines[-1] if lines else f"it ended with {result.returncode} and said nothing"
    return TagshipError(f"{tool}: {reason}", f"git status shows what it did; {HELP}")
