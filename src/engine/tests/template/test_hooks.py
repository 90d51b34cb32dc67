"""`make hooks` says what to do where Git could not run the hooks, and sets up nothing there."""

import os
import shutil
from pathlib import Path

import pytest
from generating import ROOT, call, git

pytestmark = pytest.mark.skipif(os.name == "nt", reason="make")


def refused(folder: Path, *environment: str) -> str:
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "Makefile", folder)
    done = call(folder, "env", *environment, str(shutil.which("make")), "hooks")
    assert done.returncode == 2
    assert sorted(path.name for path in folder.iterdir()) == ["Makefile"]
    return done.stdout


def test_without_a_repository(tmp_path: Path) -> None:
    said = refused(tmp_path / "project")
    assert f"no repository begins in {tmp_path / 'project'}" in said
    assert "git init -b main" in said


def test_in_a_folder_of_another_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert "git init -b main" in refused(tmp_path / "project")
    assert not (tmp_path / ".git/hooks/pre-commit").exists()


def test_without_git(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "bash", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    said = refused(tmp_path / "project", f"PATH={programs}")
    assert "git runs the hooks and was not found: install it" in said
