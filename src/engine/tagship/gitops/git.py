"""The only file that runs git: arguments as lists, no shell, English messages, clear refusals."""

import os
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tagship.documentation import page
from tagship.errors import TagshipError

MIRROR = "refs/tagship/tags/"
"""Where the remote's tags are kept, apart from the user's own."""
_FIELDS = (
    "refname", "objecttype", "objectname", "tag", "*objectname", "*objecttype",
    "taggerdate:unix", "taggername", "contents:subject", "contents:body", "contents:signature",
)  # fmt: skip
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


@dataclass(frozen=True)
class RawTag:
    """A tag as Git holds it, not yet understood."""

    name: str
    annotated: bool
    object: str
    """The tag object, or the commit itself for a lightweight tag."""
    own_name: str
    """The name written inside the tag object."""
    commit: str
    """Empty when the tag does not point straight at a commit."""
    date: datetime
    tagger: str
    subject: str
    body: str
    signed: bool


@dataclass(frozen=True)
class Remote:
    """What the remote said: its default branch and its branches' heads."""

    default: str
    heads: Mapping[str, str]


class Git:
    """One repository and its remote ``origin``."""

    def __init__(self, root: Path, remote: str = "origin") -> None:
        self.root = root
        self.remote = remote

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> str:
        """Run ``git`` and return what it printed.

        Raises:
            TagshipError: with git's own last words.
        """
        done = self._call(arguments, stdin, environment)
        if done.returncode:
            raise TagshipError(f"git {arguments[0]}: {_last_words(done.stderr)}")
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Whether ``git`` exits with 0."""
        return self._call(arguments, None, {}).returncode == 0

    def _call(
        self, arguments: tuple[str, ...], stdin: str | None, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        inherited = {key: value for key, value in os.environ.items() if key not in _INHERITED}
        settings = {**inherited, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **environment}
        try:
            done = subprocess.run(
                ["git", "-c", "core.quotePath=off", "-C", str(self.root), *arguments],
                input=(stdin or "").encode(errors="surrogateescape"),
                env=settings,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise TagshipError("git is not installed", "install git 2.39 or later") from None
        text = [part.decode(errors="surrogateescape") for part in (done.stdout, done.stderr)]
        return subprocess.CompletedProcess(done.args, done.returncode, *text)

    # what the clone is

    def has_remote(self) -> bool:
        """Whether ``origin`` is configured."""
        return self.remote in self.run("remote").split()

    def is_shallow(self) -> bool:
        """Whether history is cut off."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def branch(self) -> str | None:
        """The branch that is checked out; None when HEAD is detached."""
        done = self._call(("symbolic-ref", "--quiet", "--short", "HEAD"), None, {})
        return done.stdout.strip() or None

    def dirty(self) -> list[str]:
        """The paths that are changed or untracked."""
        return [line[3:] for line in self.run("status", "--porcelain").splitlines()]

    def identity(self) -> str:
        """Who tags: ``Name <mail>``.

        Raises:
            TagshipError: git does not know.
        """
        done = self._call(("var", "GIT_COMMITTER_IDENT"), None, {})
        if done.returncode:
            raise TagshipError(
                "git does not know who you are",
                'git config user.name "…" and git config user.email "…"',
            )
        return done.stdout.rsplit(" ", 2)[0]

    # reading

    def resolve(self, revision: str) -> str | None:
        """The commit that a revision names, if any."""
        done = self._call(
            ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"),
            None, {},
        )  # fmt: skip
        return done.stdout.strip() or None

    def show(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None when it is not there."""
        done = self._call(("cat-file", "blob", f"{commit}:{path}"), None, {})
        return None if done.returncode else done.stdout

    def tree(self, commit: str, path: str) -> str:
        """The hash of a folder at a commit; empty when it is not there."""
        found = self._call(("rev-parse", "--verify", "--quiet", f"{commit}:{path}"), None, {})
        return found.stdout.strip()

    def files(self, commit: str, *paths: str) -> dict[str, str]:
        """The blob of each file under ``paths`` at a commit."""
        listing = self.run("ls-tree", "-r", "-z", commit, "--", *paths)
        entries = (line.split("\t", 1) for line in listing.split("\0") if line)
        return {path: about for about, path in entries}

    def parents(self, commit: str) -> list[str]:
        """A commit's parents."""
        return self.run("rev-list", "--parents", "-n", "1", commit).split()[1:]

    def last_change(self, commit: str, path: str) -> str:
        """The commit by which a path got its content on a branch: a merge counts as one change."""
        form = ("-1", "--first-parent", "--format=%H")
        return self.run("log", *form, commit, "--", path).strip()

    def changed(self, old: str, new: str) -> list[str]:
        """The paths whose content differs between two commits."""
        return self.run("diff", "--name-only", "-z", "--no-renames", old, new).split("\0")[:-1]

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether ``old`` is ``new`` or came before it."""
        return self.succeeds("merge-base", "--is-ancestor", old, new)

    def tags(self, namespace: str = MIRROR) -> list[RawTag]:
        """Every tag of a namespace with its message, in one call."""
        layout = "%00".join(f"%({field})" for field in _FIELDS) + "%00"
        output = self.run("for-each-ref", f"--format={layout}", namespace)
        values = output.split("\0")
        size = len(_FIELDS)
        rows = [values[at : at + size] for at in range(0, len(values) - 1, size)]
        return [_raw_tag(row, namespace) for row in rows]

    # the remote

    def sync(self) -> Remote:
        """Fetch the default branch and mirror all tags; the remote's word replaces what was here.

        Raises:
            TagshipError: the remote cannot be reached or has no default branch.
        """
        lines = self.run("ls-remote", "--symref", self.remote, "HEAD", "refs/heads/*").splitlines()
        default = ""
        heads: dict[str, str] = {}
        for line in lines:
            value, _, ref = line.partition("\t")
            if value.startswith("ref: refs/heads/"):
                default = value.removeprefix("ref: refs/heads/")
            elif ref.startswith("refs/heads/"):
                heads[ref.removeprefix("refs/heads/")] = value
        if default not in heads:
            raise TagshipError(
                f"the remote '{self.remote}' has no default branch", "push your main branch first"
            )
        branch = f"+refs/heads/{default}:refs/remotes/{self.remote}/{default}"
        quiet = ("--quiet", "--no-tags", "--prune", "--no-write-fetch-head")
        self.run("fetch", *quiet, self.remote, branch, f"+refs/tags/*:{MIRROR}*")
        return Remote(default, heads)

    def fetch(self, commit: str) -> None:
        """Bring one commit of the remote here."""
        if not self.succeeds("cat-file", "-e", f"{commit}^{{commit}}"):
            self.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.remote, commit)

    def push(self, source: str, ref: str, expected: str | None = None) -> bool:
        """Push one ref as a compare-and-swap; False when someone else was there first.

        ``expected`` is what the remote's ref must hold now; None means that it must not exist.

        Raises:
            TagshipError: the remote refuses (a rule, a hook, no permission, no network).
        """
        lease = f"--force-with-lease={ref}:{expected or ''}"
        done = self._call(("push", "--porcelain", lease, self.remote, f"{source}:{ref}"), None, {})
        if done.returncode == 0:
            return True
        listing = self._call(("ls-remote", self.remote, ref), None, {})
        held = listing.stdout.split()[0] if listing.stdout else ""
        if held == self.run("rev-parse", source).strip():
            return True
        if listing.returncode == 0 and held != (expected or ""):
            return False
        words = [line for line in done.stdout.splitlines() if line.startswith("!")]
        reason = words[0].split("\t")[-1] if words else _last_words(done.stderr)
        told = re.findall(r"^remote: (.+?)\s*$", done.stderr, re.MULTILINE)
        said = " ".join([reason, *told[:3]])
        way = "check your permission and the repository's rulesets"
        if "refusing to allow" in said and "workflow" in said:
            way = f"run this in a clone, or keep a TAGSHIP_TOKEN: {page('how-to/release')}"
        raise TagshipError(f"the remote refused {ref}: {said}", f"nothing was changed; {way}")

    # writing objects; nothing is visible until a ref is pushed

    def tag(self, name: str, commit: str, message: str, sign: bool = False) -> str:
        """Make an annotated tag object and return its hash; no ref holds it yet."""
        if not sign:
            tagger = self.run("var", "GIT_COMMITTER_IDENT").strip()
            head = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n"
            return self.run("mktag", stdin=head + message).strip()
        form = ("--sign", "--force", "--cleanup=verbatim", "-F", "-", "--")
        self.run("tag", *form, name, commit, stdin=message)
        made = self.run("rev-parse", f"refs/tags/{name}").strip()
        self.run("update-ref", "-d", f"refs/tags/{name}")
        return made

    def keep(self, name: str, tag: str) -> None:
        """Let this clone's ``refs/tags/<name>`` hold a tag object."""
        self.run("update-ref", f"refs/tags/{name}", tag)

    def commit(self, parent: str, contents: Mapping[str, str], message: str) -> str:
        """Commit ``parent`` with some files replaced, without touching the work tree.

        Its dates are the parent's, so that the same change gives the same commit again.
        """
        date = self.run("show", "-s", "--format=%cI", parent).strip()
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", parent, **index)
            for path, text in contents.items():
                blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
                self.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
            tree = self.run("write-tree", **index).strip()
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        return self.run(
            "commit-tree", tree, "-p", parent, "-F", "-", stdin=message, **dates
        ).strip()

    @contextmanager
    def checkout(self, commit: str) -> Iterator[Path]:
        """A temporary work tree at a commit."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tree"
            self.run("worktree", "add", "--quiet", "--detach", str(path), commit)
            try:
                yield path
            finally:
                self.run("worktree", "remove", "--force", str(path))


def jitter(attempt: int) -> float:
    """Seconds to wait before trying again, longer and more random each time."""
    return random.uniform(0, 0.05 * 2 ** min(attempt, 6))  # noqa: S311


def _raw_tag(row: list[str], namespace: str) -> RawTag:
    ref, kind, own, named, peeled, peeled_kind, unix, tagger, subject, body, signature = row
    annotated = kind == "tag"
    target, target_kind = (peeled, peeled_kind) if annotated else (own, kind)
    return RawTag(
        name=ref.lstrip("\n").removeprefix(namespace),
        annotated=annotated,
        object=own,
        own_name=named,
        commit=target if target_kind == "commit" else "",
        date=datetime.fromtimestamp(int(unix or 0), UTC),
        tagger=tagger,
        subject=subject,
        body=body,
        signed=bool(signature),
    )


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    wanted = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (wanted or lines or ["failed without a word"])[0].removeprefix("fatal: ")
