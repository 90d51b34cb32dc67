"""The README's command, then ``make update``, in an environment that the project sets up itself."""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from generating import ROOT, TAG, VERSION, commit, git, make_version
from test_made_projects import words
from test_updating import NEWER, NEWER_TAG, by_git, edit, on_the_page, set_version

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="make and .venv/bin"),
]
ADDRESS = "https://github.com/tagship-labs/tagship-starter.git"


@pytest.fixture(params=["versions", "no versions"])
def remote(
    request: pytest.FixtureRequest, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, bool]:
    """A bare clone of the template at the README's address, and whether its HEAD has a tag."""
    path, tagged = tmp_path / "remote.git", request.param == "versions"
    shutil.copytree(template.parent / "template.git", path)
    if not tagged:
        git(path, "tag", "--delete", TAG)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{path.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", ADDRESS)
    return path, tagged


def generate_as_documented(folder: Path) -> Path:
    """Type the README's command, with the defaults but for one model."""
    line = re.search(r"^uvx (cookiecutter .*)$", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert line
    folder.mkdir()
    words(folder, sys.executable, "-m", *shlex.split(line[1]), "--no-input", "models=churn")
    git(folder / "my-models", "init", "-q", "-b", "main")
    commit(folder / "my-models", "feat: begin")
    return folder / "my-models"


def move_on(remote: Path, work: Path, version: str) -> str:
    """Push a changed static file and a changed engine; give the commit."""
    git(remote, "clone", "-q", str(remote), str(work))
    edit(work / "deploy/base/service.yaml", head="# A newer service.\n")
    edit(work / "src/engine/tagship/cli/update.py", {"nothing newer is out": "nothing is newer"})
    if version != VERSION:
        set_version(work, version)
    commit(work, "feat: newer")
    if version != VERSION:
        assert make_version(work, "--security", "a hole") == f"template/v{version}"
    git(work, "push", "-q", "--follow-tags", "origin", "main")
    return git(work, "rev-parse", "HEAD")


def test_the_documented_start_is_brought_up_to_date_by_make_update(
    remote: tuple[Path, bool], tmp_path: Path
) -> None:
    path, tagged = remote
    project = generate_as_documented(tmp_path / "out")
    assert json.loads((project / ".cruft.json").read_text("utf-8"))["template"] == ADDRESS
    first = TAG if tagged else f"main at {git(path, 'rev-parse', 'HEAD')[:12]}"
    followed = "" if tagged else "the template has no versions; followed its branch "
    said = words(project, "make", "update")
    assert f"this project has {first} already: nothing to do" in said
    assert words(project, ".venv/bin/tagship", "update", "--check") == "nothing newer is out\n"
    head = move_on(path, tmp_path / "work", NEWER if tagged else VERSION)
    newer = NEWER_TAG if tagged else f"main at {head[:12]}"
    check = words(project, ".venv/bin/tagship", "update", "--check")
    assert check == (
        f"{NEWER_TAG} is out: make update\n  security fix in {NEWER_TAG}: a hole\n"
        if tagged
        else f"the template has no versions; its branch main moved on to {head[:12]}: make update\n"
    )

    said = words(project, "make", "update")
    assert f"updated to {newer}: " in said
    assert not followed or f"{followed}{newer}\n" in said
    assert (f"engine: {VERSION} → {NEWER}\n" if tagged else
            f"engine: {VERSION}, anew from {head[:12]}\n") in said  # fmt: skip
    assert (project / "deploy/base/service.yaml").read_text("utf-8").startswith("# A newer")
    assert words(project, ".venv/bin/tagship", "update", "--check") == "nothing is newer\n"
    by_git(project, on_the_page("# Update from the template"))

    assert f"this project has {newer} already: nothing to do" in words(project, "make", "update")
    assert git(project, "status", "--porcelain") == ""
    words(project, ".venv/bin/tagship", "check")
