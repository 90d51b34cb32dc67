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
        self._answers: dict[tuple[str, ...], str] = {}
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
        result = self.call("ls-files", "--error-unmatch", "--", path)
        if result.returncode and not re.search("not a git repository|did not match", result.stderr):
            raise TagshipError(f"git ls-files: {last_words(result.stderr)}")
        return result.returncode == 0

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
        return self._run_once("rev-parse", "--is-shallow-repository").strip() == "true"

    def branch(self) -> str | None:
        """The branch that is checked out; None when HEAD is detached."""
        result = self.call("symbolic-ref", "--quiet", "--short", "HEAD")
        return result.stdout.strip() or None

    def dirty(self) -> list[str]:
        """The paths that are changed or untracked, or that git was told not to look at."""
        paths = [line[3:] for line in self.run("status", "--porcelain").splitlines()]
        lines = (line for line in self.run("ls-files", "-v").splitlines() if line[0] in _HIDDEN)
        hidden_paths = (line[2:] for line in lines)
        return paths + [path for path in hidden_paths if (self.root / path).exists()]

    def identity(self) -> str:
        """Who tags: ``Name <mail>``.

        Raises:
            TagshipError: git does not know.
        """
        result = self.call("var", "GIT_COMMITTER_IDENT")
        if result.returncode:
            raise TagshipError(
                "git does not know who you are",
                'git config user.name "…" and git config user.email "…"',
            )
        return result.stdout.rsplit(" ", 2)[0]

    # reading

    def resolve(self, revision: str) -> str | None:
        """The commit that a revision names, if any."""
        result = self.call(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
        return result.stdout.strip() or None

    def own_folder(self) -> Path:
        """Git's own folder, which all work trees of this clone share."""
        folder = self._run_once("rev-parse", "--git-common-dir").strip()
        return (self.root / folder).resolve()

    def _run_once(self, *arguments: str) -> str:
        """What git says of objects that are named by their hashes, asked once."""
        if arguments not in self._answers:
            self._answers[arguments] = self.run(*arguments)
        return self._answers[arguments]

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

    def changed_paths(self, before: str, after: str) -> list[str]:
        """The paths whose content differs between two commits."""
        return self.run("diff", "--name-only", "-z", "--no-renames", before, after).split("\0")[:-1]

    def fork(self, base: str) -> tuple[str, str]:
        """The commit at which HEAD left ``base``, and HEAD's own.

        Raises:
            TagshipError: no such commit, or the two have no history in common.
        """
        start, head = self.resolve(base), self.resolve("HEAD")
        if start is None or head is None:
            raise TagshipError(f"{base}: no such commit here", "git fetch --unshallow origin")
        return self.run("merge-base", start, head).strip(), head

    def is_ancestor(self, earlier: str, later: str) -> bool:
        """Whether ``old`` is ``new`` or came before it."""
        key = ("merge-base", "--is-ancestor", earlier, later)
        if key not in self._answers:
            self._answers[key] = "yes" if self.succeeds(*key) else ""
        return bool(self._answers[key])

    def tags(self, namespace: str = MIRROR) -> list[RawTag]:
        """Every tag of a namespace with its message, in one call."""
        return parse_raw_tags(self.run("for-each-ref", f"--format={FORM}", namespace), namespace)

    def local_tags(self) -> dict[str, str]:
        """This clone's own tags, mirrored or not: name → object."""
        return {ref.removeprefix(LOCAL): hash_ for ref, hash_ in self._refs(LOCAL).items()}

    def _refs(self, *places: str) -> dict[str, str]:
        """The refs of this clone in some places → their objects."""
        listing = self.run("for-each-ref", "--format=%(refname) %(objectname)", *places)
        pairs = (line.rpartition(" ") for line in listing.splitlines())
        return {ref: hash_ for ref, _, hash_ in pairs}

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
        remote_tags = {MIRROR + name: hash_ for name, hash_ in remote.tags.items()}
        if self._refs(branch, MIRROR) != {branch: remote.heads[default], **remote_tags}:
            quiet = ("--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--refmap=")
            refspecs = (f"+refs/heads/{default}:{branch}", f"+{LOCAL}*:{MIRROR}*")
            self.run("fetch", *quiet, self.remote, *refspecs)
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
        result = self.call("push", "--porcelain", lease, self.remote, f"{source}:{ref}")
        listing = self.call("ls-remote", self.remote, ref)
        remote_hash = listing.stdout.split()[0] if listing.stdout else ""
        if remote_hash == self.run("rev-parse", source).strip():
            return True
        if result.returncode == 0:
            raise TagshipError(
                f"{ref} was pushed, but '{self.remote}' does not have it"
                + (": it holds other content" if remote_hash else ""),
                f"`git remote -v`: its push URL is another repository than the one that is"
                f" read, or something removes it there; git config --unset"
                f" remote.{self.remote}.pushurl",
            )
        if listing.returncode == 0 and remote_hash != (expected or ""):
            return False
        raise explain_refusal(ref, result.stdout, result.stderr)

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
        tag_hash = self.run("rev-parse", f"refs/tags/{name}").strip()
        self.run("update-ref", "-d", f"refs/tags/{name}")
        return tag_hash

    def _signs(self) -> bool:
        """Whether the user has git sign annotated tags."""
        keys = ("tag.gpgSign", "tag.forceSignAnnotated")
        answers = (self.call("config", "--type=bool", "--get", key) for key in keys)
        return any(answer.stdout.strip() == "true" for answer in answers)

    def keep(self, name: str, tag: str) -> None:
        """Let this clone's ``refs/tags/<name>`` hold a tag object."""
        self.run("update-ref", f"refs/tags/{name}", tag)

    def graft(
        self, parent: str, folder: str, source: str, files: Mapping[str, str], message: str
    ) -> str:
        """Commit ``parent`` with a top folder as it is at another commit, and files beside it."""
        entries = self.run("ls-tree", "-z", parent).split("\0")
        replaced_names = {folder, *files}
        lines = [line for line in entries if line and line.partition("\t")[2] not in replaced_names]
        folder_tree = self.tree(source, folder)
        lines += [f"040000 tree {folder_tree}\t{folder}"] if folder_tree else []
        for name, text in files.items():
            blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
            lines.append(f"100644 blob {blob}\t{name}")
        tree = self.run("mktree", "-z", stdin="".join(f"{line}\0" for line in lines)).strip()
        return self._commit_tree(tree, parent, message)

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
