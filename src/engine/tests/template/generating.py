"""Generating projects in tests: the three tools as people call them, from a real repository."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[4]
sys.path.insert(0, str(ROOT))  # the hooks import each other as the template's own package

from hooks.answers import ROOT as ROOT_ANSWERS  # noqa: E402
from hooks.engine_wheel import engine_version  # noqa: E402
from hooks.tracked_files import tracked  # noqa: E402

__all__ = ["LINKS", "ROOT", "ROOT_ANSWERS", "TAG", "TOOLS", "VERSION", "Made"]

VERSION = engine_version(ROOT)
TAG = f"template/v{VERSION}"
TOOLS = ("cookiecutter", "cruft", "copier")
LINKS = {".cruft.json", ".copier-answers.yml"}
SLUG = "my-models"
_ADA = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


@dataclass(frozen=True)
class Made:
    """What a tool did."""

    code: int
    said: str
    out: Path

    @property
    def project(self) -> Path:
        """The only project that was made."""
        assert self.code == 0, self.said
        (only,) = self.out.iterdir()
        return only


@cache
def uv_cache() -> str:
    """Where uv keeps packages for whoever runs the tests: a new home need not fetch them again."""
    uv = str(Path(sys.executable).with_name("uv"))
    return subprocess.run([uv, "cache", "dir"], capture_output=True, text=True).stdout.strip()


def environment(home: Path) -> dict[str, str]:
    """Ada's environment: a home of her own, no settings of this machine or of a make around it."""
    home.mkdir(parents=True, exist_ok=True)
    around = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    around.pop("ARGS", None)
    return {**around, **_ADA, "HOME": str(home), "USERPROFILE": str(home),
            "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONDONTWRITEBYTECODE": "1",
            "UV_CACHE_DIR": uv_cache()}  # fmt: skip


def call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as Ada."""
    env = environment(folder.parent / "home")
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    done = call(folder, "git", *arguments)
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.rstrip()


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", message)


def make_template(folder: Path) -> Path:
    """The root as a repository of one commit that its remote holds, tagged as it is."""
    work, remote = folder / "template", folder / "template.git"
    for path in tracked(ROOT):
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, work / path)
    git(work, "init", "-q", "-b", "main")
    commit(work, "feat: the root")
    make_version(work)
    git(folder, "clone", "-q", "--bare", str(work), str(remote))
    git(work, "remote", "add", "origin", remote.as_uri())
    git(work, "fetch", "-q", "origin")
    return work


def make_version(work: Path, *options: str) -> str:
    """Tag HEAD as the maintainer does; give the tag's name."""
    done = call(work, sys.executable, "hooks/tag_release.py", *options)
    assert done.returncode == 0, done.stderr
    return f"template/v{engine_version(work)}"


def generate(
    tool: str, template: str, out: Path, answers: Mapping[str, str], *options: str
) -> Made:
    """Make a project in ``out`` by a tool's own command line."""
    out.mkdir(parents=True, exist_ok=True)
    python = [sys.executable, "-m", tool]
    if tool == "cookiecutter":
        given = [f"{key}={value}" for key, value in answers.items()]
        command = [*python, template, "--no-input", "-o", str(out), *options, *given]
    elif tool == "cruft":
        given = ["--extra-context", json.dumps(dict(answers))]
        command = [*python, "create", template, "--no-input", "--output-dir", str(out), *given]
        command += options
    else:
        given = [word for key, value in answers.items() for word in ("--data", f"{key}={value}")]
        target = str(out / answers.get("project_slug", SLUG))
        command = [*python, "copy", "--trust", "--defaults", "--quiet", *given, *options]
        command += [template, target]
    done = call(out, *command)
    return Made(done.returncode, done.stdout + done.stderr, out)
