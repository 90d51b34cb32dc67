"""Which models a change could make different: the ones that a pull request must prove again."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model, model_names
from tagship.errors import TagshipError
from tagship.gitops.git import Git

_ENGINE = ("vendor/", "pyproject.toml", "uv.lock", "src/engine/tagship/")
"""Where a project pins its engine and libraries; last, the engine itself, in the template."""
_NO_MODEL = tuple(
    f"src/engine/tagship/{part}"
    for part in ("cli/", "gitops/", "image.py", "monitoring/", "reports/", "retraining/",
                 "scaffolding/", "watch/")
)  # fmt: skip
"""Parts of the engine that no trained byte and no verdict depends on."""


def changed(root: Path, base: str) -> list[str]:
    """The models that differ between HEAD and the commit at which it left ``base``.

    Raises:
        TagshipError: no such commit, or the two have no history in common.
    """
    git = Git(root)
    start, head = git.resolve(base), git.resolve("HEAD")
    if start is None or head is None:
        raise TagshipError(f"{base}: no such commit here", "git fetch --unshallow origin")
    fork = git.run("merge-base", start, head).strip()
    models = {name: _readable(root, name) for name in model_names(root)}
    return affected(git.changed(fork, head), models)


def affected(paths: Iterable[str], models: Mapping[str, ModelFiles | None]) -> list[str]:
    """The models that any of the paths belongs to; an unreadable one counts for its own only."""
    found: set[str] = set()
    for path in paths:
        if path.startswith(_ENGINE) and not path.startswith(_NO_MODEL):
            return sorted(models)
        for name, files in models.items():
            if path.startswith((f"config/{name}/", f"bentos/{name}/")) or _reads(files, path):
                found.add(name)
    return sorted(found)


def _reads(files: ModelFiles | None, path: str) -> bool:
    if files is None:
        return False
    if path.startswith("src/features/"):
        return files.model.features is not None
    return getattr(files.data.source, "path", None) == path


def _readable(root: Path, name: str) -> ModelFiles | None:
    try:
        return load_model(root, name)
    except TagshipError:
        return None
