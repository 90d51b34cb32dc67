"""Feature modules can be imported where a model is served."""

import ast
from pathlib import Path

import pytest

from tagship.config.root import find_root

ROOT = find_root(Path(__file__).parent)


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "features").glob("*.py")), ids=str)
def test_feature_modules_import_nothing_that_the_serving_image_lacks(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }
    assert imported <= {"collections", "typing", "numpy", "features"}
