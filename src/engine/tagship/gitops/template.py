"""The template that this project was made from: its link, its newest version, an update to it."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tagship.config.model_paths import is_matched, model_paths
from tagship.config.yaml_file import read_yaml
from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.engine import engine_problem, read_pin, replace_engine, retrainings, tag_message
from tagship.gitops.git import Git
from tagship.gitops.tags import Version, parse_version

TAGS = "template/"
HELP = f"see {page('how-to/update')}"
COPIER = ".copier-answers.yml"
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
"""What Copier takes for the start of an address."""


@dataclass(frozen=True)
class Link:
    """Where the template is, and at which commit it was last taken over."""

    url: str
    commit: str
    file: str
    """Which file says so: cruft's or Copier's."""


@dataclass(frozen=True)
class Update:
    """What an update did."""

    tag: str
    """The newest version; empty ``changed`` and lists mean that the project had it already."""
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


def is_template(root: Path) -> bool:
    """Whether this is the template itself, which has nothing to be updated from."""
    return (root / "cookiecutter.json").is_file() and (root / "hooks").is_dir()


def read_link(root: Path) -> Link:
    """What ``.cruft.json`` says, or else ``.copier-answers.yml``.

    Raises:
        TagshipError: there is neither, or it is unreadable.
    """
    path = root / ".cruft.json"
    if not path.is_file():
        if (root / COPIER).is_file():
            return _copier_link(root / COPIER)
        raise TagshipError(f"{path}: no such file: no link to the template", HELP)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Link(str(found["template"]), str(found["commit"]), path.name)
    except (ValueError, KeyError, TypeError) as error:
        raise TagshipError(f"{path}: not a link to a template: {error!r}", HELP) from None


def _copier_link(path: Path) -> Link:
    found = read_yaml(path).root
    if not {"_src_path", "_commit"} <= found.keys():
        raise TagshipError(f"{path}: not a link to a template: no _src_path or _commit", HELP)
    url = str(found["_src_path"]).removeprefix("git+")
    short, colon, rest = url.partition(":")
    return Link(_SHORT.get(short + colon, short + colon) + rest, str(found["_commit"]), COPIER)


@dataclass(frozen=True)
class Newer:
    """A version of the template that is newer than the engine's pin."""

    tag: str
    security: list[str] = field(default_factory=list)
    """What the tags since then say after ``Security:``, each with its version."""


def newer_version(root: Path) -> str:
    """The template's newest tag, where it is newer than the engine that is pinned; else nothing.

    Raises:
        TagshipError: no link, or the template cannot be reached.
    """
    names = _newer_tags(root)
    return names[-1] if names else ""


def newer_with_fixes(root: Path) -> Newer:
    """``newer_version``, and the security fixes that it and those before it bring.

    Raises:
        TagshipError: no link, or the template cannot be reached.
    """
    git, url, names = Git(root), read_link(root).url, _newer_tags(root)
    fixes = [
        f"{tag}: {said}"
        for tag in names
        for said in re.findall(r"^Security: (.+)$", tag_message(git, url, tag), re.MULTILINE)
    ]
    return Newer(names[-1] if names else "", fixes)


def _newer_tags(root: Path) -> list[str]:
    """The template's tags that are newer than the engine that is pinned, in order."""
    listing = Git(root).run("ls-remote", "--tags", read_link(root).url, f"refs/tags/{TAGS}v*")
    names = {line.partition("refs/tags/")[2].removesuffix("^{}") for line in listing.splitlines()}
    pinned = parse_version(read_pin(root).version)
    return sorted((n for n in names if _is_version(n) and _version(n) > pinned), key=_version)


