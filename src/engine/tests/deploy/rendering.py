"""The words that the manifests' tests share."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tagship.config.project_files import load_project
from tagship.config.root import model_names
from tagship.new_model.overlays import overlay_files

Resource = dict[str, Any]
Render = Callable[[Path], list[Resource]]


def _with_a_model(root: Path) -> Path:
    """Where the overlays are: for a project without models, a copy with those of a new one."""
    if model_names(root):
        return root
    copy = Path(tempfile.mkdtemp(prefix="no-models-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(root / "deploy", copy / "deploy")
    for path, text in overlay_files(load_project(root), "first"):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text, encoding="utf-8")
    return copy


ROOT = Path(__file__).parents[4]
PROJECT = _with_a_model(ROOT)
DEPLOY = PROJECT / "deploy"
