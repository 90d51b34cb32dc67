"""The template that this project was made from: its link, its newest version, an update to it."""

import json
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tagship import __version__
from tagship.config.model_paths import is_matched, model_paths
from tagship.config.yaml_file import read_yaml
from tagship.errors import TagshipError
from tagship.gitops.git import Git
from tagship.gitops.tags import Version, parse_version

TAGS = "template/"
HELP = "see docs/how-to/update.md"
COPIER = ".copier-answers.yml"
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
"""What Copier takes for the start of an address."""


@dataclass(frozen=True)
class Link:
    """Where the template is, and at which commit it was last taken over."""

    url: str
    commit: str


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
        return Link(str(found["template"]), str(found["commit"]))
    except (ValueError, KeyError, TypeError) as error:
        raise TagshipError(f"{path}: not a link to a template: {error!r}", HELP) from None


def _copier_link(path: Path) -> Link:
    found = read_yaml(path).root
    if not {"_src_path", "_commit"} <= found.keys():
        raise TagshipError(f"{path}: not a link to a template: no _src_path or _commit", HELP)
    url = str(found["_src_path"]).removeprefix("git+")
    short, colon, rest = url.partition(":")
    return Link(_SHORT.get(short + colon, short + colon) + rest, str(found["_commit"]))


def newer_version(root: Path) -> str:
    """The template's newest tag, where it is newer than this engine; else nothing.

    Raises:
        TagshipError: no link, or the template cannot be reached.
    """
    listing = Git(root).run("ls-remote", "--tags", read_link(root).url, f"refs/tags/{TAGS}v*")
    names = [line.partition("refs/tags/")[2].removesuffix("^{}") for line in listing.splitlines()]
    tag = _newest(names)
    newer = tag and _version(tag) > parse_version(__version__)
    return tag if newer else ""


def update(root: Path) -> Update:
    """Take over what changed in the template up to its newest tag, by cruft.

    Raises:
        TagshipError: no link, changes that are not committed, no tag, or cruft refused.
    """
    if is_template(root):
        raise TagshipError(f"{root}: this is the template itself", "run this in a project of it")
    link, git = read_link(root), Git(root)
    if not (root / ".cruft.json").is_file():
        tag = newer_version(root) or f"TAG, which is one of the template's {TAGS}v…"
        raise TagshipError(
            f"{root / COPIER}: this project is updated by Copier",
            f"copier update --trust --vcs-ref {tag}",
        )
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
                f".cruft.json: {link.url} holds no commit {link.commit[:12]}",
                f"link the project to a version that it holds: {HELP}",
            )
        new = template.run("rev-parse", f"{tag}^{{commit}}").strip()
        if template.is_ancestor(new, link.commit):
            return Update(tag)
        touched = template.run("diff", "--name-only", "-z", "--no-renames", "--diff-filter=M",
                               link.commit, new).split("\0")[:-1]  # fmt: skip
        configs = template.run("ls-tree", "-dz", "--name-only", link.commit, "config/").split("\0")
    yours = [*_yours(root), *_removed_with_their_model(root, configs)]
    gone = [path for path in touched if not (root / path).exists()
            and not is_matched(path, yours) and _had(git, path)]  # fmt: skip
    _cruft(root, tag)
    conflicts = git.run("diff", "--name-only", "-z", "--diff-filter=U").split("\0")[:-1]
    found = git.dirty()
    rejected = [path for path in found if path.endswith(".rej")]
    return Update(tag, found, sorted(set(conflicts)), rejected, gone)


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
        last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise TagshipError(
            f"cruft: {last[-1] if last else 'failed without a word'}",
            f"git status shows what it did; {HELP}",
        )


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
