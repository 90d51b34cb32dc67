"""What takes seconds is told before it begins, the loading of libraries too."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tagship.cli
from projects import Project

FOLDER = Path(tagship.cli.__file__).parent
HEAVY = {"bento", "batch", "comparison", "data", "gates", "monitoring", "pipeline", "reports"}
HEAVY |= {"training"}
"""The parts of the engine that import pandas, scikit-learn, MLflow or the like."""
LIGHT = {"tagship.bento.store", "tagship.bento.image", "tagship.comparison.document"}
"""Their modules that import none of it."""
QUICK = {"ci.py", "new.py", "demo.py", "checks.py"}
"""Without a line of its own: the workflows' log, what reads a table first, what tells all along."""


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            decorated = isinstance(node, ast.FunctionDef) and node.decorator_list
            if isinstance(node, ast.FunctionDef) and (node.name == "command" or decorated):
                yield path.name, node


def test_each_command_says_so_before_it_imports_what_is_heavy() -> None:
    seen = 0
    for file, function in functions():
        told = False
        for step in function.body:
            told |= "announce(" in ast.unparse(step)
            module = step.module or "" if isinstance(step, ast.ImportFrom) else ""
            if (
                module.startswith("tagship.")
                and module.split(".")[1] in HEAVY
                and module not in LIGHT
                and file not in QUICK
            ):
                assert told, f"{file}: {function.name}: {module}"
                seen += 1
    assert seen > 10


@pytest.mark.parametrize("command", ["run", "gate"])
def test_the_first_line_stands_before_the_libraries_are_there(
    project: Project, command: str
) -> None:
    """Python tells each import on the error stream, where the line of progress is, too."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tagship", command, "nothing"],
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    before, line, after = ran.stderr.partition("loading the libraries")
    assert line
    for library in ("sklearn", "pandas", "numpy"):
        imported = re.compile(rf"\|\s+{library}$", re.MULTILINE)
        assert not imported.search(before), library
        assert imported.search(after) or library == "sklearn"  # it follows the next line
