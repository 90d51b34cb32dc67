"""The template that this project was made from: its link, and what it has by now."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tagship.config.yaml_file import read_yaml
from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.engine_pin import read_pin
from tagship.gitops.git import Git
from tagship.gitops.tags import Version, parse_version

TAGS = "template/"
HELP = f"see {page('how-to/update')}"
COPIER = ".copier-answers.yml"
HISTORY = "--filter=tree:0"
"""For a clone that holds commits and tags, without files."""
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
class State:
    """What of the template is taken over: its newest version or, where it has none, a branch."""

    tag: str = ""
    """The newest version; empty where the template has no version."""
    branch: str = ""
    """The default branch, where there is no version; else empty."""
    commit: str = ""

    def __str__(self) -> str:
        return self.tag or f"{self.branch} at {self.commit[:12]}"


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
        answers = json.loads(path.read_text(encoding="utf-8"))
        return Link(str(answers["template"]), str(answers["commit"]), path.name)
    except (ValueError, KeyError, TypeError) as error:
        raise TagshipError(f"{path}: not a link to a template: {error!r}", HELP) from None


def _copier_link(path: Path) -> Link:
    answers = read_yaml(path).root
    if not {"_src_path", "_commit"} <= answers.keys():
        raise TagshipError(f"{path}: not a link to a template: no _src_path or _commit", HELP)
    url = str(answers["_src_path"]).removeprefix("git+")
    for short, address in _SHORT.items():
        if url.startswith(short):
            name = url.removeprefix(short).removeprefix("/").removesuffix(".git")
            url = f"{address}{name}.git"
    return Link(url, str(answers["_commit"]), COPIER)


@dataclass(frozen=True)
class NewerState(State):
    """What the template has and this project does not; all is empty where nothing is newer."""

    security: list[str] = field(default_factory=list)
    """What the tags since then say after ``Security:``, each with its version."""

    @property
    def summary(self) -> str:
        """What is out, in words; empty where nothing is."""
        if self.branch:
            text = f"its branch {self.branch} moved on to {self.commit[:12]}"
            return f"the template has no versions; {text}"
        return f"{self.tag} is out" if self.tag else ""


class Template:
    """A clone of the template, and what the project at ``root`` has of it."""

    def __init__(self, root: Path, link: Link, git: Git) -> None:
        self.root, self.link, self.git = root, link, git
        names = git.run("tag", "--list", f"{TAGS}v*").split()
        self.versions = sorted(filter(_is_version, names), key=_version)

    def newest(self) -> State:
        """The newest version, or else the default branch.

        Raises:
            TagshipError: there is neither.
        """
        if self.versions:
            tag = self.versions[-1]
            return State(tag, "", self.git.run("rev-parse", f"{tag}^{{commit}}").strip())
        branch, commit = self.git.branch(), self.git.resolve("HEAD")
        if not (branch and commit):
            raise TagshipError(
                f"{self.link.url}: no tag {TAGS}v… and no default branch",
                "there is nothing to update to",
            )
        return State("", branch, commit)

    def linked_commit(self) -> str:
        """The commit that the project was made from or last took over.

        Raises:
            TagshipError: the template does not hold it.
        """
        commit = self.git.resolve(self.link.commit)
        if commit is None:
            raise TagshipError(
                f"{self.link.file}: {self.link.url} holds no commit {self.link.commit[:12]}",
                f"link the project to a version that it holds: {HELP}",
            )
        return commit

    def newer(self) -> NewerState:
        """What an update would bring."""
        newest = self.newest()
        if newest.branch:
            is_linked = self.git.is_ancestor(newest.commit, self.linked_commit())
            return NewerState() if is_linked else NewerState("", newest.branch, newest.commit)
        pin_version = parse_version(read_pin(self.root).version)
        names = [name for name in self.versions if _version(name) > pin_version]
        fixes = [
            f"{tag}: {fix}"
            for tag in names
            for fix in re.findall(r"^Security: (.+)$", self._message(tag), re.MULTILINE)
        ]
        return NewerState(newest.tag, "", newest.commit, fixes) if names else NewerState()

    def has_linked_version(self) -> bool:
        """Whether the commit that the project has is one of the versions."""
        tags = self.git.run("tag", "--points-at", self.linked_commit()).split()
        return not set(tags).isdisjoint(self.versions)

    def wheel_hash(self, version: str) -> str:
        """The engine's SHA-256 in the message of a version's tag; empty where none names it."""
        tag = f"{TAGS}v{version}"
        message = self._message(tag) if tag in self.versions else ""
        match = re.search(r"^Wheel-SHA256: ([0-9a-f]{64})$", message, re.MULTILINE)
        return match[1] if match else ""

    def _message(self, tag: str) -> str:
        return self.git.run("for-each-ref", "--format=%(contents)", f"refs/tags/{tag}")


@contextmanager
def clone_template(root: Path, *options: str) -> Iterator[Template]:
    """The template of the project at ``root``, in a bare clone for a while.

    Raises:
        TagshipError: no link, or the template cannot be reached.
    """
    link = read_link(root)
    with tempfile.TemporaryDirectory() as folder:
        Git(root).run("clone", "--quiet", "--bare", *options, link.url, folder)
        yield Template(root, link, Git(Path(folder)))


def check_template(root: Path) -> NewerState:
    """What an update would bring.

    Raises:
        TagshipError: no link, or the template cannot be reached.
    """
    with clone_template(root, HISTORY) as template:
        return template.newer()


def _is_version(name: str) -> bool:
    try:
        _version(name)
    except TagshipError:
        return False
    return True


def _version(tag: str) -> Version:
    return parse_version(tag.removeprefix(TAGS))
