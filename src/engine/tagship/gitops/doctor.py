"""Is this repository set up? Each answer says what to do about it."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tagship.config.project_files import load_model, load_project
from tagship.config.root import model_names
from tagship.config.schemas import stale_schemas
from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.deployment_records import (
    check_pin,
    parse_pin,
    parse_record,
    pin_path,
    record_path,
)
from tagship.gitops.engine_pin import check_wheel, read_pin
from tagship.gitops.git import Git
from tagship.gitops.github import gh, repository
from tagship.gitops.snapshot import fetch_snapshot
from tagship.gitops.template import HISTORY, clone_template, is_template

WORKFLOWS = ("ci", "gate", "release", "reconcile", "rollback", "verify", "audit")
TOOLS = {
    "kustomize or kubectl": (
        ("kustomize version", "kubectl version --client"),
        "renders the overlays",
    ),
    "docker, podman or buildah": (
        ("docker version", "podman info", "buildah info"),
        "builds images",
    ),
    "gh": (("gh auth status",), "opens pull requests and installs rulesets"),
    "cosign": (("cosign version",), "checks image signatures"),
}
"""What tools there should be one of, the commands by which each says that it works, and its use.

``docker version`` asks the engine too, and ``gh auth status`` whether somebody is logged in.
"""
_PATIENCE = 20
"""Seconds that a tool has to answer."""
ARGO_CD = (3, 5)
ENVIRONMENT = "tagship"
"""Whose secrets the workflows' jobs use that deploy."""
Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Answer:
    """One question, and what was wrong; ``problem`` is empty when nothing is."""

    level: Level
    what: str
    problem: str = ""


def doctor(root: Path, lock_current: Callable[[Path, str], None] | None = None) -> list[Answer]:
    """Check everything, and go on after each problem.

    ``lock_current`` refuses a lock that is stale, without training.
    """
    sections = [_github(root), _models(root, lock_current), _repository(root), _template(root)]
    return [answer for answers in (*sections, _tools()) for answer in answers]


