"""One repository and its remote: what is there, what is fetched, made and pushed."""

import random
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.git_command import explain_refusal, last_words
from tagship.gitops.git_objects import Objects
from tagship.gitops.refs import FORM, LOCAL, MIRROR, RawTag, Remote, parse_raw_tags, parse_remote

_HIDDEN = frozenset("hsmrck") | {"S"}
"""How ``ls-files -v`` marks what is assumed to be unchanged, or kept out of the work tree."""


@dataclass(frozen=True)
class FileChange:
    """A commit of a branch by which one path got another content."""

    path: str
    commit: str
    when: datetime
    author: str
    subject: str
    before: str
    """The hash of the content before; zeros where there was none."""
    after: str


class Git(Objects):
    """One repository and its remote ``origin``."""

    def __init__(self, root: Path, remote: str = "origin") -> None:
        super().__init__(root, remote)
        self._known: dict[tuple[str, ...], str] = {}
        """What git said of objects, by their hash: it never changes."""

    # what the clone is

    def has_remote(self) -> bool:
        """Whether ``origin`` is configured."""
        return self.succeeds("config", "--get", f"remote.{self.remote}.url")

    def tracks(self, path: str) -> bool:
        """Whether a file of the work tree is one of a repository's, if there is a repository.

        Raises:
            TagshipError: git refuses to say, for example because others own the repository.
        """
        done = self.call("ls-files", "--error-unmatch", "--", path)
        if done.returncode and not re.search("not a git repository|did not match", done.stderr):
            raise TagshipError(f"git ls-files: {last_words(done.stderr)}")
        return done.returncode == 0

    def check_top(self) -> None:
        """Refuse a project that is a folder of a larger repository.

        Raises:
            TagshipError: its tags and paths are those of the repository, not the project's.
        """
        prefix = self.run("rev-parse", "--show-prefix").strip()
        if prefix:
            raise TagshipError(
                f"{self.root}: the project is the folder {prefix} of a larger repository",
                "give it a repository of its own: tags, deploy/ and .github/ stand at its top",
            )

    def is_shallow(self) -> bool:
        """Whether history is cut off; a fetch of this instance does not change that."""
        return self._fixed("rev-parse", "--is-shallow-repository").strip() == "true"

    def branch(self) -> str | None:
        """The branch that is checked out; None when HEAD is detached."""
        done = self.call("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.stdout.strip() or None

    def dirty(self) -> list[str]:
        """The paths that are changed or untracked, or that git was told not to look at."""
        changed = [line[3:] for line in self.run("status", "--porcelain").splitlines()]
        flagged = (line for line in self.run("ls-files", "-v").splitlines() if line[0] in _HIDDEN)
        hidden = (line[2:] for line in flagged)
        return changed + [path for path in hidden if (self.root / path).exists()]

    def identity(self) -> str:
        """Who tags: ``Name <mail>``.

        Raises:
            TagshipError: git does not know.
        """
        done = self.call("var", "GIT_COMMITTER_IDENT")
        if done.returncode:
            raise TagshipError(
                "git does not know who you are",
                'git config user.name "…" and git config user.email "…"',
            )
        return done.stdout.rsplit(" ", 2)[0]

    # reading

    def resolve(self, revision: str) -> str | None:
        """The commit that a revision names, if any."""
        done = self.call(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
        return done.stdout.strip() or None

    def own_folder(self) -> Path:
        """Git's own folder, which all work trees of this clone share."""
        said = self._fixed("rev-parse", "--git-common-dir").strip()
        return (self.root / said).resolve()

    def _fixed(self, *arguments: str) -> str:
        """What git says of objects that are named by their hashes, asked once."""
        if arguments not in self._known:
            self._known[arguments] = self.run(*arguments)
        return self._known[arguments]

    def parents(self, commit: str) -> list[str]:
        """A commit's parents."""
        return self.run("rev-list", "--parents", "-n", "1", commit).split()[1:]

    def last_change(self, commit: str, path: str) -> str:
        """The commit by which a path got its content on a branch: a merge counts as one change."""
        form = ("-1", "--first-parent", "--format=%H")
        return self.run("log", *form, commit, "--", path).strip()

    def history(self, commit: str, path: str) -> list[str]:
        """The commits of a branch by which a path got its content, newest first."""
        return self.run("log", "--first-parent", "--format=%H", commit, "--", path).split()

    def file_changes(self, commit: str, paths: str) -> list[FileChange]:
        """How the paths of a pattern got their contents on a branch, oldest first, in one call."""
        form = ("--raw", "--no-abbrev", "--no-renames", "--format=%x00%H%x00%ct%x00%an%x00%s")
        order = ("--reverse", "--first-parent", "--diff-merges=first-parent")
        fields = self.run("log", *order, *form, commit, "--", paths).split("\0")[1:]
        changes = []
        for at in range(0, len(fields), 4):
            name, date, author, text = fields[at : at + 4]
            when = datetime.fromtimestamp(int(date), UTC)
            subject, *lines = text.splitlines()
            for line in (line for line in lines if line.startswith(":")):
                modes_and_hashes, _, path = line.partition("\t")
                before, after = modes_and_hashes.split()[2:4]
                changes.append(FileChange(path, name, when, author, subject, before, after))
        return changes

    def changed(self, old: str, new: str) -> list[str]:
        """The paths whose content differs between two commits."""
        return self.run("diff", "--name-only", "-z", "--no-renames", old, new).split("\0")[:-1]

    def fork(self, base: str) -> tuple[str, str]:
        """The commit at which HEAD left ``base``, and HEAD's own.

        Raises:
            TagshipError: no such commit, or the two have no history in common.
        """
        start, head = self.resolve(base), self.resolve("HEAD")
        if start is None or head is None:
            raise TagshipError(f"{base}: no such commit here", "git fetch --unshallow origin")
        return self.run("merge-base", start, head).strip(), head

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether ``old`` is ``new`` or came before it."""
        key = ("merge-base", "--is-ancestor", old, new)
        if key not in self._known:
            self._known[key] = "yes" if self.succeeds(*key) else ""
        return bool(self._known[key])

    def tags(self, namespace: str = MIRROR) -> list[RawTag]:
        """Every tag of a namespace with its message, in one call."""
        return parse_raw_tags(self.run("for-each-ref", f"--format={FORM}", namespace), namespace)

    def local_tags(self) -> dict[str, str]:
        """This clone's own tags, mirrored or not: name → object."""
        return {ref.removeprefix(LOCAL): held for ref, held in self._held(LOCAL).items()}

    def _held(self, *places: str) -> dict[str, str]:
        """The refs of this clone in some places → their objects."""
        listing = self.run("for-each-ref", "--format=%(refname) %(objectname)", *places)
        pairs = (line.rpartition(" ") for line in listing.splitlines())
        return {ref: held for ref, _, held in pairs}

    # the remote

    def sync(self) -> Remote:
        """Fetch the default branch and mirror all tags; the remote's word replaces what was here.

        Raises:
            TagshipError: the remote cannot be reached or has no default branch.
        """
        remote = parse_remote(self.run("ls-remote", "--symref", self.remote))
        default = remote.default
        if default not in remote.heads:
            raise TagshipError(
                f"the remote '{self.remote}' has no default branch", "push your main branch first"
            )
        branch = f"refs/remotes/{self.remote}/{default}"
        wanted = {MIRROR + name: held for name, held in remote.tags.items()}
        if self._held(branch, MIRROR) != {branch: remote.heads[default], **wanted}:
            quiet = ("--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--refmap=")
            both = (f"+refs/heads/{default}:{branch}", f"+{LOCAL}*:{MIRROR}*")
            self.run("fetch", *quiet, self.remote, *both)
        return remote

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
        done = self.call("push", "--porcelain", lease, self.remote, f"{source}:{ref}")
        listing = self.call("ls-remote", self.remote, ref)
        held = listing.stdout.split()[0] if listing.stdout else ""
        if held == self.run("rev-parse", source).strip():
            return True
        if done.returncode == 0:
            raise TagshipError(
                f"{ref} was pushed, but '{self.remote}' does not have it"
                + (": it holds other content" if held else ""),
                f"`git remote -v`: its push URL is another repository than the one that is"
                f" read, or something removes it there; git config --unset"
                f" remote.{self.remote}.pushurl",
            )
        if listing.returncode == 0 and held != (expected or ""):
            return False
        raise explain_refusal(ref, done.stdout, done.stderr)

    # writing objects; nothing is visible until a ref is pushed

    def tag(self, name: str, commit: str, message: str, sign: bool = False) -> str:
        """Make an annotated tag object and return its hash; no ref holds it yet."""
        self.identity()
        if not (sign or self._signs()):
            tagger = self.run("var", "GIT_COMMITTER_IDENT").strip()
            head = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n"
            return self.run("mktag", stdin=head + message).strip()
        form = ("--sign", "--force", "--cleanup=verbatim", "-F", "-", "--")
        self.run("tag", *form, name, commit, stdin=message)
        made = self.run("rev-parse", f"refs/tags/{name}").strip()
        self.run("update-ref", "-d", f"refs/tags/{name}")
        return made

    def _signs(self) -> bool:
        """Whether the user has git sign annotated tags."""
        keys = ("tag.gpgSign", "tag.forceSignAnnotated")
        said = (self.call("config", "--type=bool", "--get", key) for key in keys)
        return any(done.stdout.strip() == "true" for done in said)

    def keep(self, name: str, tag: str) -> None:
        """Let this clone's ``refs/tags/<name>`` hold a tag object."""
        self.run("update-ref", f"refs/tags/{name}", tag)

    def graft(
        self, parent: str, folder: str, source: str, files: Mapping[str, str], message: str
    ) -> str:
        """Commit ``parent`` with a top folder as it is at another commit, and files beside it."""
        listed = self.run("ls-tree", "-z", parent).split("\0")
        other = {folder, *files}
        lines = [line for line in listed if line and line.partition("\t")[2] not in other]
        held = self.tree(source, folder)
        lines += [f"040000 tree {held}\t{folder}"] if held else []
        for name, text in files.items():
            blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
            lines.append(f"100644 blob {blob}\t{name}")
        made = self.run("mktree", "-z", stdin="".join(f"{line}\0" for line in lines)).strip()
        return self._commit_tree(made, parent, message)

    def commit(
        self,
        parent: str | None,
        contents: Mapping[str, str],
        message: str,
        repeatable: bool = True,
    ) -> str:
        """Commit ``parent``, or nothing, with some files replaced, without touching the work tree.

        ``repeatable``: its dates are the parent's, so the same change gives the same commit again.
        """
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", parent or "--empty", **index)
            for path, text in contents.items():
                blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
                self.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
            tree = self.run("write-tree", **index).strip()
        return self._commit_tree(tree, parent, message, repeatable)

    def _commit_tree(
        self, tree: str, parent: str | None, message: str, repeatable: bool = True
    ) -> str:
        self.identity()
        dates = {}
        if parent and repeatable:
            date = self.run("show", "-s", "--format=%cI", parent).strip()
            dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        parents = ("-p", parent) if parent else ()
        command = ("commit-tree", tree, *parents, "-F", "-")
        return self.run(*command, stdin=message, **dates).strip()

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
