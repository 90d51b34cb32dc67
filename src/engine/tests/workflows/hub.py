"""An emulated GitHub: one repository, the events that start its workflows, and its merge button."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from edge import Edge
from runner import Run, Runner, load_workflow

from projects import MODEL, Project
from tagship.config.project_files import load_project
from tagship.new_model.overlays import overlay_files

ROOT = Path(__file__).parents[4]
ADA = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))}  # fmt: skip


@dataclass
class Hub:
    """A folder with ``work`` (a person's clone), ``remote.git``, and what the edge keeps."""

    folder: Path

    def __post_init__(self) -> None:
        self.edge = Edge(self.folder / "edge")
        self.remote = self.folder / "remote.git"
        self.project = Project(self.folder / "work")
        self.runner = Runner(self.remote, self.folder / f"runs-{os.urandom(4).hex()}", self.edge)

    # a person

    def git(self, *arguments: str) -> str:
        return git(self.project.root, *arguments)

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, change: Callable[[], object]) -> str:
        """A branch with a change, pushed; gives its head."""
        self.git("fetch", "-q", "--tags", "origin")
        self.git("switch", "-q", "-c", name, "main")
        change()
        head = self.commit(f"feat: {name}")
        self.git("push", "-q", "origin", name)
        self.git("switch", "-q", "main")
        return head

    def train(self) -> None:
        """Train, gate and lock here."""
        self._tagship("run", "tiny")

    def release(self, version: str) -> str:
        """Release what main holds; gives what was said meanwhile."""
        self.git("pull", "-q", "--ff-only", "origin", "main")
        return self._tagship("release", "tiny", version, "--push")

    def _tagship(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.edge.tagship["WARM_CLIENT"], *arguments],
            cwd=self.project.root,
            env={**os.environ, **ADA, **self.edge.tagship},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    # events

    def pull_request(self, branch: str, fork: bool = False) -> Run:
        """gate.yml on a pull request: the merge of a branch into main, checked out by number."""
        head = git(self.remote, "rev-parse", branch)
        merge = self._merge_commit(head, f"Merge {branch} into main")
        git(self.remote, "update-ref", "refs/pull/1/merge", merge)
        repository = "someone/little-shop" if fork else "shopkeepers/little-shop"
        pull = {"number": 1, "head": {"repo": {"full_name": repository}, "sha": head}}
        return self._start("gate", "pull_request", "refs/pull/1/merge", merge, pull_request=pull)

    def merge(self, branch: str, how: str = "merge") -> Run:
        """The merge button, then what a push to main starts."""
        head = git(self.remote, "rev-parse", branch)
        merged = self._merge_commit(head, f"Merge {branch}", squash=how == "squash")
        git(self.remote, "update-ref", "refs/heads/main", merged)
        git(self.remote, "update-ref", f"refs/pull/9/{branch}", head)
        git(self.remote, "update-ref", "-d", f"refs/heads/{branch}")
        about = {
            "merged_at": "now",
            "number": 1,
            "user": {"login": "ada"},
            "base": {"ref": "main", "repo": {"full_name": "shopkeepers/little-shop"}},
            "head": {"sha": head},
        }
        self.edge.save("merged", {**self.edge.load("merged", {}), merged: [about]})
        pulls = self.edge.load("pulls", [])
        self.edge.save("pulls", [{**p, "open": p["open"] and p["head"] != branch} for p in pulls])
        self.git("pull", "-q", "--ff-only", "origin", "main")
        return self.push_main()

    def push_main(self) -> Run:
        head = git(self.remote, "rev-parse", "main")
        return self._start("reconcile", "push", "refs/heads/main", head)

    def push_tag(self, workflow: str, tag: str) -> Run:
        commit = git(self.remote, "rev-parse", f"refs/tags/{tag}^{{commit}}")
        return self._start(workflow, "push", f"refs/tags/{tag}", commit)

    def dispatch(self, workflow: str, **inputs: str) -> Run:
        head = git(self.remote, "rev-parse", "main")
        return self._start(workflow, "workflow_dispatch", "refs/heads/main", head, inputs=inputs)

    # what is there

    @property
    def tags(self) -> list[str]:
        return git(self.remote, "tag", "--list").split()

    @property
    def pulls(self) -> list[dict[str, Any]]:
        """The pull requests that were opened."""
        return list(self.edge.load("pulls", []))

    @property
    def comments(self) -> list[str]:
        return [entry["body"] for entry in self.edge.load("comments", [])]

    def project_file(self, environment: str, ref: str) -> str:
        """A deployment record at a branch or tag."""
        return git(self.remote, "show", f"{ref}:deploy/tiny/{environment}/release.yaml")

    def plant(self, workflow: str, right: str, wrong: str) -> None:
        """Use a workflow with a mistake in it."""
        path = ROOT / ".github" / "workflows" / f"{workflow}.yml"
        text = path.read_text(encoding="utf-8")
        assert right in text, f"{path.name} does not hold {right!r}"
        self.runner.workflows[workflow] = yaml.safe_load(text.replace(right, wrong))

    def _start(
        self,
        workflow: str,
        event: str,
        ref: str,
        sha: str,
        inputs: dict[str, str] | None = None,
        **about: Any,
    ) -> Run:
        on = load_workflow(workflow)[True]
        if event not in on:
            raise AssertionError(f"{workflow}.yml is not started by {event}")
        patterns = (on[event] or {}).get("tags" if ref.startswith("refs/tags") else "branches", [])
        name = re.sub("^refs/(heads|tags|pull)/", "", ref)
        if event == "push":
            assert any(re.fullmatch(as_regex(entry), name) for entry in patterns), (name, patterns)
        github = {"event_name": event, "ref": ref, "ref_name": name, "sha": sha, "event": about}
        return self.runner.run(workflow, github, inputs or {})

    def _merge_commit(self, head: str, message: str, squash: bool = False) -> str:
        main = git(self.remote, "rev-parse", "main")
        tree = git(self.remote, "merge-tree", "--write-tree", main, head).splitlines()[0]
        parents = ["-p", main, *([] if squash else ["-p", head])]
        return git(self.remote, "commit-tree", tree, *parents, "-m", message)


