"""Which models a change could make different: the ones that a pull request must verify again."""

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import model_names
from tagship.errors import TagshipError
from tagship.gitops.git import Git

_EVERY = ("vendor/", "pyproject.toml", "uv.lock", "src/")
"""What every model could depend on: the pinned engine and libraries, and the project's own code."""
_NO_MODEL = (
    *(
        f"src/engine/tagship/{part}"
        for part in ("cli/", "gitops/", "bento/image.py", "monitoring/", "reports/", "new_model/")
    ),
    "src/engine/tests/", "src/engine/README.md", "src/engine/CHANGELOG.md", "src/engine/LICENSE",
)  # fmt: skip
"""Parts of the engine's folder that no trained byte and no verdict depends on."""


def find_changed_models(root: Path, base: str) -> list[str]:
    """The models that differ between HEAD and the commit at which it left ``base``.

    Raises:
        TagshipError: no such commit, or the two have no history in common.
    """
    git = Git(root)
    paths = git.changed_paths(*git.fork(base))
    models = {name: _readable(root, name) for name in model_names(root)}
    return affected_models([*paths, *(_follow_link(root, path) for path in paths)], models)


def affected_models(paths: Iterable[str], models: Mapping[str, ModelFiles | None]) -> list[str]:
    """The models that any of the paths belongs to; an unreadable one counts for its own only."""
    names: set[str] = set()
    for path in paths:
        if path.startswith(_EVERY) and not path.startswith(_NO_MODEL):
            return sorted(models)
        for name, files in models.items():
            if path.startswith((f"config/{name}/", f"bentos/{name}/")) or _reads(files, path):
                names.add(name)
    return sorted(names)


def _reads(files: ModelFiles | None, path: str) -> bool:
    source = getattr(files.data.source, "path", None) if files else None
    if files is None or source is None or "://" in source:
        return False
    place = Path(os.path.relpath(files.root / source, files.root)).as_posix()
    return path == place or path.startswith(f"{place}/") or fnmatch(path, place)


def _follow_link(root: Path, path: str) -> str:
    """Where a changed link leads now."""
    target = (root / path).resolve()
    return target.relative_to(root.resolve()).as_posix() if target.is_relative_to(root) else path


def _readable(root: Path, name: str) -> ModelFiles | None:
    try:
        return load_model(root, name)
    except TagshipError:
        return None
