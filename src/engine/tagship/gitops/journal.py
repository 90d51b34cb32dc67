"""A branch of small files that only grows, shared by everyone who writes to it."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tagship.errors import TagshipError
from tagship.gitops.git import Git, jitter

_ATTEMPTS = 20


def append(git: Git, branch: str, files: Mapping[str, str], message: str) -> str:
    """Add files to a branch of the remote in one commit; the branch is begun if need be.

    The work tree is not touched. When someone else pushes first, the commit is made again on top
    of theirs. A file that is there already with the same content is left alone.

    Raises:
        TagshipError: a file is there with other content, or the remote refuses.
    """
    git.identity()
    ref = f"refs/heads/{branch}"
    for attempt in range(_ATTEMPTS):
        held = git.run("ls-remote", git.remote, ref).split()
        parent = held[0] if held else None
        if parent is not None:
            git.fetch(parent)
        missing = _missing(git, parent, files)
        if not missing:
            return parent or ""
        commit = _commit(git, parent, missing, message)
        if git.push(commit, ref, expected=parent):
            return commit
        time.sleep(jitter(attempt))
    raise TagshipError(f"{_ATTEMPTS} others pushed to {branch} first", "run this again in a moment")


def _missing(git: Git, parent: str | None, files: Mapping[str, str]) -> dict[str, str]:
    there = {path: git.show(parent, path) if parent else None for path in files}
    changed = [path for path, text in there.items() if text not in (None, files[path])]
    if changed:
        raise TagshipError(f"{changed[0]}: it is there already, and says something else")
    return {path: text for path, text in files.items() if there[path] is None}


def _commit(git: Git, parent: str | None, files: Mapping[str, str], message: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run("read-tree", *([parent] if parent else ["--empty"]), **index)
        for path, text in files.items():
            blob = git.run("hash-object", "-w", "--stdin", stdin=text).strip()
            git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = git.run("write-tree", **index).strip()
    parents = ("-p", parent) if parent else ()
    return git.run("commit-tree", tree, *parents, "-F", "-", stdin=message).strip()
