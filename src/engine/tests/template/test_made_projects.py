"""What was made works: its own hooks and tests pass, and its main job leaves its tree clean.

The tests run the engine of the project in this environment; .github/workflows/template.yml does the
same, and all tests, in environments that the projects set up themselves.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from generating import commit, environment, git
from test_generating import LONG

pytestmark = pytest.mark.slow

Make = Callable[..., Path]
TESTS = ("docs", "config", "features", "examples/test_iris.py", "deploy/test_argocd.py",
         "workflows/test_workflow_files.py", "test_architecture.py")  # fmt: skip


def run(project: Path, *command: str, **variables: str) -> str:
    """Run a program with the project's own engine."""
    env = {**environment(project.parent / "home"), "PYTHONPATH": str(project / "src"), **variables}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tagship(project: Path, *arguments: str) -> str:
    return run(project, sys.executable, "-m", "tagship", *arguments)


@pytest.fixture
def begun(made: Make, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a project with its first commit."""

    def begin(*answers: tuple[str, str]) -> Path:
        project = tmp_path / "project"
        shutil.copytree(made("cookiecutter", *answers), project)
        git(project, "init", "-q", "-b", "main")
        commit(project, "feat: begin")
        return project

    return begin


def passed(project: Path) -> str:
    here = [f"tests/{name}" for name in TESTS if (project / "tests" / name).exists()]
    return run(project, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", *here)


def test_its_hooks_and_its_tests_pass(begun: Callable[..., Path]) -> None:
    project = begun(*LONG, ("python", "3.13"))
    (project / ".venv").symlink_to(sys.prefix)
    (project / ".git/info/exclude").write_text(".venv\n", encoding="utf-8")
    environment = {"SKIP": "mypy", "PRE_COMMIT_HOME": str(project.parent / "pre-commit")}
    if os.name != "nt":  # the hooks' entries are paths of .venv/bin
        run(project, sys.executable, "-m", "pre_commit", "run", "--all-files", **environment)
    passed(project)
    assert git(project, "status", "--porcelain") == ""


def test_its_main_job_passes_and_changes_nothing(begun: Callable[..., Path]) -> None:
    project = begun(("models", "churn"))
    said = tagship(project, "run")
    assert "churn  pass" in said
    assert "untouched" in said
    assert git(project, "status", "--porcelain") == ""


def test_without_examples_it_begins_with_a_table_of_one_s_own(begun: Callable[..., Path]) -> None:
    from sklearn.datasets import load_wine

    project = begun(("models", "none"))
    assert tagship(project, "check") == "no models yet: tagship new NAME --data … --target …\n"
    (project / "data").mkdir()
    load_wine(as_frame=True).frame.to_csv(project / "data/wine.csv", index=False)
    tagship(project, "new", "wine", "--data", "data/wine.csv", "--target", "target")
    config = project / "config/wine/model.yaml"
    text = config.read_text(encoding="utf-8")
    slow = text[text.index("  random_forest:") : text.index("card:")]
    config.write_text(text.replace(slow, ""), encoding="utf-8")
    assert "wine   pass" in tagship(project, "run")
    commit(project, "feat: wine")
    passed(project)
    tagship(project, "remove", "wine")
    git(project, "checkout", "-q", "HEAD", "--", ".")
    assert git(project, "status", "--porcelain") == ""
    released_and_rolled_back(project)


def released_and_rolled_back(project: Path) -> None:
    """Two releases reach production of a bare remote, and the first comes back: all as `wine`'s."""
    remote = project.parent / "remote.git"
    git(project, "init", "-q", "--bare", "--initial-branch", "main", str(remote))
    git(project, "remote", "add", "origin", str(remote))
    git(project, "push", "-q", "origin", "main")
    for number, version in enumerate(("v1.0.0", "v1.1.0"), 1):
        image = f"ghcr.io/my-organisation/my-models-wine@sha256:{number:064}"
        tagship(project, "release", "wine", version, "--push")
        tagship(project, "promote", "wine", version, "--registry", "none", "--image", image)
        git(project, "fetch", "-q")
        git(project, "merge", "-q", "--no-ff", f"origin/promote/wine/{version}")
        git(project, "push", "-q", "origin", "main")
        assert f"wine/production/{number}" in tagship(project, "deploy", "--registry", "none")
    tagship(project, "rollback", "wine", "--reason", "a test", "--registry", "none")
    assert "wine/v1.0.0 (wine/production/3)" in tagship(project, "status")
    record = git(project, "show", "wine/production/3:deploy/wine/production/release.yaml")
    assert f'digest: "sha256:{1:064}"' in record
    assert "ghcr.io/my-organisation/my-models-wine" in record
