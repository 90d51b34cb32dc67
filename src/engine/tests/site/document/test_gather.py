"""The document equals what status, history, locks and tags say."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from site_history import FRAUD_RELEASES, REASON, Told, gather
from typer.main import get_command

from projects import Project
from shop import copy
from tagship.cli import make_app
from tagship.site.document import Site
from tagship.training.lock import locked_hashes, locked_metrics


def answer(told: Told, *arguments: str) -> Any:
    ran = Project(told.shop.root).tagship(*arguments, "--json")
    assert ran.code == 0, ran
    return json.loads(ran.out)


def test_the_document_is_read_back_as_it_was_written(told: Told) -> None:
    text = told.site.model_dump_json()
    assert Site.model_validate_json(text) == told.site
    assert [model.name for model in told.site.models] == ["churn", "fraud", "old"]
    assert sum(len(model.registry) for model in told.site.models) == 4 + FRAUD_RELEASES + 1


def test_every_place_says_what_status_says(told: Told) -> None:
    state = answer(told, "status", "--no-mlflow")
    assert len(state["rows"]) == 4
    for row in state["rows"]:
        places = told.model(row["model"]).places
        place = next(each for each in places if each.environment == row["environment"])
        assert (place.release or "", place.deployment or "", place.since or "", place.main,
                place.rejected) == (row["runs"], row["deployment"], row["since"], row["main"],
                                    row["rejected"])  # fmt: skip
    texts = [each.text for each in told.site.attention]
    listed = [finding for finding in state["findings"] if not finding.startswith("old: ")]
    assert listed
    assert set(listed) <= set(texts)


@pytest.mark.parametrize("name", ["churn", "fraud", "old"])
def test_every_deployment_says_what_history_says(told: Told, name: str) -> None:
    keys = ("action", "release", "image", "actor", "reason", "rejects", "lifts", "commit")
    events = answer(told, "history", name)
    rows = {row.deployment: row for row in told.model(name).deployments if row.valid}
    assert sorted(rows) == sorted(event["name"] for event in events)
    for event in events:
        row = rows[event["name"]]
        assert row.date == event["when"]
        assert {key: getattr(row, key) or "" for key in keys} == {k: event[k] for k in keys}


def test_every_release_says_what_its_lock_and_its_tag_say(told: Told) -> None:
    for model in told.site.models:
        for row in model.registry:
            commit = told.shop.git("rev-parse", f"refs/tagship/tags/{row.release}^{{commit}}")
            lock = told.shop.git("show", f"{commit}:config/{model.name}/model.lock.yaml")
            assert row.commit == commit
            assert (row.model_sha256, row.data_sha256) == locked_hashes(lock, "lock")
            tag = told.shop.git("cat-file", "tag", f"refs/tagship/tags/{row.release}")
            assert f"Verdict: {row.verdict_status}" in tag
            assert row.verdict is not None
            assert row.verdict.status == row.verdict_status
            if model.name != "churn":
                assert row.metrics == locked_metrics(lock, "lock")
                assert row.candidate == "tree"


def test_a_release_is_nowhere_in_staging_in_production_or_archived(
    told: Told, tmp_path: Path
) -> None:
    churn = {row.release: row.stage for row in told.model("churn").registry}
    assert churn == {
        "churn/v1.3.0": "Staging", "churn/v1.2.0": "Archived", "churn/v1.1.0": "Archived",
        "churn/v1.0.0": "Production",
    }  # fmt: skip
    stages = Counter(row.stage for row in told.model("fraud").registry)
    assert stages == {"Production": 1, "Archived": FRAUD_RELEASES - 1}
    shop = copy(told.shop, tmp_path / "shop")
    shop.new_lock("five")
    shop.release("v1.4.0")
    newest = next(model for model in gather(shop).models if model.name == "churn").registry[0]
    assert (newest.release, newest.stage) == ("churn/v1.4.0", "None")
    assert newest.commands[0].startswith("tagship reconcile --release churn/v1.4.0 --image ")


def test_a_rejection_stands_until_it_is_lifted(told: Told) -> None:
    rows = {row.release: row for row in told.model("churn").registry}
    assert rows["churn/v1.1.0"].rejected_by is None
    rejected = rows["churn/v1.2.0"]
    assert rejected.rejected_by is not None
    assert 'tagship lift churn v1.2.0 --reason "…"' in rejected.commands
    production = told.model("churn").places[1]
    assert production.rejected == ["churn/v1.2.0"]
    assert "production rejected churn/v1.2.0" in [each.text for each in told.site.attention]


def test_the_commands_to_copy_are_commands_of_this_engine(told: Told) -> None:
    root: Any = get_command(make_app())
    commands = {line for model in told.site.models for row in model.registry
                for line in row.commands}  # fmt: skip
    commands |= {each.command for each in told.site.attention if each.command}
    verbs = {line.split()[1] for line in commands}
    assert {"rollback", "lift", "verify-deployment", "history"} <= verbs
    for line in commands:
        _, verb, *arguments = line.replace('"…"', "why").split()
        root.commands[verb].make_context(verb, arguments)  # raises what it does not know


def test_reasons_come_as_they_were_written(told: Told) -> None:
    rollback = next(row for row in told.model("churn").deployments if row.action == "rollback"
                    and row.rejects == "churn/v1.1.0")  # fmt: skip
    assert rollback.reason == REASON
    assert rollback.valid
    assert rollback.verdict == "pass"


def test_what_is_no_deployment_is_shown_and_named(told: Told) -> None:
    invalid = {row.deployment: row for row in told.model("fraud").deployments if not row.valid}
    assert set(invalid) == {"fraud/staging/v99", "fraud/production/007"}
    stray = invalid["fraud/staging/v99"]
    assert (stray.number, stray.environment, stray.release) == (99, "staging", None)
    assert "Argo CD follows it as number 99" in (stray.problem or "")
    assert "it is outranked" in (invalid["fraud/production/007"].problem or "")
    texts = [each.text for each in told.site.attention if each.kind == "tag"]
    assert "fraud/v9.9.9: it is lightweight; only annotated tags count" in texts
    staging = told.model("fraud").places[0]
    assert (staging.release, staging.deployment) == ("?", "fraud/staging/v99")
    assert (staging.verdict, staging.since) == (None, None)


def test_a_model_that_is_removed_but_runs_is_shown(told: Told) -> None:
    old = told.model("old")
    assert (old.state, old.card, old.data, old.training) == ("removed", None, None, None)
    assert [place.release for place in old.places] == ["old/v3.0.0", "old/v3.0.0"]
    assert [row.release for row in old.registry] == ["old/v3.0.0"]
    kinds = [each.kind for each in told.site.attention if each.model == "old"]
    assert "removed" in kinds


def test_what_waits_for_review_is_told_with_its_branch(told: Told) -> None:
    places = told.model("churn").places
    assert [place.waiting for place in places] == [None, "churn/v1.3.0"]
    review = next(each for each in told.site.attention if each.kind == "review")
    assert review.text == (
        "churn/v1.3.0 for production: to be reviewed on the branch promote/churn/v1.3.0"
    )
    assert review.command is None


def test_nothing_waits_once_it_is_merged_though_its_branch_stays(
    told: Told, tmp_path: Path
) -> None:
    shop = copy(told.shop, tmp_path / "shop")
    shop.merge("promote/churn/v1.3.0")
    churn = gather(shop).models[0]
    assert churn.places[1].main == "asks for churn/v1.3.0"
    assert churn.places[1].waiting is None
    shop.reconcile()
    churn = gather(shop).models[0]
    assert (churn.places[1].release, churn.places[1].waiting) == ("churn/v1.3.0", None)
    assert churn.registry[0].stage == "Production"


def test_a_record_that_is_broken_on_main_breaks_no_site(told: Told, tmp_path: Path) -> None:
    shop = copy(told.shop, tmp_path / "shop")
    shop.put("deploy/churn/production/release.yaml", "model: [churn\n")
    shop.commit("a broken record")
    production = gather(shop).models[0].places[1]
    assert "deploy/churn/production/release.yaml" in production.main
    assert production.release == "churn/v1.0.0"


def test_the_timeline_put_together_is_what_history_says_of_a_time(told: Told) -> None:
    (first, early), (second, later) = told.site.timeline
    assert (first, second) == ("2026-11-28T06:00:00+00:00", "2026-11-29T06:00:00+00:00")
    assert "churn/production" in early
    assert "churn/production" not in later  # it did not change
    at = answer(told, "history", "churn", "--env", "production", "--at", "2026-11-29T07:00")
    assert [event["name"] for event in at] == [early["churn/production"]]
    recorded = [row.deployment for row in told.model("churn").deployments if row.recorded]
    assert early["churn/production"] in recorded
    assert "churn/production/1" not in recorded


def test_observations_come_from_the_branch_without_what_requests_held(told: Told) -> None:
    fraud = told.model("fraud")
    assert [(row.status, row.drift) for row in fraud.observations] == [
        ("ok", pytest.approx(0.5)), ("fail", pytest.approx(1.5)),
    ]  # fmt: skip
    assert fraud.observations[-1].performance == {"f1": 0.7}
    assert "planted-in-a-request" not in told.site.model_dump_json()
    production = fraud.places[1]
    assert (production.observed, production.drift, production.performance) == ("fail", "fail", "ok")
    kinds = [each.kind for each in told.site.attention if each.model == "fraud"]
    assert "drift" in kinds
    assert fraud.retraining == [
        "drift fails in production: config/project.yaml asks for a new training:"
        " tagship retrain fraud",
        "the branch retrain/fraud proposes a new training",
    ]


def test_each_change_of_a_bound_has_its_date_commit_and_direction(told: Told) -> None:
    changes = told.model("fraud").threshold_changes
    assert [(c.date[:10], c.key, c.before, c.after, c.effect) for c in changes] == [
        ("2026-08-03", "metrics.f1.fail_below", "0.6", "0.4", "looser"),
        ("2026-08-03", "baseline.margin", "0.1", "0.2", "stricter"),
        ("2026-06-29", "metrics.f1.fail_below", "0.5", "0.6", "stricter"),
    ]
    assert changes[0].subject == "feat(fraud): v0.9.0"
    assert told.model("churn").threshold_changes == []


def test_delivery_is_that_of_the_tags(told: Told) -> None:
    fraud = told.model("fraud").delivery
    assert fraud is not None
    assert (fraud.deployments, fraud.rollbacks, fraud.lead_times) == (FRAUD_RELEASES, 0, 15)
    assert fraud.lead_time == 2 * 86400  # each reached production two days after its commit
    churn = told.model("churn").delivery
    assert churn is not None
    assert (churn.deployments, churn.rollbacks, churn.change_failure_rate) == (3, 2, 2 / 3)
    assert told.site.delivery.deployments == FRAUD_RELEASES + 3 + 1


def test_what_is_not_recorded_is_said(told: Told) -> None:
    assert told.site.not_asked == ""
    assert told.site.mlflow is None
    assert "runs: MLflow has none here: `tagship run` records one" in told.site.not_recorded
