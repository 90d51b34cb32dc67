"""The workflow files themselves: valid, safe, pinned, least privileged, and thin."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub import as_regex
from runner import WORKFLOWS, load_workflow
from typer.main import get_command

from tagship.cli import make_app
from tagship.config.project_files import load_project
from tagship.gitops.doctor import WORKFLOWS as EXPECTED
from tools import lacking

GITHUB = WORKFLOWS.parent
ROOT = GITHUB.parent
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.yml"))
BIN = Path(sys.executable).parent
WRITES = (
    "contents", "packages", "id-token", "attestations", "pull-requests", "actions", "issues",
    "pages",
)  # fmt: skip
MAY_WRITE = {
    ("gate", "comment"): {"pull-requests"},
    ("release", "build"): {"packages", "id-token", "attestations"},
    ("release", "reconcile"): {"contents"},
    ("release", "propose"): {"contents", "pull-requests"},
    ("release", "page"): {"contents"},
    ("reconcile", "reconcile"): {"contents"},
    ("reconcile", "propose"): {"contents", "pull-requests"},
    ("rollback", "rollback"): {"contents", "pull-requests"},
    ("monitor", "issues"): {"contents", "issues"},
    ("monitor", "propose"): {"contents", "pull-requests", "issues"},
    ("tune", "propose"): {"contents", "pull-requests"},
    ("renew", "commit"): {"contents", "pull-requests"},
    ("engine", "engine"): {"issues"},
    ("audit", "audit"): {"issues"},
    ("audit", "keep"): {"contents"},
    ("pages", "deploy"): {"pages", "id-token"},
}
"""Every job that may write, and what."""


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name in NAMES:
        for job, about in load_workflow(name)["jobs"].items():
            yield name, job, about


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, job, about in jobs():
        for step in about.get("steps", []):
            yield name, job, step


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a development tool of this environment; its absence is a skip, or a failure in CI."""
    program = BIN / command[0]
    if not program.is_file():
        lacking(f"{command[0]} is not installed")
    return subprocess.run([str(program), *command[1:]], capture_output=True, text=True, cwd=ROOT)


def test_the_workflows_that_the_doctor_expects_are_here() -> None:
    assert set(EXPECTED) <= set(NAMES)


def test_they_are_valid_workflows() -> None:
    files = [str(path) for path in WORKFLOWS.glob("*.yml")]
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    assert done.returncode == 0, done.stdout
    config = str(GITHUB / "dependabot.yml")
    assert tool("check-jsonschema", "--builtin-schema", "vendor.dependabot", config).returncode == 0


def test_zizmor_finds_nothing_of_medium_or_higher() -> None:
    form = ("--offline", "--no-progress", "--min-severity", "medium", "--format", "json")
    done = tool("zizmor", *form, str(GITHUB))
    found = json.loads(done.stdout)
    assert found == [], [(each["ident"], each["desc"]) for each in found]


def test_zizmor_and_the_schema_catch_a_planted_mistake(tmp_path: Path) -> None:
    """Or else the two tests above would say nothing."""
    text = (WORKFLOWS / "rollback.yml").read_text(encoding="utf-8")
    unsafe, broken = tmp_path / "unsafe.yml", tmp_path / "broken.yml"
    unsafe.write_text(text.replace('--reason="$REASON"', "--reason=${{ inputs.reason }}"))
    broken.write_text(text.replace("runs-on:", "run-on:"))
    done = tool("zizmor", "--offline", "--no-progress", "--min-severity", "medium", str(unsafe))
    assert "template-injection" in done.stdout
    done = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(broken))
    assert done.returncode != 0