def _github(root: Path) -> Iterator[Answer]:
    for name in WORKFLOWS:
        path = root / ".github" / "workflows" / f"{name}.yml"
        yield _answer(f"workflow {name}", "" if path.is_file() else f"{path} does not exist")
    rulesets = sorted((root / ".github" / "rulesets").glob("*.json"))
    yield _answer("rulesets", "" if rulesets else ".github/rulesets holds no *.json")
    protected: set[str] = set()
    for file in rulesets:
        try:
            protected |= _protected_tags(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            yield _answer(f"ruleset {file.name}", f"not a ruleset: {error!r}")
    for tags in ("v*", *(f"{name}/*" for name in load_project(root).environments)):
        is_protected = f"refs/tags/*/{tags}" in protected
        problem = "" if is_protected else "no active ruleset forbids their update and deletion"
        yield _answer(f"protection of tags */{tags}", problem)
    files = [root / folder / "CODEOWNERS" for folder in (".github", ".", "docs")]
    owners = next((file.read_text(encoding="utf-8") for file in files if file.is_file()), "")
    for place in ("thresholds", "deploy/"):
        rule = re.search(rf"^[^#\n]*{place}[^\n]*@", owners, re.MULTILINE)
        yield _answer(f"owners of {place}", "" if rule else "no CODEOWNERS rule covers it")
    yield from _unknown_owners()
    yield from _secrets()


def _pushes(root: Path, default: str) -> Iterator[Answer]:
    """Of the workflows that start on pushes to named branches, whether the default one is named."""
    for path in sorted((root / ".github" / "workflows").glob("*.yml")):
        try:
            content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        except YAMLError:
            yield Answer("fail", f"workflow {path.stem}", f"{path} is not YAML")
            continue
        events = content.get("on", content.get(True)) if isinstance(content, dict) else None
        push = events.get("push") if isinstance(events, dict) else None
        branches = push.get("branches") if isinstance(push, dict) else None
        if branches:
            is_named = any(fnmatch(default, str(pattern)) for pattern in branches)
            problem = f"it starts on no push to '{default}': write that into on.push.branches"
            yield _answer(f"trigger of {path.name}", "" if is_named else problem)


def _unknown_owners() -> Iterator[Answer]:
    """What GitHub ignores in CODEOWNERS; only GitHub knows the teams."""
    try:
        errors = _list("codeowners/errors", "errors")
    except TagshipError as error:
        yield Answer("warn", "owners on GitHub", f"not checked: {error.args[0]}")
        return
    lines = (f"line {e['line']}: {e['kind']}: {str(e['source']).strip()}" for e in errors)
    yield _answer("owners on GitHub", "; ".join(lines))


def _list(path: str, key: str) -> list[dict[str, Any]]:
    """What GitHub lists of this repository.

    Raises:
        TagshipError: it cannot be asked, or gives no clear answer.
    """
    try:
        entries = json.loads(gh("api", f"repos/{repository()}/{path}"))[key]
    except (ValueError, KeyError, TypeError):
        raise TagshipError("GitHub gave no clear answer") from None
    return list(entries)


def _secrets() -> Iterator[Answer]:
    """Who can reach the secrets that deploy: all who may push can use a repository's secrets."""
    what = "secrets on GitHub"
    try:
        secrets = {str(s["name"]) for s in _list("actions/secrets?per_page=100", "secrets")}
        environments = _list("environments?per_page=100", "environments")
    except TagshipError as error:
        yield Answer("warn", what, f"not checked: {error.args[0]}")
        return
    names = ", ".join(sorted(secrets & {"TAGSHIP_TOKEN", "TAGSHIP_REGISTRY_TOKEN"}))
    way = f"keep it in the environment '{ENVIRONMENT}': {page('how-to/release')}"
    problem = f"whoever may push a workflow reads {names}; {way}"
    yield _answer(what, problem if names else "", "warn")
    policies = [e.get("deployment_branch_policy") for e in environments if e["name"] == ENVIRONMENT]
    problem = "any branch may use it: allow the default branch and the tags */v* alone"
    yield _answer(f"environment {ENVIRONMENT}", problem if policies[:1] == [None] else "")


def _protected_tags(ruleset: dict[str, Any]) -> set[str]:
    """The tags that a ruleset lets nobody move or delete."""
    rules = {rule["type"] for rule in ruleset["rules"]}
    is_active = (ruleset["target"], ruleset["enforcement"]) == ("tag", "active")
    if is_active and {"update", "deletion"} <= rules:
        return set(ruleset["conditions"]["ref_name"]["include"])
    return set()


def _models(root: Path, lock_current: Callable[[Path, str], None] | None) -> Iterator[Answer]:
    stale = ", ".join(path.name for path in stale_schemas(root))
    yield _answer("schemas", f"stale: {stale}" if stale else "", "warn")
    for model in model_names(root):
        yield _try(f"{model}: config", partial(load_model, root, model))
        lock = root / "config" / model / "model.lock.yaml"
        yield _answer(f"{model}: lock", "" if lock.is_file() else f"run `tagship run {model}`")
        if lock_current and lock.is_file():
            yield _try(f"{model}: inputs of the lock", partial(lock_current, root, model))
        for environment in load_project(root).environments:
            what = f"{model}: overlay {environment}"
            yield _try(what, partial(_overlay, root, model, environment))


def _overlay(root: Path, model: str, environment: str) -> None:
    paths = record_path(model, environment), pin_path(model, environment)
    missing = [path for path in paths if not (root / path).is_file()]
    if missing:
        raise TagshipError(f"{missing[0]} does not exist")
    record, pin = ((root / path).read_text(encoding="utf-8") for path in paths)
    check_pin(parse_record(record, paths[0]), parse_pin(pin, paths[1]))


def _repository(root: Path) -> Iterator[Answer]:
    git = Git(root)
    if not (root / ".git").exists():
        yield Answer("fail", "repository", "not a git repository: git init")
        return
    yield _answer("full history", "git fetch --unshallow" if git.is_shallow() else "", "warn")
    yield _try("identity", git.identity)
    try:
        snapshot = fetch_snapshot(root)
    except TagshipError as error:
        yield Answer("fail", "remote", str(error.args[0]))
        return
    yield Answer("ok", f"remote, default branch {snapshot.remote.default}")
    yield from _pushes(root, snapshot.remote.default)
    for finding in snapshot.history.findings:
        yield Answer("fail" if finding.blocking else "warn", f"tag {finding.ref}", finding.problem)


def _template(root: Path) -> Iterator[Answer]:
    if is_template(root):
        return
    try:
        pin = read_pin(root)
        wheel = check_wheel(root, pin) if pin.kind == "vendored" else ""
    except TagshipError as error:
        yield Answer("fail", "engine", f"{error.args[0]}; {error.hint}")
        return
    yield Answer("ok", f"engine {pin.version}, {pin.kind}")
    try:
        with clone_template(root, HISTORY) as template:
            summary, tag_hash = template.newer().summary, template.wheel_hash(pin.version)
            has_version, commit = template.has_linked_version(), template.linked_commit()[:12]
        problem = f"{summary}, this is v{pin.version}: make update" if summary else ""
        yield _answer("template", problem, "warn")
        if wheel and wheel != tag_hash and not (tag_hash and has_version):
            problem = f"not checked: no tag of the template names the engine of its commit {commit}"
            yield Answer("warn", "origin of the engine", problem)
        elif wheel:
            problem = f"{pin.path} is not the wheel that the template's tag names"
            yield _answer("origin of the engine", "" if wheel == tag_hash else problem)
    except TagshipError as error:
        why = f"{error.args[0]}; {error.hint}".removesuffix("; ")
        yield Answer("warn", "template", f"not checked: {why}")


def _tools() -> Iterator[Answer]:
    for what, (commands, use) in TOOLS.items():
        runnable = [command.split() for command in commands if shutil.which(command.split()[0])]
        problems = {command[0]: _ask_tool(command)[1] for command in runnable}
        usable = [program for program, problem in problems.items() if not problem]
        if usable:
            yield Answer("ok", f"tool {usable[0]}")
        else:
            problem = "; ".join(problems.values()) or "not installed"
            yield Answer("warn", f"tool {what}", f"{problem}; it {use}")
    if not shutil.which("argocd"):
        yield Answer("warn", "Argo CD", "no argocd command, so its version is not known; ≥ 3.5")
        return
    answer, problem = _ask_tool(["argocd", "version", "--client", "--short"])
    match = re.search(r"v(\d+)\.(\d+)", answer)
    if match:
        is_old = (int(match[1]), int(match[2])) < ARGO_CD
        problem = f"{match[0]} here; tagPrefix needs 3.5 or later" if is_old else ""
        yield _answer("Argo CD", problem)
    else:
        reason = problem or "argocd gave no clear answer"
        yield Answer("warn", "Argo CD", f"its version is not known: {reason}")


def _ask_tool(command: list[str]) -> tuple[str, str]:
    """What an installed tool prints, and why it cannot be used; empty when it can."""
    name = f"`{' '.join(command)}`"
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{name}: {error}"
    if result.returncode == 0:
        return result.stdout, ""
    reason = result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}"
    return result.stdout, f"{name} failed: {reason.splitlines()[-1].strip()}"


def _answer(what: str, problem: str, level: Level = "fail") -> Answer:
    return Answer(level if problem else "ok", what, problem)


def _try(what: str, action: Callable[[], object]) -> Answer:
    try:
        action()
    except TagshipError as error:
        return Answer("fail", what, str(error.args[0]).splitlines()[0])
    return Answer("ok", what)
