"""Imports point one way, heavy libraries wait, and nothing reaches for pickle."""

import ast
import re
from pathlib import Path

import pytest

import tagship

ENGINE = Path(tagship.__file__).parent

FLOORS = [
    {"errors"},
    {"built", "files", "numbers", "programs"},
    {"config"},
    {"data"},
    {"training"},
    {"gates"},
    {"gitops", "monitoring", "reports", "scaffolding", "serving", "bento"},
    {"image", "champion", "batch"},
    {"proofs"},
    {"pipeline", "demo", "retraining", "watch"},
    {"cli"},
    {"__main__"},
]
"""From the ground up; a part imports only from floors below its own."""


def parts():
    for path in sorted(ENGINE.rglob("*.py")):
        inside = path.relative_to(ENGINE)
        yield (inside.parts[0] if len(inside.parts) > 1 else inside.stem), path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_every_part_imports_only_from_the_floors_below():
    floor = {part: level for level, names in enumerate(FLOORS) for part in names}
    for part, path in parts():
        if part == "__init__":
            continue
        for name in imports(path):
            if name.startswith("tagship."):
                other = name.split(".")[1]
                assert other == part or floor[other] < floor[part], f"{path}: imports {name}"


@pytest.mark.parametrize("word", ["pickle", "joblib", "cloudpickle"])
def test_nothing_reads_or_writes_pickles(word):
    for _, path in parts():
        assert word not in {name.split(".")[0] for name in imports(path)}, path
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), path


def test_the_serving_image_gets_only_what_serving_imports():
    allowed = {"tagship.data.boundary", "tagship.errors", "tagship.files"}
    outside = {"bentoml", "msgspec", "numpy", "onnxruntime", "pydantic", "yaml", "starlette"}
    outside |= {"prometheus_client", "pydantic_core", "uvicorn"}
    import sys

    for part, path in parts():
        if part != "serving":
            continue
        for name in imports(path):
            top = name.split(".")[0]
            own = name.startswith("tagship.serving") or name in allowed or name == "tagship"
            assert own or top in outside or top in sys.stdlib_module_names, f"{path}: {name}"


def test_nothing_is_left_for_later():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    for _, path in parts():
        assert not unfinished.search(path.read_text(encoding="utf-8")), path
