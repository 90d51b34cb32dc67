"""Runs workflows here: their own steps by bash, GitHub's files and contexts emulated."""

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from edge import Edge
from expressions import evaluate, fill

WORKFLOWS = Path(__file__).parents[4] / ".github" / "workflows"
RECORDED = (
    "actions/setup-python", "sigstore/cosign-installer", "actions/attest",
    "actions/attest-build-provenance",
)  # fmt: skip
_NOT_OURS = ("GITHUB_", "GIT_", "TAGSHIP_", "RUNNER_", "PYTEST", "PYTHONPATH")


def load_workflow(name: str) -> dict[Any, Any]:
    """A workflow's YAML; ``on`` is the key True, as YAML 1.1 has it."""
    loaded = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@dataclass
class Job:
    """How one job went."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""


@dataclass
class Run:
    """How a workflow went: one entry a job, and one for each of a matrix."""

    jobs: dict[str, list[Job]]
    summary: str = ""

    @property
    def ok(self) -> bool:
        return all(job.result != "failure" for jobs in self.jobs.values() for job in jobs)

    @property
    def log(self) -> str:
        return "\n".join(f"== {n} ({j.result})\n{j.log}" for n, js in self.jobs.items() for j in js)

    def results(self, name: str) -> str:
        return worst(self.jobs[name])


def worst(jobs: list[Job]) -> str:
    """A matrix's result."""
    results = {job.result for job in jobs}
    return "failure" if "failure" in results else "success" if "success" in results else "skipped"


