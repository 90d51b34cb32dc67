"""The words that the manifests' tests share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

Resource = dict[str, Any]
Render = Callable[[Path], list[Resource]]
