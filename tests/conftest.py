"""What all tests of this project share."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tagship.gitops.changed_models import find_changed_models

ROOT = Path(__file__).parents[1]
MODELS = sorted(path.parent.name for path in ROOT.glob("config/*/model.yaml"))

Run = Callable[..., str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--base COMMIT``: of the models, only those that differ from where HEAD left it."""
    parser.addoption("--base", help="test only the models that differ from this commit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``model`` runs for each model of the project."""
    if "model" in metafunc.fixturenames:
        base = metafunc.config.getoption("base")
        metafunc.parametrize("model", find_changed_models(ROOT, base) if base else MODELS)


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a program of this environment in the project's root; gives what it prints.

    One that is missing is a skip, and a failure where TAGSHIP_REQUIRE_TOOLS=1.
    """

    def call(program: str, *arguments: str) -> str:
        beside = Path(sys.executable).with_name(program)
        path = str(beside) if beside.is_file() else shutil.which(program)
        if path is None:
            missing = f"{program} is not installed: make tools"
            if os.environ.get("TAGSHIP_REQUIRE_TOOLS") == "1":
                pytest.fail(missing)
            pytest.skip(missing)
        done = subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call