@dataclass
class Runner:
    """GitHub Actions for one repository, whose remote is a bare one here."""

    remote: Path
    folder: Path
    edge: Edge
    workflows: dict[str, dict[Any, Any]] = field(default_factory=dict)
    """Workflows that stand in for those of the repository, with a planted mistake."""
    secrets: dict[str, str] = field(default_factory=dict)
    private: bool = False
    _count: Iterator[int] = field(default_factory=itertools.count)

    def run(self, name: str, github: Mapping[str, Any], inputs: Mapping[str, str]) -> Run:
        """Run a workflow for an event."""
        workflow = self.workflows.get(name) or load_workflow(name)
        here = self.folder / f"run-{next(self._count)}-{name}"
        (here / "artifacts").mkdir(parents=True)
        (here / "summary").touch()
        context = {
            "github": {
                "token": "",
                "actor": "ada",
                "repository": "shopkeepers/little-shop",
                "server_url": "https://github.example",
                "run_id": "1",
                **github,
            },
            "inputs": dict(inputs),
            "secrets": self.secrets,
        }
        context["github"]["event"] = {
            "repository": {"default_branch": "main", "private": self.private},
            **context["github"].get("event", {}),
        }
        done: dict[str, list[Job]] = {}
        waiting = dict(workflow["jobs"])
        while waiting:
            ready = [n for n, j in waiting.items() if all(each in done for each in _needs(j))]
            assert ready, f"{name}.yml: jobs wait for each other: {list(waiting)}"
            for job in ready:
                done[job] = self._job(workflow, waiting.pop(job), done, context, here)
        return Run(done, (here / "summary").read_text(encoding="utf-8"))

    def _job(
        self,
        workflow: Mapping[Any, Any],
        job: Mapping[str, Any],
        done: Mapping[str, list[Job]],
        outer: Mapping[str, Any],
        here: Path,
    ) -> list[Job]:
        needs = {
            name: {
                "result": worst(done[name]),
                "outputs": {k: v for each in done[name] for k, v in each.outputs.items()},
            }
            for name in _needs(job)
        }
        context = {**outer, "needs": needs}
        good = all(need["result"] == "success" for need in needs.values())
        if not _wanted(job.get("if"), good, context):
            return [Job("skipped")]
        made = []
        for matrix in _matrix(job, context):
            inner = {**context, "matrix": matrix}
            if "uses" in job:
                name = Path(job["uses"]).stem
                called = self.run(name, outer["github"], fill(job.get("with", {}), inner))
                made.append(Job("success" if called.ok else "failure", log=called.log))
            else:
                made.append(self._steps(workflow, job, inner, here))
        return made

    def _steps(
        self, workflow: Mapping[Any, Any], job: Mapping[str, Any], outer: Any, here: Path
    ) -> Job:
        work = here / f"job-{next(self._count)}"
        work.mkdir()
        permissions = job.get("permissions", workflow.get("permissions"))
        token = json.dumps(permissions)
        context = {**outer, "github": {**outer["github"], "token": token}, "steps": {}}
        context["env"] = fill({**workflow.get("env", {}), **job.get("env", {})}, context)
        result, log, exported, paths = "success", "", {}, f"{self.edge.bin}:{os.environ['PATH']}"
        for number, step in enumerate(job["steps"]):
            if not _wanted(step.get("if"), result == "success", context):
                continue
            kinds = ("output", "env", "path")
            files = {key: work.parent / f"{work.name}-{number}-{key}" for key in kinds}
            for path in files.values():
                path.touch()
            env = {
                **context["env"],
                **exported,
                "PATH": paths,
                **fill(step.get("env", {}), context),
            }
            with_ = fill(step.get("with", {}), context)
            log += f"\n-- {step.get('name') or step.get('run') or step['uses']}\n"
            try:
                if "uses" in step:
                    self._action(step["uses"].partition("@")[0], with_, context, work, here)
                else:
                    log += self._bash(step["run"], env, files, context, work, here)
            except Failed as failed:
                result = "failure"
                log += str(failed)
            if "id" in step:
                context["steps"][step["id"]] = {"outputs": _read(files["output"])}
            exported |= _read(files["env"])
            added = files["path"].read_text(encoding="utf-8").split()
            paths = ":".join([*reversed(added), paths])
        outputs = {k: str(fill(v, context)) for k, v in job.get("outputs", {}).items()}
        return Job(result, outputs, log)

    def _bash(
        self, script: str, env: Any, files: Mapping[str, Path], context: Any, work: Path, here: Path
    ) -> str:
        github = context["github"]
        event = here / "event.json"
        event.write_text(json.dumps(github["event"]), encoding="utf-8")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_OURS)}
        given = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": github["actor"],
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_ENV": str(files["env"]),
            "GITHUB_PATH": str(files["path"]),
            "RUNNER_TEMP": str(work.parent / f"{work.name}-temp"),
            "GITHUB_STEP_SUMMARY": str(here / "summary"),
            "GITHUB_REF": github["ref"],
            "GITHUB_REF_NAME": github["ref_name"],
            "GITHUB_SHA": github["sha"],
            "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_SERVER_URL": github["server_url"],
            "GITHUB_WORKSPACE": str(work),
            "EDGE": str(self.edge.folder),
            **self.edge.tagship,
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=work,
            env={**clean, **given, **{k: str(v) for k, v in env.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )
        if done.returncode:
            raise Failed(f"{done.stdout}\nexit code {done.returncode}\n")
        return done.stdout

    def _action(self, action: str, with_: Any, context: Any, work: Path, here: Path) -> None:
        if action == "actions/checkout":
            self._checkout(with_, context["github"], work)
        elif action == "actions/upload-artifact":
            for pattern in str(with_["path"]).split():
                source, target = work / pattern, here / "artifacts" / with_["name"]
                target.mkdir(exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target, dirs_exist_ok=True)
                elif source.is_file():
                    shutil.copy(source, target)
                elif with_.get("if-no-files-found") != "ignore":
                    raise Failed(f"nothing to upload at {pattern}")
        elif action == "actions/download-artifact":
            for artifact in sorted((here / "artifacts").glob(with_["pattern"])):
                shutil.copytree(artifact, work / with_["path"], dirs_exist_ok=True)
        elif action == "anchore/sbom-action":
            (work / with_["output-file"]).write_text("{}", encoding="utf-8")
            self._record(action, with_)
        else:
            assert action in RECORDED, f"what does {action} do?"
            self._record(action, with_)

    def _record(self, action: str, with_: Any) -> None:
        self.edge.save("calls", [*self.edge.load("calls", []), [action, with_]])

    def _checkout(self, with_: Any, github: Any, work: Path) -> None:
        assert with_["persist-credentials"] is False
        ref = with_.get("ref") or github["ref"]
        depth = [] if with_.get("fetch-depth") == 0 else ["--depth=1", "--no-tags"]
        url = f"file://{self.remote}"
        _git(work, "clone", "-q", *depth, "--no-checkout", url, ".")
        _git(work, "fetch", "-q", *depth, "origin", with_.get("ref") or github["sha"])
        commit = _git(work, "rev-parse", "FETCH_HEAD^{commit}")
        branch = ref.removeprefix("refs/heads/")
        if branch == "main":
            _git(work, "checkout", "-q", "-B", "main", commit)
        else:
            _git(work, "checkout", "-q", "--detach", commit)


class Failed(Exception):
    """A step failed."""


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def _wanted(condition: str | None, good: bool, context: Any) -> bool:
    text = (condition or "success()").strip()
    text = text[3:-2] if text.startswith("${{") else text
    words = ("success()", "always()", "cancelled()", "failure()")
    if not any(word in text for word in words):
        text = f"success() && ({text})"
    status = {
        "success": lambda: good,
        "failure": lambda: not good,
        "always": lambda: True,
        "cancelled": lambda: False,
    }
    return bool(evaluate(text, context, **status))


def _matrix(job: Mapping[str, Any], context: Any) -> list[dict[str, Any]]:
    matrix = fill(job.get("strategy", {}).get("matrix", {}), context)
    if "include" in matrix:
        return list(matrix["include"])
    keys = list(matrix)
    return [
        dict(zip(keys, values, strict=True))
        for values in itertools.product(*(matrix[key] for key in keys))
    ]


def _read(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)  # type: ignore[misc]


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr)
    return done.stdout.strip()
