"""Objects of a repository, read by one process: ``git cat-file --batch``."""

import re
import subprocess
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from tagship.errors import TagshipError
from tagship.gitops.git_command import GitCommand, environment_of

_COMMITTER = re.compile(rb"^committer .*> (\d{1,11}) [+-]\d{4}$", re.MULTILINE)


class GitObject(NamedTuple):
    """One object as Git holds it."""

    name: str
    kind: str
    content: bytes


class TreeEntry(NamedTuple):
    """One entry of a folder as Git holds it."""

    mode: str
    """Such as 100644; a folder's is 40000."""
    hash: str
    name: str


def entries(tree: GitObject) -> list[TreeEntry]:
    """What a tree object lists: for each entry mode, name, and the hash as bytes."""
    size, content, result, at = len(tree.name) // 2, tree.content, [], 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, name = content[at:end].split(b" ", 1)
        hash_ = content[end + 1 : end + 1 + size].hex()
        result.append(TreeEntry(mode.decode(), hash_, name.decode(errors="surrogateescape")))
        at = end + 1 + size
    return result


class ObjectReader:
    """A process that answers for objects, begun when it is first asked, ended with its owner."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._pipes: tuple[IO[bytes], IO[bytes]] | None = None

    def read(self, name: str) -> GitObject | None:
        """The object that a name such as ``<commit>:<path>`` means; None when it does not exist."""
        if "\n" in name:
            return None
        names, answers = self._pipes or self._begin()
        names.write(name.encode(errors="surrogateescape") + b"\n")
        names.flush()
        head = answers.readline().split()
        if len(head) != 3 or not head[2].isdigit():  # "<name> missing", or "… ambiguous"
            return None
        content = answers.read(int(head[2]))
        answers.read(1)  # the line's end
        return GitObject(head[0].decode(), head[1].decode(), content)

    def _begin(self) -> tuple[IO[bytes], IO[bytes]]:
        process = subprocess.Popen(
            [*self._command, "cat-file", "--batch"], env=self._environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        self._pipes = process.stdin, process.stdout
        weakref.finalize(self, _end, process)
        return self._pipes


def _end(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    process.wait()


class Objects(GitCommand):
    """``git`` in one folder, and the objects of its repository."""

    def __init__(self, root: Path, remote: str) -> None:
        super().__init__(root, remote)
        self._objects = ObjectReader(self.command, environment_of({}))

    def show(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None when it is not there."""
        blob = self._objects.read(f"{commit}:{path}")
        if blob is None or blob.kind != "blob":
            return None
        return blob.content.decode(errors="surrogateescape")

    def text(self, commit: str, path: str, hint: str = "") -> str:
        """A file's text at a commit, which must be there.

        Raises:
            TagshipError: it is not; ``hint`` is the way out.
        """
        text = self.show(commit, path)
        if text is None:
            raise TagshipError(f"{path}: no such file at {commit[:12]}", hint)
        return text

    def tree(self, commit: str, path: str) -> str:
        """The hash of a folder at a commit; empty when it is not there."""
        tree = self._objects.read(f"{commit}:{path}")
        return tree.name if tree else ""

    def blob(self, name: str) -> bytes:
        """A file's content, by its hash.

        Raises:
            TagshipError: this clone does not have it.
        """
        blob = self._objects.read(name)
        if blob is None or blob.kind != "blob":
            raise TagshipError(f"{name}: no such file in this clone", "git fetch --refetch origin")
        return blob.content

    def entries(self, commit: str, folder: str) -> list[TreeEntry]:
        """What a folder holds at a commit; nothing when it is not there."""
        tree = self._objects.read(f"{commit}:{folder}")
        return entries(tree) if tree and tree.kind == "tree" else []

    def listing(self, tree: str) -> list[tuple[str, TreeEntry]]:
        """Every file below a tree with its path."""
        root = self._objects.read(tree)
        files: list[tuple[str, TreeEntry]] = []
        for entry in entries(root) if root and root.kind == "tree" else []:
            below = self.listing(entry.hash) if entry.mode == "40000" else [("", entry)]
            files += [(f"{entry.name}/{path}" if path else entry.name, file)
                      for path, file in below]  # fmt: skip
        return files

    def message(self, commit: str) -> str:
        """A commit's message; empty when this clone does not have it."""
        commit_object = self._objects.read(commit)
        text = commit_object.content.decode(errors="surrogateescape") if commit_object else ""
        return text.partition("\n\n")[2]

    def commit_time(self, commit: str) -> datetime | None:
        """When a commit says that it was made; None when this clone does not have it."""
        commit_object = self._objects.read(commit)
        if commit_object is None or commit_object.kind != "commit":
            return None
        match = _COMMITTER.search(commit_object.content)
        return datetime.fromtimestamp(int(match[1]), UTC) if match else None
