"""The doctor sees what is missing, and goes on."""

import json
import re
import shutil
from pathlib import Path

import pytest

from projects import Project
from shop import Shop
from tagship.errors import TagshipError
from tagship.gitops.doctor import WORKFLOWS, doctor

RULESET = {
    "target": "tag", "enforcement": "active", "rules": [{"type": "update"}, {"type": "deletion"}],
    "conditions": {
        "ref_name": {"include": [f"refs/tags/*/{t}" for t in ("v*", "staging/*", "production/*")]}
    },
}  # fmt: skip


def answers(shop: Shop) -> dict[str, tuple[str, str]]:
    return {answer.what: (answer.level, answer.problem) for answer in doctor(shop.root)}


def test_the_doctor_names_everything_that_is_missing(shop: Shop) -> None:
    checked = answers(shop)
    for name in WORKFLOWS:
        assert checked[f"workflow {name}"][0] == "fail"
    assert checked["rulesets"][0] == "fail"
    assert checked["owners of deploy/"][0] == "fail"
    assert checked["churn: overlay production"] == ("ok", "")


def test_the_doctor_is_content_with_what_is_there(shop: Shop) -> None:
    for name in WORKFLOWS:
        shop.put(f".github/workflows/{name}.yml", "on: push\n")
    shop.put(".github/rulesets/tags.json", json.dumps(RULESET))
    shop.put("pyproject.toml", '[tool.uv.sources]\ntagship = {path = "engine", editable = true}\n')
    shop.put(".github/CODEOWNERS", "config/*/thresholds.yaml @a\ndeploy/*/production/ @a\n")
    shop.commit()
    failed = {what for what, (level, _) in answers(shop).items() if level == "fail"}
    assert failed == set()


def test_the_doctor_sees_bad_overlays_rulesets_locks_and_tags(shop: Shop) -> None:
    shop.put(".github/rulesets/tags.json", "{")
    path = shop.root / "deploy/churn/production/kustomization.yaml"
    path.write_text(path.read_text().replace("sha256:0", "sha256:1"))
    (shop.root / "config/churn/model.lock.yaml").unlink()
    (shop.root / "deploy/churn/staging/release.yaml").unlink()
    shop.git("tag", "churn/production/1")
    shop.git("push", "-q", "origin", "refs/tags/churn/production/1")
    checked = answers(shop)
    assert "not a ruleset" in checked["ruleset tags.json"][1]
    assert "its record says" in checked["churn: overlay production"][1]
    assert "does not exist" in checked["churn: overlay staging"][1]
    assert checked["churn: lock"] == ("fail", "run `tagship run churn`")
    assert "lightweight" in checked["tag churn/production/1"][1]


def test_the_doctor_names_a_workflow_that_never_starts(shop: Shop) -> None:
    for name, branches in (("here", "[main]"), ("near", "['m*']"), ("never", "[trunk]")):
        shop.put(f".github/workflows/{name}.yml", f"on: {{push: {{branches: {branches}}}}}\n")
    shop.put(".github/workflows/audit.yml", "on: {schedule: [{cron: '1 2 * * *'}]}\n")
    checked = answers(shop)
    assert checked["trigger of here.yml"][0] == "ok"
    assert checked["trigger of near.yml"][0] == "ok"
    level, problem = checked["trigger of never.yml"]
    assert (level, "no push to 'main'" in problem) == ("fail", True)
    assert "trigger of audit.yml" not in checked


def test_the_doctor_tells_a_stale_lock(shop: Shop) -> None:
    def stale(root: object, model: str) -> None:
        raise TagshipError("it is stale")

    checked = {answer.what: answer.problem for answer in doctor(shop.root, stale)}
    assert checked["churn: inputs of the lock"] == "it is stale"


def test_the_doctor_names_the_environment_whose_tags_could_be_moved(shop: Shop) -> None:
    looser = json.loads(json.dumps(RULESET))
    looser["conditions"]["ref_name"]["include"].pop()
    shop.put(".github/rulesets/tags.json", json.dumps(looser))
    checked = answers(shop)
    assert checked["protection of tags */staging/*"] == ("ok", "")
    assert "no active ruleset" in checked["protection of tags */production/*"][1]
    shop.put(".github/rulesets/tags.json", json.dumps({**RULESET, "enforcement": "disabled"}))
    assert answers(shop)["protection of tags */staging/*"][0] == "fail"