def update(root: Path) -> Update:
    """Take over the template's newest tag: its static files, by cruft or Copier, and its engine.

    Raises:
        TagshipError: no link, changes that are not committed, no tag, or a tool refused.
    """
    if is_template(root):
        raise TagshipError(f"{root}: this is the template itself", "run this in a project of it")
    link, git = read_link(root), Git(root)
    if dirty := git.dirty():
        raise TagshipError(
            f"{dirty[0]} is changed or untracked: an update would be mixed with it",
            "commit or remove it, then run this again",
        )
    with tempfile.TemporaryDirectory() as folder:
        git.run("clone", "--quiet", "--bare", link.url, folder)
        template = Git(Path(folder))
        tag = _newest(template.run("tag", "--list", f"{TAGS}v*").split())
        if not tag:
            raise TagshipError(f"{link.url}: no tag {TAGS}v…", "it has no version to update to")
        if template.resolve(link.commit) is None:
            raise TagshipError(
                f"{link.file}: {link.url} holds no commit {link.commit[:12]}",
                f"link the project to a version that it holds: {HELP}",
            )
        new = template.run("rev-parse", f"{tag}^{{commit}}").strip()
        gone: list[str] = []
        if not template.is_ancestor(new, link.commit):
            gone = _gone(root, template, link.commit, new)
            (_copier if link.file == COPIER else _cruft)(root, tag)
        conflicts = git.run("diff", "--name-only", "-z", "--diff-filter=U").split("\0")[:-1]
        engine, retrain = "", dict[str, list[str]]()
        if "pyproject.toml" not in conflicts:
            engine, retrain = _take_engine(root, template, new, tag)
    paths = git.dirty()
    rejected = [path for path in paths if path.endswith(".rej")]
    return Update(tag, paths, sorted(set(conflicts)), rejected, gone, engine, retrain)


def _gone(root: Path, template: Git, old: str, new: str) -> list[str]:
    """What the template changed and this project had once, and no longer has."""
    touched = template.run("diff", "--name-only", "-z", "--no-renames", "--diff-filter=M",
                           old, new).split("\0")[:-1]  # fmt: skip
    configs = template.run("ls-tree", "-dz", "--name-only", old, "config/").split("\0")
    yours = [*_yours(root), *_removed_with_their_model(root, configs)]
    return [path for path in touched if not (root / path).exists()
            and not is_matched(path, yours) and _had(Git(root), path)]  # fmt: skip


def _take_engine(
    root: Path, template: Git, commit: str, tag: str
) -> tuple[str, dict[str, list[str]]]:
    """Pin the engine of a version: its version before and after, and who must train again."""
    before, after = _pinned_before(root), tag.removeprefix(f"{TAGS}v")
    if before == after and not engine_problem(root):
        return "", {}
    with template.checkout(commit) as tree:
        replace_engine(root, tree, tag)
        return f"{before} → {after}", retrainings(root, tree)


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


def _cruft(root: Path, tag: str) -> None:
    command = [sys.executable, "-m", "cruft", "update", "--skip-apply-ask", "--checkout", tag]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    linked = f'"checkout": "{tag}"' in (root / ".cruft.json").read_text(encoding="utf-8")
    if done.returncode or not linked:
        raise _refusal("cruft", done)


def _copier(root: Path, tag: str) -> None:
    program = shutil.which("copier") or shutil.which("copier", path=Path(sys.executable).parent)
    if program is None:
        raise TagshipError(
            f"{root / COPIER}: this project is updated by Copier, which is not installed",
            "uv tool install copier, then run this again",
        )
    command = [program, "update", "--trust", "--defaults", "--quiet", "--vcs-ref", tag]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _refusal("copier", done)


def _refusal(tool: str, done: "subprocess.CompletedProcess[str]") -> TagshipError:
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = lines[-1] if lines else f"it ended with {done.returncode} and said nothing"
    return TagshipError(f"{tool}: {said}", f"git status shows what it did; {HELP}")


def _newest(names: list[str]) -> str:
    return max((name for name in names if _is_version(name)), key=_version, default="")


def _is_version(name: str) -> bool:
    try:
        _version(name)
    except TagshipError:
        return False
    return True


def _version(tag: str) -> Version:
    return parse_version(tag.removeprefix(TAGS))
