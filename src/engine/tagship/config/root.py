"""Where a project is, and what its models may be called. Imports nothing slow."""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from tagship.errors import TagshipError, suggest

MODEL_NAME = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
MODEL_NAME_RULE = (
    "a model's name is lower-case letters, digits and single dashes, starts with a letter,"
    " and has at most 40 characters (it becomes part of Kubernetes names, tags and images)"
)
_RESERVED = {
    "argocd", "base", "components", "environments", "image", "monitor", "monitoring", "promote",
    "schemas", "template",
}  # fmt: skip
"""Names that are taken: other folders beside those of models, and namespaces of other tags."""


def find_root(start: Path | None = None) -> Path:
    """The nearest folder upwards that holds ``config/project.yaml``.

    Raises:
        TagshipError: no folder above has one.
    """
    origin = (start or Path.cwd()).resolve()
    for folder in (origin, *origin.parents):
        if (folder / "config" / "project.yaml").is_file():
            return folder
    raise TagshipError(
        f"{origin}: no config/project.yaml here or above", "run this inside a Tagship project"
    )


def project_here(root: Path) -> Path:
    """A project's folder on this machine: the same as elsewhere, or else where a process runs.

    Raises:
        TagshipError: there is neither.
    """
    return root if (root / "src").is_dir() else find_root()


def tracking_uri(root: Path) -> str:
    """Where runs are recorded: MLFLOW_TRACKING_URI, or a file of the project."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"


def offer_own_code(root: Path) -> None:
    """Make ``src/`` of a project importable, after everything that is installed."""
    sys.path.append(str(root / "src"))


def model_names(root: Path) -> list[str]:
    """The names of all models: the folders of ``config/`` that hold a ``model.yaml``."""
    return sorted(path.parent.name for path in (root / "config").glob("*/model.yaml"))


def unknown_model(name: str, names: Iterable[str]) -> TagshipError:
    """The refusal of a model that does not exist, with the nearest name."""
    hint = suggest(name, sorted(names), "the models are")
    hint = hint or "make one: tagship new NAME --data … --target …"
    return TagshipError(f"no model '{name}' in config/", hint)


def check_model_name(name: str) -> None:
    """Refuse a name that could not be a tag, an image and a Kubernetes name.

    Raises:
        TagshipError: names the rule.
    """
    if not MODEL_NAME.match(name) or "--" in name or len(name) > 40 or name in _RESERVED:
        reserved = f" ('{name}' is reserved)" if name in _RESERVED else ""
        raise TagshipError(f"'{name}' cannot be a model's name{reserved}", MODEL_NAME_RULE)
