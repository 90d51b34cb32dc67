"""A branch of small files that only grows, shared by everyone who writes to it."""

import time
from collections.abc import Mapping

from tagship.errors import TagshipError
from tagship.gitops.git import Git, jitter

_ATTEMPTS = 20


def append_files(git: Git, branch: str, files: Mapping[str, str], message: str) -> str:
    """Add files to a branch of the remote in one commit; the branch is begun if need be.

    The work tree is not touched. When someone else pushes first, the commit is made again on top
    of theirs. A file that is there already with the same content is left alone.

    Raises:
        TagshipError: a file is there with other content, or the remote refuses.
    """
    git.identity()
    ref = f"refs/heads/{branch}"
    for attempt in range(_ATTEMPTS):
        heads = git.run("ls-remote", git.remote, ref).split()
        parent = heads[0] if heads else None
        if parent is not None:
            git.fetch(parent)
        missing = _missing(git, parent, files)
        if not missing:
            return parent or ""
        commit = git.commit(parent, missing, message, repeatable=False)
        if git.push(commit, ref, expected=parent):
            return commit
        time.sleep(jitter(attempt))
    raise TagshipError(f"{_ATTEMPTS} others pushed to {branch} first", "run this again in a moment")


def _missing(git: Git, parent: str | None, files: Mapping[str, str]) -> dict[str, str]:
    texts = {path: git.show(parent, path) if parent else None for path in files}
    differing = [path for path, text in texts.items() if text not in (None, files[path])]
    if differing:
        raise TagshipError(f"{differing[0]}: it is there already, and says something else")
    return {path: text for path, text in files.items() if texts[path] is None}
