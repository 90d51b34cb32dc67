"""`tagship site`: its folder, a project without remote, tags or runs, and what stays secret."""

import json
import subprocess
from pathlib import Path

import pytest
from jsonschema import validate
from site_history import Told, observation

from projects import Project
from tagship.site.document import Site


def read(project: Project) -> Site:
    text = project.path("site/site.json").read_text(encoding="utf-8")
    return Site.model_validate_json(text)


def git(project: Project, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project.root, check=True, capture_output=True)


def begin(project: Project) -> None:
    git(project, "init", "-q", "-b", "main")
    project.write(".gitignore", "/site/\n/.tagship/\n/reports/\n/mlruns/\n/mlflow.db\n/data/\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "feat: begin")


def test_a_project_outside_of_git_has_a_site_that_says_so(project: Project) -> None:
    ran = project.tagship("site")
    assert ran.code == 0, ran
    assert "not recorded: what the remote has: " in ran.out
    assert "not recorded: releases: there is no release tag yet" in ran.out
    assert "tiny: staging -, production -" in ran.out
    site = read(project)
    assert "no git remote named 'origin'" in site.not_asked
    assert (site.commit, site.repository) == (None, None)
    model = site.models[0]
    assert model.training is not None
    assert (model.training.winner, model.registry, model.deployments) == (None, [], [])
    assert {step.state for step in model.pipeline} == {"not recorded"}
    (lock,) = (each for each in site.attention if each.kind == "lock")
    assert lock.command == "tagship run tiny"


def test_a_clone_without_a_remote_shows_its_own_tags(project: Project) -> None:
    begin(project)
    git(project, "tag", "tiny/v1.0.0")
    assert project.tagship("site").code == 0
    site = read(project)
    assert site.commit is not None
    assert [each.text for each in site.attention if each.kind == "tag"] == [
        "tiny/v1.0.0: it is lightweight; only annotated tags count"
    ]


def test_what_a_run_left_is_shown_with_its_source(run_project: Project) -> None:
    ran = run_project.tagship("site", "--json")
    assert ran.code == 0, ran
    assert json.loads(ran.out) == json.loads(run_project.path("site/site.json").read_text())
    schema = run_project.tagship("schema")
    assert "config/schemas/site.json: written" in schema.out
    validate(
        json.loads(ran.out), json.loads(run_project.path("config/schemas/site.json").read_text())
    )
    site, lock = read(run_project), run_project.files
    assert site.mlflow is not None
    assert site.mlflow.text == "MLflow, mlflow.db"
    model = site.models[0]
    assert model.data is not None
    assert model.training is not None
    assert model.data.source == "csv: data/tiny.csv"
    columns = {column.name: column for column in model.data.columns}
    assert columns["age"].rule == "18 to 100; up to 20.0 % missing"
    assert columns["plan"].rule == "free, plus, pro"
    assert columns["age"].gates == ["ks ≥ 0.001"]
    assert columns["age"].profile is not None
    assert [kpi.limits for kpi in model.kpis] == [["fails below 0.6"]]
    assert model.kpis[0].status == "pass"
    (run,) = model.training.runs
    assert (run.candidate, run.verdict) == (model.training.winner, "pass")
    assert model.kpis[0].value is not None
    assert run.value == pytest.approx(model.kpis[0].value.value)
    assert all(candidate.seconds for candidate in model.training.candidates)
    assert {step.state for step in model.pipeline} == {"done"}
    assert {gate.status for gate in model.gates} <= {"pass", "warn"}
    assert set(model.example or {}) == {"age", "visits", "plan"}
    assert lock.lock_path.is_file()


def test_a_store_that_cannot_be_read_is_no_failure(run_project: Project) -> None:
    run_project.write("mlflow.db", "not a database, but long enough to be taken for a text")
    ran = run_project.tagship("site")
    assert ran.code == 0, ran
    assert "not recorded: runs and tunings: MLflow at sqlite:" in ran.out
    training = read(run_project).models[0].training
    assert training is not None
    assert training.runs == []
    assert training.winner is not None


def test_a_config_that_is_broken_is_shown_as_such(project: Project) -> None:
    project.edit("model", "task: binary", "task: binari")
    assert project.tagship("site").code == 0
    model = read(project).models[0]
    assert "task" in (model.problem or "")
    assert (model.task, model.kpis) == (None, [])


def test_the_folder_is_replaced_as_a_whole(project: Project) -> None:
    assert project.tagship("site").code == 0
    project.write("site/old-page.html", "of a model that is gone")
    assert project.tagship("site").code == 0
    assert not project.path("site/old-page.html").exists()
    assert "tiny" in project.path("site/index.html").read_text(encoding="utf-8")
    assert [path.name for path in project.root.glob(".site*")] == []


def test_a_folder_that_is_no_site_is_refused_and_kept(project: Project) -> None:
    kept = project.write("docs/notes.md", "mine")
    project.refused("site", "--output", "docs", says=("docs: this folder holds something else",
                                                      "name another with --output"))  # fmt: skip
    assert kept.read_text() == "mine"
    project.write("site.json", "{}")
    project.refused("site", "--output", ".", says="something else than a site")
    project.path("link").symlink_to(project.path("docs"))
    project.refused("site", "--output", "link", says="something that is no folder")
    assert project.tagship("site", "--output", "public/pages").code == 0
    assert project.path("public/pages/site.json").is_file()


def test_nothing_secret_and_no_row_is_in_the_document(run_project: Project) -> None:
    project = run_project
    begin(project)
    secrets = ["planted-token", "planted-password", "planted-key", "planted-argument",
               "planted-person", "planted-in-a-request", "planted-row"]  # fmt: skip
    address = "https://ada:planted-password@127.0.0.1:1/t.csv?key=planted-key"
    project.edit("data", "path: data/tiny.csv", f'path: "{address}"')
    project.edit("data", "  plan: {dtype: category, values: [free, plus, pro]}",
                 "  plan: {dtype: category, values: [free, plus, pro], pii: drop}\n"
                 "  person: {dtype: category, values: [planted-person], pii: drop}\n"
                 "  email: {dtype: string, pii: hash}")  # fmt: skip
    model = project.path("model")
    model.write_text(model.read_text() + "card: {purpose: 'sell <b>more</b> & \"more\"'}\n")
    project.write("reports/tiny.html", "<td>planted-row</td>")
    git(project, "remote", "add", "origin", "https://ada:planted-token@127.0.0.1:1/shop/models.git")
    seen = observation("tiny", "", "2026-11-28T05:00:00.000Z", "fail", 0.3)
    project.write(".tagship/monitor/history/tiny/production/1.json", json.dumps(seen))
    ran = project.tagship("site", "--json")
    assert ran.code == 1, ran  # the remote did not answer; the site says so
    site = read(project)
    written = [path for path in project.path("site").rglob("*") if path.is_file()]
    assert project.path("site/models/tiny.html") in written
    text = ran.out + "".join(path.read_text(encoding="utf-8") for path in written)
    assert [secret for secret in secrets if secret in text] == []
    visitors = project.path("data/tiny.csv").read_text().splitlines()[1:]
    assert [row for row in visitors if row.split(",")[0] in text] == []
    assert site.repository == "https://127.0.0.1:1/shop/models"
    assert site.not_asked
    tiny = site.models[0]
    assert tiny.card is not None
    assert tiny.card.purpose == 'sell <b>more</b> & "more"'
    assert tiny.data is not None
    assert tiny.data.source == "csv: https://127.0.0.1:1/t.csv"
    personal = {each.name: each for each in tiny.data.columns if each.pii}
    assert set(personal) == {"plan", "person", "email"}
    assert {(each.profile, each.rule) for each in personal.values()} == {
        (None, "personal data, dropped"), (None, "personal data, kept as a keyed hash"),
    }  # fmt: skip
    assert not project.path("site/reports").exists()
    assert [row.drift for row in tiny.observations] == [pytest.approx(1.5)]


def test_a_remote_s_pages_are_linked(told: Told, tmp_path: Path) -> None:
    project = Project(told.shop.clone("linked").root)
    git(project, "fetch", "-q", "origin", "refs/tags/*:refs/tagship/tags/*")
    git(project, "remote", "set-url", "origin", "git@127.0.0.1:shop/models.git")
    ran = project.tagship("site", "--output", str(tmp_path / "site"))
    assert ran.code == 1, ran  # nothing answers there
    site = Site.model_validate_json((tmp_path / "site" / "site.json").read_text())
    assert site.repository == "https://127.0.0.1/shop/models"
    fraud = next(model for model in site.models if model.name == "fraud")
    assert fraud.deployments[0].origin is not None
    name = fraud.deployments[0].deployment
    assert fraud.deployments[0].origin.url == f"{site.repository}/tree/{name}"
    assert fraud.threshold_changes[0].origin.url == (
        f"{site.repository}/commit/{fraud.threshold_changes[0].commit}"
    )
    assert site.not_asked
    assert [place.waiting for place in fraud.places] == [None, None]
