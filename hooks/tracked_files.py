"""Which files a template has: those that Git tracks, or all that a zip held."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


class TemplateError(Exception):
    """A template from which no project can be made as asked; the message says the way out."""


_JUNK = {".git", ".venv", "__pycache__"}


def tracked(root: Path) -> Iterator[str]:
    """The paths of the template's files, sorted.

    Raises:
        TemplateError: it is a checkout, and there is no git to ask.
    """
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "ls-files", "-z"]
        try:
            listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        except (OSError, subprocess.CalledProcessError) as error:
            raise TemplateError(
                f"{root}: git cannot list the template's files ({error}): install git, or generate"
                " from a zip of the template"
            ) from None
        yield from sorted({p for p in listed.split("\0") if p and (root / p).is_file()})
        return
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _JUNK]
        paths += [(Path(folder) / name).relative_to(root).as_posix() for name in names]
    yield from sorted(paths)
