"""``.ci/engine`` as it is: an environment outside of the checkout that runs nothing of it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hub import git

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.slow

_OWN = """\
import pathlib
pathlib.Path({marker!r}).write_text("owned")
"""
_PLANTED = (
    "sitecustomize.py", "usercustomize.py", "conftest.py", "venv.py", "pip.py", "typer.py",
    "tagship/__init__.py", "src/sitecustomize.py", "src/tagship/__init__.py", "src/yaml.py",
    "src/mlflow.py", "src/gitops.py",
)  # fmt: skip
_PROGRAMS = (
    "GNUmakefile", ".venv/bin/tagship", ".venv/bin/python", ".tools/bin/kustomize",
    ".tools/bin/git", "tagship.sh", "uv", "kustomize",
)  # fmt: skip
_WATCH = """\
import json, sys
opened, started = set(), set()

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.add(arguments[0])
    if event == "subprocess.Popen":
        started.add(str(arguments[0]))

sys.addaudithook(hook)
sys.argv = ["tagship", *sys.argv[2:]]
from tagship.cli import main
try:
    main()
finally:
    sys.stdout.flush()
    with open(OUT, "w") as file:
        json.dump({"opened": sorted(opened), "started": sorted(started)}, file)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root with a remote, and with whatever an attacker could plant that somebody might run."""
    folder = tmp_path_factory.mktemp("isolated")
    root = folder / "work"
    for name in (".ci", "config", "deploy", ".github"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("pyproject.toml", "uv.lock", "Makefile"):
        shutil.copy(ROOT / name, root / name)
    if (ROOT / "vendor").is_dir():
        shutil.copytree(ROOT / "vendor", root / "vendor")
    engine = root / "src" / "engine"
    shutil.copytree(ROOT / "src/engine/tagship", engine / "tagship")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / "src/engine" / name, engine / name)
    marker = str(folder / "owned")
    for path in _PLANTED:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(_OWN.format(marker=marker))
    for path in _PROGRAMS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"#!/bin/sh\necho owned > {marker}\n")
        (root / path).chmod(0o755)
    (root / ".venv/.uv.stamp").touch()
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-fA")
    git(root, "commit", "-qm", "feat: begin")
    git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
    git(root, "remote", "add", "origin", str(folder / "remote.git"))
    git(root, "push", "-q", "origin", "main")
    return root


@pytest.fixture(scope="module")
def engine(checkout: Path) -> Path:
    """The environment that the script makes there; what it printed last is the command."""
    folder = checkout.parent / "engine"
    added = checkout.parent / "path"
    added.touch()
    done = subprocess.run(
        ["bash", ".ci/engine", str(folder)],
        cwd=checkout,
        env={**os.environ, "GITHUB_PATH": str(added)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / "bin" / "tagship")
    assert added.read_text().splitlines() == [str(folder / "bin")]
    return folder


@pytest.mark.parametrize(
    "words",
    [("status", "--no-mlflow"), ("verify-deployment",), ("reconcile",), ("doctor",),
     ("ci", "outputs", "outcomes.json"), ("image", "--push", "--", "churn")],
)  # fmt: skip
def test_nothing_that_was_planted_runs(
    checkout: Path, engine: Path, words: tuple[str, ...]
) -> None:
    (checkout / "outcomes.json").write_text("[]")
    out = checkout.parent / "watched.json"
    watch = _WATCH.replace("OUT", repr(str(out)))
    subprocess.run(
        [str(engine / "venv/bin/python"), "-I", "-c", watch, "tagship", *words],
        cwd=checkout,
        env={
            **os.environ,
            "PYTHONPATH": str(checkout),
            "PATH": f"{engine / 'bin'}:{os.environ['PATH']}",
        },
        capture_output=True,
        timeout=300,
    )
    seen = json.loads(out.read_text())
    assert not (checkout.parent / "owned").exists()
    mine = [Path(path) for path in seen["opened"] if Path(path).is_relative_to(checkout)]
    assert [path for path in mine if path.suffix in (".py", ".pyc", ".so", ".pth")] == []
    programs = [program for program in seen["started"] if Path(program).is_relative_to(checkout)]
    assert programs == []


def test_the_command_itself_is_isolated(checkout: Path, engine: Path) -> None:
    program = engine / "bin" / "tagship"
    assert 'python" -I -m tagship' in program.read_text()
    done = subprocess.run(
        [str(program), "--version"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not (checkout.parent / "owned").exists()


def test_a_planted_module_runs_where_nothing_is_isolated(checkout: Path, engine: Path) -> None:
    """The marker works: without ``-I`` the same environment runs what was planted."""
    subprocess.run(
        [str(engine / "venv/bin/python"), "-m", "tagship", "--version"],
        cwd=checkout,
        capture_output=True,
        timeout=60,
    )
    marker = checkout.parent / "owned"
    assert marker.exists()
    marker.unlink()
