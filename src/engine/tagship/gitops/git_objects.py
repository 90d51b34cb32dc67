"""Objects of a repository, read by one process: ``git cat-file --batch``."""

import subprocess
import weakref
from contextlib import suppress
from typing import IO, NamedTuple


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
    size, content, listed, at = len(tree.name) // 2, tree.content, [], 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, name = content[at:end].split(b" ", 1)
        held = content[end + 1 : end + 1 + size].hex()
        listed.append(TreeEntry(mode.decode(), held, name.decode(errors="surrogateescape")))
        at = end + 1 + size
    return listed


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
        asked, answers = self._pipes or self._begin()
        asked.write(name.encode(errors="surrogateescape") + b"\n")
        asked.flush()
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