def test_every_action_is_pinned_by_its_commit_and_says_which_version_that_is() -> None:
    for path in WORKFLOWS.glob("*.yml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.search(r"uses:\s*(\S+)(.*)", line)
            if match and not match[1].startswith("./"):
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", match[1]), line
                assert re.fullmatch(r" # v\d+\.\d+\.\d+", match[2]), line


def test_one_action_is_pinned_alike_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS.glob("*.yml"):
        for action, rest in re.findall(r"uses: ([\w./-]+)@(.+)", path.read_text(encoding="utf-8")):
            pins.setdefault(action, set()).add(rest)
    assert {action: pin for action, pin in pins.items() if len(pin) > 1} == {}


def test_no_event_text_tag_or_branch_name_stands_in_a_script() -> None:
    for name, job, step in steps():
        assert "${{" not in step.get("run", ""), (name, job, step)


def test_permissions_are_none_but_for_what_a_job_is_known_to_need() -> None:
    for name in NAMES:
        assert load_workflow(name)["permissions"] == {}, name
    for name, job, about in jobs():
        given = about["permissions"]
        writes = {what for what, how in given.items() if how == "write"}
        assert writes == MAY_WRITE.get((name, job), set()), (name, job)
        assert set(given) <= {*WRITES}, (name, job)


def test_every_job_ends_in_time() -> None:
    for name, job, about in jobs():
        assert "uses" in about or 0 < about["timeout-minutes"] <= 60, (name, job)


def test_only_what_writes_nothing_is_cancelled_by_something_newer() -> None:
    for name in NAMES:
        concurrency = load_workflow(name)["concurrency"]
        writes = any(workflow == name and job != "comment" for workflow, job in MAY_WRITE)
        assert concurrency["group"].startswith(name)
        if writes or name == "verify":
            assert concurrency["cancel-in-progress"] is False, name


def test_a_checkout_keeps_no_token_and_only_steps_that_need_one_get_it() -> None:
    for name, job, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, (name, job)
        script = step.get("run", "")
        secrets = set(re.findall(r"secrets\.(\w+)", json.dumps(step)))
        trains = re.search(r"tagship (run|gate|lock verify|lock renew|retrain|tune)", script)
        reads = bool(trains) and name in ("release", "monitor", "tune")  # only what was merged
        assert ("TAGSHIP_PII_KEY" in secrets) == reads, f"{name}: {job}: for what splits by it"
        asks = re.search(r"tagship (reconcile|rollback|verify|image .*--push)", script)
        may_ask = bool(asks) and job != "check"
        assert ("TAGSHIP_REGISTRY_TOKEN" in secrets) == may_ask, f"{name}: {job}: the registry's"
        pushes = re.search(r"tagship (propose|reconcile|rollback|ci propose|ci renewed)", script)
        writes = bool(pushes) and name in ("release", "reconcile", "rollback", "renew")
        assert ("TAGSHIP_TOKEN" in secrets) == writes, f"{name}: {job}: for what pushes"
        assert len(secrets) <= reads + may_ask + writes, f"{name}: {job}: {secrets}"
        remote = re.search(
            r"tagship (propose|reconcile|rollback|verify-deployment|ci difference|monitor|retrain"
            r"|tune|site|ci (comment|propose|page|issues|retrained|tuned|renewed|engine|tags))",
            script,
        )
        if remote:
            token = "secrets.TAGSHIP_TOKEN || github.token" if writes else "github.token"
            assert step["env"]["GH_TOKEN"] == f"${{{{ {token} }}}}", (name, job, script)


def test_git_asks_gh_for_the_token_wherever_there_is_one() -> None:
    for name in NAMES:
        if any("GH_TOKEN" in step.get("env", {}) for each, _, step in steps() if each == name):
            given = load_workflow(name)["env"]
            assert given["GIT_CONFIG_KEY_0"] == "credential.helper"
            assert given["GIT_CONFIG_VALUE_0"] == "!gh auth git-credential"


def test_nothing_runs_on_foreign_code_with_a_writing_token() -> None:
    for name in NAMES:
        assert not {"pull_request_target", "workflow_run"} & set(load_workflow(name)[True]), name


def test_scripts_are_thin_and_their_commands_exist() -> None:
    for name, job, step in steps():
        script = step.get("run", "")
        assert len(script.splitlines()) <= 7, (name, job, script)
        for line in re.findall(r"(?:^|bin/|\s)tagship ([a-z- ]+)", script):
            command = get_command(make_app())
            for word in line.split():
                if word.startswith("-") or not hasattr(command, "commands"):
                    break
                assert word in command.commands, (name, job, line)
                command = command.commands[word]
            assert not hasattr(command, "commands"), (name, job, line)
        for word in re.findall(r"^make ([a-z-]+)", script, re.MULTILINE):
            files = ["Makefile", *(["template.mk"] if name == "template" else [])]
            rules = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
            assert f"\n{word}:" in rules, (name, word)


def test_what_comes_from_outside_is_never_read_as_an_option() -> None:
    """A variable is an option's value (``--tag="$TAG"``) or stands behind ``--``."""
    calls = 0
    for name, job, step in steps():
        for call in re.findall(r"(?:^|bin/|\s)tagship ([^\n]*)", step.get("run", "")):
            options = re.split(r" -- | >>? ", call)[0]
            calls += "$" in call
            for word in re.split(r" (?![^{]*\})", options):
                from_outside = re.match(r"""["']?\$\{?[A-Za-z]""", word)
                assert not from_outside or ":+--" in word, (name, job, call)
    assert calls > 10


def test_scripts_pass_shellcheck() -> None:
    scripts = [f"# {n} {j}\n{s['run']}" for n, j, s in steps() if "run" in s]
    program = BIN / "shellcheck"
    if not program.is_file():
        tool("shellcheck")
    for script in scripts:
        done = subprocess.run(
            [str(program), "--shell=bash", "-"], input=script, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_bash_stops_at_a_failure_inside_a_pipe() -> None:
    for name in NAMES:
        assert load_workflow(name)["defaults"] == {"run": {"shell": "bash"}}, name


@pytest.mark.parametrize(
    ("workflow", "tag", "starts"),
    [
        ("release", "churn/v1.10.0", True),
        ("release", "churn/production/4", False),
        ("release", "template/x/v1.0.0", False),
        ("verify", "churn/production/12", True),
        ("verify", "churn/v1.0.0", False),
        ("pages", "churn/v1.0.0", True),
        ("pages", "churn/production/12", True),
    ],
)
def test_tags_start_what_they_should(workflow: str, tag: str, starts: bool) -> None:
    patterns = load_workflow(workflow)[True]["push"]["tags"]
    assert any(re.fullmatch(as_regex(each), tag) for each in patterns) is starts


def ruleset(name: str) -> dict[str, Any]:
    loaded = json.loads((GITHUB / "rulesets" / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def kinds(name: str) -> set[str]:
    return {rule["type"] for rule in ruleset(name)["rules"]}


def test_rulesets_ask_for_review_and_for_checks_that_exist() -> None:
    rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset("main")["rules"]}
    assert rules["pull_request"]["require_code_owner_review"] is True
    for check in rules["required_status_checks"]["required_status_checks"]:
        assert check["context"] in load_workflow(check["context"])["jobs"]


def test_rulesets_let_nobody_move_or_delete_a_tag() -> None:
    stays = ruleset("tags-stay")
    assert (stays["enforcement"], stays["bypass_actors"]) == ("active", [])
    assert kinds("tags-stay") == {"update", "deletion", "non_fast_forward"}


def test_rulesets_cover_every_environment_and_no_branch_of_ours() -> None:
    environments = load_project(ROOT).environments
    for name, kind in (("tags-stay", "tags"), ("deployment-tags", "tags"), ("no-shadows", "heads"),
                       ("tag-names", "tags")):  # fmt: skip
        given = ruleset(name)["conditions"]["ref_name"]["include"]
        for environment in environments:
            assert any(matches(each, f"refs/{kind}/churn/{environment}/12") for each in given), name
    shadows = ruleset("no-shadows")["conditions"]["ref_name"]["include"]
    forbidden = [as_regex(each.removeprefix("refs/heads/")) for each in shadows]

    def stopped(branch: str) -> bool:
        return any(re.fullmatch(each, branch) for each in forbidden)

    assert all(map(stopped, ("churn/v1.0.0", "churn/production/12", "churn/staging/1")))
    ours = ("promote/churn/v1.0.0", "rollback/churn/production/3", "retrain/churn", "monitor",
            "tune/churn", "feature/churn", "main")  # fmt: skip
    assert not any(map(stopped, ours))


@pytest.mark.parametrize(
    ("tag", "allowed"),
    [
        ("churn/v1.0.0", True), ("churn/v10.21.3", True), ("churn/production/1", True),
        ("churn/staging/123456", True), ("churn/vnext", False), ("churn/v1", False),
        ("churn/production/v99", False), ("churn/production/1-01", False),
        ("churn/production/01", False), ("churn/staging/1000000000", False),
        ("churn/staging/latest", False), ("churn/production/9.9", False),
        ("churn/production/2+x", False), ("churn/production/v1/2", False),
    ],
)  # fmt: skip
def test_rulesets_allow_no_tag_that_leads_argo_cd_astray(tag: str, allowed: bool) -> None:
    names = ruleset("tag-names")
    assert (names["enforcement"], names["bypass_actors"], kinds("tag-names")) == (
        "active", [], {"creation"},
    )  # fmt: skip
    patterns = names["conditions"]["ref_name"]

    def matched(kind: str) -> bool:
        return any(matches(each, f"refs/tags/{tag}") for each in patterns[kind])

    assert (not matched("include") or matched("exclude")) is allowed


def matches(pattern: str, ref: str) -> bool:
    """Ruby's ``File.fnmatch`` with FNM_PATHNAME, by which GitHub reads a ruleset's patterns."""
    parts = re.split(r"(\*\*/|\*|\[[^]]+\])", pattern)
    known = {"**/": "(?:[^/]+/)*", "*": "[^/]*"}
    whole = (known.get(p) or (p if p.startswith("[") else re.escape(p)) for p in parts)
    return re.fullmatch("".join(whole), ref) is not None


def owner(path: str) -> str:
    """Who owns a path: the last matching line of CODEOWNERS, read as gitignore reads a pattern."""
    last = ""
    for line in (GITHUB / "CODEOWNERS").read_text(encoding="utf-8").splitlines():
        pattern, *names = line.partition("#")[0].split() or ("",)
        whole = f"{pattern}**/*" if pattern.endswith("/") else pattern
        whole = whole.removeprefix("/") if pattern.startswith("/") else f"**/{whole}"
        if pattern and matches(whole, path):
            last = names[0].rpartition("/")[2]
    return last


@pytest.mark.parametrize(
    "path",
    [
        "Makefile", "GNUmakefile", "makefile", "template.mk", "pyproject.toml", "uv.lock",
        "vendor/tagship-0.2.0-py3-none-any.whl", ".venv/.uv.stamp", ".venv/bin/python",
        "src/sitecustomize.py", "src/tagship/__init__.py", "sitecustomize.py", "conftest.py",
        "tests/conftest.py", "tests/test_locks.py", ".github/workflows/release.yml",
        ".github/CODEOWNERS", ".ci/uv.txt", ".ci/kustomize", ".pre-commit-config.yaml",
        ".tagship/champions/x/scores.npz", "deploy/base/deployment.yaml", "setup.cfg",
        "deploy/churn/elsewhere/production/release.yaml", "deploy/environments/staging/quota.yaml",
        "src/engine/tagship/cli/__init__.py", "hooks/post_gen_project.py", "CODEOWNERS",
        ".gitmodules",
    ],
)  # fmt: skip
def test_what_could_be_run_is_the_platforms(path: str) -> None:
    assert owner(path) == "platform"


@pytest.mark.parametrize(
    ("path", "team"),
    [
        ("config/churn/model.yaml", "models"), ("config/churn/model.lock.yaml", "models"),
        ("data/telco.csv", "models"), ("bentos/churn/service.py", "models"),
        ("src/features/churn.py", "models"), ("deploy/churn/staging/release.yaml", "models"),
        ("config/churn/thresholds.yaml", "approvers"), ("config/project.yaml", "approvers"),
        ("deploy/churn/production/release.yaml", "approvers"),
    ],
)  # fmt: skip
def test_owners_decide_on_what_is_theirs(path: str, team: str) -> None:
    assert owner(path) == team


_PLAIN = r"(cat|test|printf|shopt|echo|cosign sign|code=0|files=|if |fi$|--commit=|exit )"
"""What a script may do besides: builtins and programs of the runner."""


def test_a_job_that_may_write_runs_the_engine_and_nothing_of_the_checkout() -> None:
    """Whatever it executes or reads as code is computed from its steps, and the platform's."""
    checked = 0
    for name, job, about in jobs():
        secret = set(re.findall(r"secrets\.(\w+)", json.dumps(about.get("steps", []))))
        if not ((name, job) in MAY_WRITE or secret - {"TAGSHIP_PII_KEY"}):
            continue
        checked += 1
        runs = [step["run"] for step in about["steps"] if "run" in step]
        used = {step["uses"].partition("@")[0] for step in about["steps"] if "uses" in step}
        assert runs[:1] == ["bash .ci/engine"] or not (runs or "actions/checkout" in used), (
            name,
            job,
        )
        for line in (line.strip() for run in runs[1:] for line in run.splitlines()):
            assert re.match(rf"(tagship |{_PLAIN})", line), (name, job, line)
    assert checked == len(MAY_WRITE) + 1  # verify.yml holds the login of a registry
    code = ["engine", "uv.txt", "kustomize"]
    read = [*(f".ci/{each}" for each in code), "pyproject.toml", "uv.lock", "vendor/x.whl"]
    assert {owner(path) for path in read} == {"platform"}


@pytest.mark.parametrize(
    ("name", "job"), [("release", "train"), ("monitor", "retrain"), ("tune", "search")]
)
def test_training_may_write_nothing(name: str, job: str) -> None:
    train = load_workflow(name)["jobs"][job]
    assert train["permissions"] == {"contents": "read", "packages": "read"}
    assert set(re.findall(r"secrets\.(\w+)", json.dumps(train))) == {"TAGSHIP_PII_KEY"}
    assert "id-token" not in json.dumps(train)


def test_the_site_is_published_only_where_somebody_switched_that_on() -> None:
    jobs = load_workflow("pages")["jobs"]
    assert jobs["build"]["if"] == "${{ vars.TAGSHIP_PAGES == 'true' }}"
    assert (jobs["deploy"]["needs"], "if" in jobs["deploy"]) == ("build", False)
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert "secrets." not in json.dumps(jobs)


def test_required_checks_run_in_a_merge_queue_too() -> None:
    rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset("main")["rules"]}
    for check in rules["required_status_checks"]["required_status_checks"]:
        assert "merge_group" in load_workflow(check["context"])[True]


@pytest.mark.parametrize(("workflow", "kind"), [("release", "release"), ("verify", "deployment")])
def test_a_job_takes_only_the_kind_of_tag_that_it_is_for(workflow: str, kind: str) -> None:
    text = (GITHUB / "workflows" / f"{workflow}.yml").read_text(encoding="utf-8")
    called = re.findall(r"verify-deployment (.*)", text)
    assert called == [f'--kind={kind} -- "$TAG"']


def test_the_compose_file_is_pinned_and_runs_nobody_as_root() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert services["model"]["depends_on"]["training"]["condition"] == (
        "service_completed_successfully"
    )
    for name, service in services.items():
        assert not str(service["user"]).startswith(("0", "root")), name
        assert "build" in service or re.search(r":[^:@]+(@sha256:.+)?$", service["image"]), name
        assert "latest" not in service.get("image", ""), name


@pytest.mark.parametrize("name", ["Dockerfile", "compose.Dockerfile", "monitor.Dockerfile"])
def test_images_start_from_a_digest_and_run_as_the_same_user(name: str) -> None:
    path = ROOT / "deploy" / "image" / name
    text = path.read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    stages = re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE)
    for base in bases:
        assert base in stages or re.search(r"@sha256:[0-9a-f]{64}$", base), base
    assert "USER 10001:10001" in text
    assert tool("hadolint", str(path)).returncode == 0


def test_compose_accepts_its_file() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_uv_is_installed_by_the_hashes_that_the_lock_has() -> None:
    listed = (ROOT / ".ci" / "uv.txt").read_text(encoding="utf-8")
    locked = tomllib.loads((ROOT / "src/engine/uv.lock").read_text(encoding="utf-8"))["package"]
    (uv,) = (package for package in locked if package["name"] == "uv")
    assert f"uv=={uv['version']} " in listed, "write .ci/uv.txt anew from src/engine/uv.lock"
    hashes = {wheel["hash"] for wheel in uv["wheels"]}
    assert set(re.findall(r"--hash=(\S+)", listed)) == hashes


def test_what_builds_the_engine_is_what_the_lock_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = dict(
        each.split("==") for each in project["tool"]["uv"]["build-constraint-dependencies"]
    )
    locked = tomllib.loads((ROOT / "src/engine/uv.lock").read_text(encoding="utf-8"))["package"]
    versions = {package["name"]: package["version"] for package in locked}
    assert pinned == {name: versions[name] for name in pinned}
    needed = next(p["dependencies"] for p in locked if p["name"] == "hatchling")
    assert {"hatchling", *(n["name"] for n in needed if "marker" not in n)} <= set(pinned)