def as_regex(pattern: str) -> str:
    """GitHub's filter pattern: ``*`` stops at a slash."""
    return re.sub(r"(?<!\\)\*", "[^/]*", pattern.replace(".", r"\."))


_ENGINE = """\
mkdir -p "$RUNNER_TEMP/bin"
ln -sf "$WARM_CLIENT" "$RUNNER_TEMP/bin/tagship"
echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
"""
"""Stands in for ``.ci/engine``, which tests/workflows/test_isolation.py runs as it is."""


def make_repository(project: Project, remote: Path, host: str) -> None:
    """Turn a run project into a repository with overlays and a remote."""
    root = project.root
    shutil.copytree(ROOT / "deploy/base", root / "deploy/base")
    shutil.copytree(ROOT / "deploy/image", root / "deploy/image")
    for path, text in overlay_files(load_project(root), MODEL):
        project.write(path, text)
    shutil.copy(ROOT / "Makefile", root / "Makefile")
    shutil.copy(ROOT / ".gitignore", root / ".gitignore")
    project.write(".ci/engine", _ENGINE)
    project.edit("config/project.yaml", "ghcr.io/shopkeepers", f"{host}/shopkeepers")
    git(root, "init", "-q", "-b", "main")
    git(root.parent, "init", "-q", "--bare", "-b", "main", str(remote))
    git(root, "remote", "add", "origin", str(remote))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "feat: begin")
    git(root, "push", "-q", "origin", "main")


def git(folder: Path, *arguments: str) -> str:
    """Run git as Ada."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **ADA, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()