def test_the_doctor_command_tells_which_input_made_a_lock_stale(run_project: Project) -> None:
    assert "✓ tiny: inputs of the lock" in run_project.tagship("doctor").out
    run_project.edit("model", "max_depth: 3", "max_depth: 4")
    told = run_project.tagship("doctor").out
    assert (
        "✗ tiny: inputs of the lock: stale: model.yaml: candidates.tree.params.max_depth: 3" in told
    )


def write_program(path: Path, line: str) -> Path:
    """A program of one line of shell; gives its folder."""
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path.parent


@pytest.mark.parametrize(
    ("says", "level", "problem"),
    [
        ("argocd: v3.5.0+abc", "ok", ""),
        ("argocd: v10.0.1", "ok", ""),
        ("argocd: v3.4.9", "fail", "v3.4 here; tagPrefix needs 3.5"),
        ("what?", "warn", "its version is not known"),
    ],
)
def test_the_doctor_reads_the_version_of_argo_cd(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, level: str, problem: str
) -> None:
    folder = write_program(tmp_path / "bin" / "argocd", f"echo '{says}'")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    checked = answers(shop)["Argo CD"]
    assert checked[0] == level
    assert problem in checked[1]


@pytest.mark.parametrize(
    ("secrets", "environments", "secret", "free"),
    [
        (["TAGSHIP_TOKEN", "OTHER"], [], "warn", "ok"),
        (["OTHER"], [{"name": "tagship", "deployment_branch_policy": None}], "ok", "fail"),
        ([], [{"name": "tagship", "deployment_branch_policy": {"custom": True}}], "ok", "ok"),
        (["TAGSHIP_REGISTRY_TOKEN"], None, "warn", "warn"),
    ],
)
def test_the_doctor_says_who_reaches_the_secrets_that_deploy(
    shop: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    secrets: list[str],
    environments: list[dict[str, object]] | None,
    secret: str,
    free: str,
) -> None:
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    names = json.dumps({"secrets": [{"name": name} for name in secrets]})
    held = "{}" if environments is None else json.dumps({"environments": environments})
    program.write_text(
        "#!/bin/sh\ncase $2 in\n"
        f"*/actions/secrets*) echo '{names}' ;;\n*/environments*) echo '{held}' ;;\n"
        "*) echo '{\"errors\": []}' ;;\nesac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/shop")
    checked = answers(shop)
    assert checked["secrets on GitHub"][0] == secret
    if environments is None:
        assert "not checked" in checked["secrets on GitHub"][1]
        assert "environment tagship" not in checked
    else:
        assert checked["environment tagship"][0] == free


@pytest.mark.parametrize(
    ("program", "tool", "level"),
    [
        ("echo Cannot connect to the Docker daemon >&2; exit 1", "docker", "warn"),
        ("echo 24.0", "docker", "ok"),
        ("echo You are not logged into any GitHub hosts >&2; exit 1", "gh", "warn"),
        ("kill -9 $$", "cosign", "warn"),
    ],
)
def test_a_tool_that_is_installed_and_does_not_work_gets_no_tick(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, tool: str, level: str
) -> None:
    folder = write_program(tmp_path / "bin" / tool, program)
    for needed in ("git", "sh"):
        (folder / needed).symlink_to(str(shutil.which(needed)))
    monkeypatch.setenv("PATH", str(folder))
    (checked,) = (each for each in doctor(shop.root) if re.match(f"tool .*{tool}", each.what))
    assert checked.level == level
    if level == "warn":
        assert f"`{tool} " in checked.problem


def test_what_the_doctor_asks_is_no_claim_that_a_cross_would_turn_round(shop: Shop) -> None:
    for what in answers(shop):
        assert not re.search(r"\b(is|are|has|have|stays?|starts?|not|no)\b", what), what
