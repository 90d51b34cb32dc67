"""Every gate rejects, judged by the real evaluator on a real trained model."""

import dataclasses

import numpy as np
import pytest

from projects import make_project, make_table
from tagship.config.thresholds import ThresholdsConfig
from tagship.errors import TagshipError
from tagship.gates.evaluate import evaluate_gates
from tagship.gates.holdout import ChampionScores, HoldoutScores
from tagship.training.lock import Interval
from tagship.training.train import train
from tagship.verdict import Verdict, markdown, read_verdict, write_verdict

PASSING = {
    "metrics": {"roc_auc": {"fail_below": 0.6}},
    "baseline": {"metric": "f1", "margin": 0.01},
    "parity": {"max_difference": 1e-5},
}


JUDGED = """\
slices: {by: [plan], metric: accuracy, max_gap: 0.5}
fairness: {by: gender, demographic_parity_difference: {fail_above: 0.5}}
"""
"""What makes the training keep its rows' groups."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A model of visitors with two genders, and its training."""
    project = make_project(tmp_path_factory.mktemp("shop") / "project")
    rng = np.random.default_rng(3)
    table = make_table(rows=3_000)
    table.assign(gender=rng.choice(["female", "male"], 3_000)).to_csv(
        project.path("data/tiny.csv"), index=False
    )
    project.edit(
        "data", "columns:", "columns:\n  gender: {dtype: category, values: [female, male]}"
    )
    project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 0.2}")
    project.write("thresholds", project.path("thresholds").read_text(encoding="utf-8") + JUDGED)
    files = project.files
    linear = {"line": files.model.candidates["line"]}
    files = dataclasses.replace(files, model=files.model.model_copy(update={"candidates": linear}))
    return files, train(files)


def judge(shop, against=None, bundle=None, **sections):
    files, trained = shop
    thresholds = ThresholdsConfig.model_validate({**PASSING, **sections})
    return evaluate_gates(
        dataclasses.replace(files, thresholds=thresholds), bundle or trained, against
    )


def with_evidence(shop, **changes):
    _, bundle = shop
    evidence = dataclasses.replace(bundle.evidence, **changes)
    return dataclasses.replace(bundle, evidence=evidence)


def judged_alone(verdict, gate):
    [found] = [result for result in verdict.results if result.gate == gate]
    return found


def test_a_good_model_passes(shop):
    assert judge(shop).status == "pass"


def test_metrics_reject_a_low_value(shop, rejected):
    verdict = judge(shop, metrics={"roc_auc": {"fail_below": 0.99}})
    assert rejected(verdict, "metrics", "a metric below its limit").value < 0.99


def test_metrics_reject_a_high_error(shop, rejected):
    verdict = judge(shop, metrics={"log_loss": {"fail_above": 0.01}})
    rejected(verdict, "metrics", "an error above its limit")


def test_metrics_reject_on_the_interval_what_the_value_would_pass(shop, rejected):
    _, bundle = shop
    found = bundle.lock.metrics["roc_auc"]
    between = (found.low + found.value) / 2
    assert judge(shop, metrics={"roc_auc": {"fail_below": between}}).status == "pass"
    verdict = judge(shop, metrics={"roc_auc": {"fail_below": between, "judge": "interval"}})
    rejected(verdict, "metrics", "an interval that reaches below the limit")


def test_metrics_reject_a_metric_that_is_missing(shop, rejected):
    _files, bundle = shop
    metrics = {k: v for k, v in bundle.lock.metrics.items() if k != "roc_auc"}
    lock = bundle.lock.model_copy(update={"metrics": metrics})
    verdict = judge(shop, bundle=dataclasses.replace(bundle, lock=lock))
    assert rejected(verdict, "metrics", "a missing metric").value is None


def test_metrics_warn_between_the_two_limits(shop):
    verdict = judge(shop, metrics={"roc_auc": {"fail_below": 0.6, "warn_below": 0.99}})
    assert verdict.status == "warn"


def test_baseline_rejects_a_model_no_better_than_a_constant(shop, rejected):
    _, bundle = shop
    constant = np.full_like(bundle.evidence.scores, 1.0)
    verdict = judge(shop, bundle=with_evidence(shop, scores=constant))
    rejected(verdict, "baseline", "a model that is no better than a constant")


def champion(shop, scores):
    files, _ = shop
    return ChampionScores("tiny/v1.0.0", lambda: HoldoutScores(scores, files.model.threshold))


def test_champion_rejects_a_model_that_is_worse_on_the_same_rows(shop, rejected):
    _, bundle = shop
    perfect = bundle.evidence.target * 0.9 + 0.05
    gate = {"metric": "roc_auc", "max_drop": 0.01}
    verdict = judge(shop, champion(shop, perfect), champion=gate)
    assert rejected(verdict, "champion", "a model worse than the champion").value > 0.01
    assert verdict.champion == "tiny/v1.0.0"


def test_champion_rejects_when_it_cannot_be_scored(shop, rejected):
    def broken():
        raise TagshipError("its artifact is gone")

    gate = {"metric": "roc_auc", "max_drop": 0.01}
    verdict = judge(shop, ChampionScores("tiny/v1.0.0", broken), champion=gate)
    assert "its artifact is gone" in rejected(verdict, "champion", "a lost champion").detail


def test_champion_rejects_when_it_gives_a_row_no_score(shop, rejected):
    """Its metric would count such a row as a negative, and so favour the new model."""
    _, bundle = shop
    scores = bundle.evidence.scores.copy()
    scores[3] = np.nan
    gate = {"metric": "f1", "max_drop": 0.01}
    failed = rejected(judge(shop, champion(shop, scores), champion=gate), "champion", "a NaN score")
    assert "no finite score" in failed.detail


def test_champion_passes_an_equal_model_and_warns_of_a_drop_that_may_be_chance(shop):
    _, bundle = shop
    own = bundle.evidence.scores
    gate = {"metric": "roc_auc", "max_drop": 0.01}
    assert judge(shop, champion(shop, own), champion=gate).status == "pass"
    rng = np.random.default_rng(0)
    better = own + 0.02 * (bundle.evidence.target - 0.5) * (rng.random(len(own)) < 0.5)
    tight = {"metric": "accuracy", "max_drop": 0.0, "alpha": 0.001}
    verdict = judge(shop, champion(shop, better), champion=tight)
    drop = next(r for r in verdict.results if r.gate == "champion")
    assert drop.value > 0
    assert drop.status == "warn"


def test_champion_without_a_test_rejects_any_drop(shop, rejected):
    _, bundle = shop
    rng = np.random.default_rng(0)
    better = bundle.evidence.scores + 0.02 * (bundle.evidence.target - 0.5) * (
        rng.random(len(bundle.evidence.scores)) < 0.5
    )
    gate = {"metric": "accuracy", "max_drop": 0.0, "test": "none"}
    verdict = judge(shop, champion(shop, better), champion=gate)
    rejected(verdict, "champion", "any drop, with test: none")


def test_champion_rejects_a_large_drop_at_the_smallest_alpha(shop, rejected):
    _, bundle = shop
    perfect = bundle.evidence.target * 0.9 + 0.05
    gate = {"metric": "roc_auc", "max_drop": 0.01, "alpha": 0.001}
    rejected(judge(shop, champion(shop, perfect), champion=gate), "champion", "with a small alpha")
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.001"):
        judge(shop, champion(shop, perfect), champion=gate | {"alpha": 0.0009})


def test_champion_rejects_a_drop_that_too_many_resamples_cannot_define(shop, rejected):
    """One positive row: a third of the resamples lack it, and the gate would judge the rest."""
    _, bundle = shop
    target = np.zeros_like(bundle.evidence.target)
    target[5] = 1
    lone = with_evidence(shop, target=target, scores=np.linspace(1, 0, len(target)))
    gate = {"metric": "roc_auc", "max_drop": 0.9}
    against = champion(shop, target.astype(float))
    verdict = judge(shop, against, bundle=lone, champion=gate)
    failed = rejected(verdict, "champion", "resamples without a positive")
    assert (failed.value, "enlarge the holdout" in failed.detail) == (None, True)
    gate |= {"test": "none"}
    verdict = judge(shop, against, bundle=lone, champion=gate)
    assert judged_alone(verdict, "champion").status == "pass"


def test_behaviour_rejects_too_many_other_decisions(shop, rejected):
    _, bundle = shop
    evidence = bundle.evidence
    everyone, few = 1 - evidence.scores, np.where(evidence.groups["plan"] == "pro", 0.0, 1.0)
    gate = {"flips": {"warn_above": 0.05, "fail_above": 0.6}}
    verdict = judge(shop, champion(shop, everyone), behaviour=gate)
    assert rejected(verdict, "behaviour", "every decision is another").value > 0.99
    assert judge(shop, champion(shop, evidence.scores), behaviour=gate).status == "pass"
    one_slice = np.where(few == 0.0, everyone, evidence.scores)
    assert judge(shop, champion(shop, one_slice), behaviour=gate).status == "warn"
    by_plan = {**gate, "by": "plan"}
    verdict = judge(shop, champion(shop, one_slice), behaviour=by_plan)
    assert "plan = pro" in rejected(verdict, "behaviour", "one slice is decided anew").subject
    hidden = by_plan | {"min_rows": 10_000}
    verdict = judge(shop, champion(shop, evidence.scores), behaviour=hidden)
    assert rejected(verdict, "behaviour", "every group is too small").value is None
    elsewhere = {**gate, "by": ["age"]}
    verdict = judge(shop, champion(shop, evidence.scores), behaviour=elsewhere)
    assert rejected(verdict, "behaviour", "no such group was kept").value is None


def test_behaviour_rejects_a_champion_that_cannot_be_scored(shop, rejected):
    def broken():
        raise TagshipError("it is gone")

    gate = {"flips": {"fail_above": 1}}
    verdict = judge(shop, ChampionScores("tiny/v1.0.0", broken), behaviour=gate)
    first = rejected(verdict, "behaviour", "a champion without scores")
    assert first.value is None
    assert "tiny/v1.0.0 cannot be scored on these rows: it is gone" in first.detail
    assert "take `behaviour` out of thresholds.yaml" in first.detail


def test_leakage_rejects_a_column_that_gives_the_target_away(shop, rejected):
    """Every kind of leak is in test_leakage.py."""
    _, bundle = shop
    evidence = bundle.evidence
    gate = {"fail_above": 0.999}
    assert judged_alone(judge(shop, leakage=gate), "leakage").status == "pass"
    age = bundle.boundary.names.index("age")
    matrix, train_matrix = evidence.matrix.copy(), evidence.train_matrix.copy()
    matrix[:, age] = evidence.target
    train_matrix[:, age] = evidence.train_target[evidence.train_rows]
    leaking = with_evidence(shop, matrix=matrix, train_matrix=train_matrix)
    verdict = judge(shop, bundle=leaking, leakage=gate)
    failed = rejected(verdict, "leakage", "a column that gives the target away")
    assert (failed.subject, failed.value) == ("age", 1.0)
    assert judge(shop, bundle=leaking, leakage=gate | {"allow": {"age": "known"}}).status == "pass"


def test_leakage_rejects_what_cannot_be_computed(shop, rejected):
    _, bundle = shop
    gate = {"fail_above": 0.999}
    older = with_evidence(shop, train_rows=None, train_matrix=None)
    verdict = judge(shop, bundle=older, leakage=gate)
    assert rejected(verdict, "leakage", "no training rows were kept").detail == "train again"
    target = np.zeros_like(bundle.evidence.target)
    verdict = judge(shop, bundle=with_evidence(shop, target=target), leakage=gate)
    failed = rejected(verdict, "leakage", "a holdout of one class")
    assert (failed.value, "roc_auc is undefined" in failed.detail) == (None, True)


@pytest.mark.parametrize(
    "gate", [{"behaviour": {"flips": {"fail_above": 0.1}}}, {"leakage": {"fail_above": 0.999}}]
)
def test_without_a_gate_of_later_no_hash_changes(shop, gate):
    files, _ = shop
    before = dataclasses.replace(files, thresholds=ThresholdsConfig.model_validate(PASSING))
    # As the engine wrote it before there were such gates.
    old = "a358e1d2ac34172f4c26f98b4d94f59ad62e715f28b13ea3a1ace3b2f7e3664c"
    assert before.thresholds_sha256 == old
    with_it = ThresholdsConfig.model_validate({**PASSING, **gate})
    assert dataclasses.replace(files, thresholds=with_it).thresholds_sha256 != old


def test_slices_reject_a_weak_group(shop, rejected):
    gate = {"by": ["plan"], "metric": "accuracy", "fail_below": 0.99, "min_rows": 50}
    rejected(judge(shop, slices=gate), "slices", "a group below the limit")


def test_slices_reject_a_wide_gap(shop, rejected):
    gate = {"by": ["plan"], "metric": "accuracy", "max_gap": 0.01, "min_rows": 50}
    rejected(judge(shop, slices=gate), "slices", "a gap between groups")


def test_slices_reject_when_every_group_is_too_small(shop, rejected):
    gate = {"by": ["plan"], "metric": "accuracy", "max_gap": 0.5, "min_rows": 100_000}
    assert rejected(judge(shop, slices=gate), "slices", "only small groups").value is None


def test_slices_reject_a_gap_to_a_group_in_which_the_metric_is_undefined(shop, rejected):
    _, bundle = shop
    target = np.where(bundle.evidence.groups["plan"] == "pro", 0, bundle.evidence.target)
    gate = {"by": ["plan"], "metric": "roc_auc", "max_gap": 1.0, "min_rows": 50}
    assert judge(shop, slices=gate).status == "pass"
    verdict = judge(shop, bundle=with_evidence(shop, target=target), slices=gate)
    failed = rejected(verdict, "slices", "a gap to a group of one class")
    assert (failed.value, "undefined where plan = pro: raise" in failed.detail) == (None, True)


def test_slices_reject_a_gap_when_one_group_alone_is_large_enough(shop, rejected):
    _, bundle = shop
    plans = np.full(len(bundle.evidence.target), "free")
    plans[:20] = "pro"
    gate = {"by": ["plan"], "metric": "accuracy", "max_gap": 0.5, "min_rows": 50}
    verdict = judge(shop, bundle=with_evidence(shop, groups={"plan": plans}), slices=gate)
    failed = rejected(verdict, "slices", "a gap with nothing to compare")
    assert (failed.value, "not judged: pro (20 rows)" in failed.detail) == (None, True)


@pytest.mark.parametrize(("label", "lacks"), [(0, "no positives"), (1, "no negatives")])
def test_fairness_rejects_odds_of_a_group_that_lacks_a_class(shop, rejected, label, lacks):
    _, bundle = shop
    women = bundle.evidence.groups["gender"] == "female"
    target = np.where(women, label, bundle.evidence.target)
    perfect = with_evidence(shop, target=target, scores=target.astype(float))
    gate = {"by": "gender", "equalized_odds_difference": {"fail_above": 1.0}}
    failed = rejected(judge(shop, bundle=perfect, fairness=gate), "fairness", f"odds: {lacks}")
    assert (failed.value, f"female ({lacks})" in failed.detail) == (None, True)
    gate = {"by": "gender", "demographic_parity_difference": {"fail_above": 1.0}}
    assert judged_alone(judge(shop, bundle=perfect, fairness=gate), "fairness").status == "pass"


def test_fairness_decides_as_the_service_does(shop):
    """0.7 as a float32 is below 0.7, so no decision is positive; rounded too, the two are equal."""
    files, bundle = shop
    boundary = dataclasses.replace(bundle.boundary, threshold=0.7)
    women = bundle.evidence.groups["gender"] == "female"
    close = with_evidence(shop, scores=np.where(women, np.float32(0.7), np.float32(0.1)))
    close = dataclasses.replace(close, boundary=boundary)
    gate = {"by": "gender", "demographic_parity_difference": {"fail_above": 0.1}}
    assert judged_alone(judge((files, close), fairness=gate), "fairness").value == 0.0


def test_fairness_rejects_decisions_that_follow_the_group(shop, rejected):
    _, bundle = shop
    by_group = (bundle.evidence.groups["gender"] == "female").astype(float)
    gate = {"by": "gender", "demographic_parity_difference": {"fail_above": 0.10}}
    verdict = judge(shop, bundle=with_evidence(shop, scores=by_group), fairness=gate)
    assert rejected(verdict, "fairness", "decisions that follow gender").value == 1.0
    gate = {"by": "gender", "equalized_odds_difference": {"fail_above": 0.10}}
    verdict = judge(shop, bundle=with_evidence(shop, scores=by_group), fairness=gate)
    rejected(verdict, "fairness", "error rates that follow gender")


def test_fairness_rejects_when_only_one_group_is_large_enough(shop, rejected):
    gate = {
        "by": "gender",
        "demographic_parity_difference": {"fail_above": 0.10},
        "min_rows": 100_000,
    }
    assert rejected(judge(shop, fairness=gate), "fairness", "groups too small").value is None


@pytest.mark.parametrize("kind", ["noise", "missing"])
def test_robustness_rejects_a_model_that_breaks_when_disturbed(shop, rejected, kind):
    gate = {kind: 0.9, "max_drop": 0.001}
    verdict = judge(shop, robustness=gate)
    assert rejected(verdict, "robustness", f"a fall with {kind}").value > 0.001


def small(tmp_path, change):
    """A project of one candidate, changed before its training."""
    project = make_project(tmp_path / "project")
    change(project)
    files = project.files
    linear = {"line": files.model.candidates["line"]}
    files = dataclasses.replace(files, model=files.model.model_copy(update={"candidates": linear}))
    return files, train(files)


def test_robustness_rejects_noise_where_there_is_no_number(tmp_path, rejected):
    def only_a_category(project):
        project.rewrite_table(lambda table: table.drop(columns=["age", "visits"]))
        project.edit("data", "  age: {dtype: float, min: 18, max: 100, missing: 0.2}\n", "")
        project.edit("data", "  visits: {dtype: int, min: 0, max: 50}\n", "")
        project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")

    verdict = judge(small(tmp_path, only_a_category), robustness={"noise": 0.5, "max_drop": 0})
    failed = rejected(verdict, "robustness", "noise that disturbs nothing")
    assert (failed.value, "no value was disturbed" in failed.detail) == (None, True)


def test_robustness_rejects_scores_that_are_not_numbers(tmp_path, rejected):
    def no_imputer(project):
        project.edit("model", "Regression, scale", "Regression, impute: none, scale")
        project.edit("data", "max: 100, missing: 0.2", "max: 100")
        project.rewrite_table(lambda table: table.assign(age=table["age"].fillna(40.0)))

    verdict = judge(small(tmp_path, no_imputer), robustness={"missing": 0.2, "max_drop": 1.0})
    failed = rejected(verdict, "robustness", "a missing value gives NaN")
    assert "no finite score: set `impute`" in failed.detail


def test_latency_rejects_a_slow_artifact(shop, rejected):
    verdict = judge(shop, latency={"p99_ms": {"fail_above": 1e-6}})
    rejected(verdict, "latency", "predictions slower than the limit")


def test_size_rejects_a_large_artifact(shop, rejected):
    verdict = judge(shop, size={"artifact_mb": {"fail_above": 1e-6}})
    rejected(verdict, "size", "an artifact over the limit")


def test_parity_rejects_an_artifact_that_differs_from_scikit_learn(shop, rejected):
    _, bundle = shop
    moved = bundle.evidence.pipeline_scores.copy()
    moved[7] += 1e-3
    verdict = judge(shop, bundle=with_evidence(shop, pipeline_scores=moved))
    assert "1 moved" in rejected(verdict, "parity", "one score that moved").detail


def test_parity_rejects_scores_that_are_not_numbers(shop, rejected):
    _, bundle = shop
    broken = bundle.evidence.pipeline_scores.copy()
    broken[3] = np.nan
    verdict = judge(shop, bundle=with_evidence(shop, pipeline_scores=broken))
    assert rejected(verdict, "parity", "a score that is NaN").value is None


def test_no_gate_at_all_is_a_failure():
    empty = Verdict(
        model="m", artifact_sha256="0", thresholds_sha256="0", champion=None, results=[]
    )
    assert empty.status == "fail"


def test_a_verdict_survives_its_file_and_its_hash_ignores_what_varies_by_machine(shop, tmp_path):
    verdict = judge(shop, latency={"p99_ms": {"fail_above": 1000}})
    write_verdict(tmp_path / "verdict.json", verdict)
    assert read_verdict(tmp_path / "verdict.json") == verdict
    slower = [r.model_copy(update={"value": (r.value or 0) + 0.1}) for r in verdict.results]
    assert verdict.model_copy(update={"results": slower}).sha256 == verdict.sha256
    failed = [r.model_copy(update={"status": "fail"}) for r in verdict.results]
    assert verdict.model_copy(update={"results": failed}).sha256 != verdict.sha256


def test_markdown_shows_the_worst_first_and_cannot_be_broken_by_a_name(shop):
    verdict = judge(shop, metrics={"roc_auc": {"fail_below": 0.99}, "f1": {"fail_below": 0.1}})
    lines = [line for line in markdown(verdict).splitlines() if line.startswith("| ")]
    assert lines[1].startswith("| ✗")
    odd = verdict.results[0].model_copy(update={"subject": "a|b"})
    assert "a\\|b" in markdown(verdict.model_copy(update={"results": [odd]}))


def test_an_interval_that_is_missing_its_metric_is_named(shop):
    _, bundle = shop
    lock = bundle.lock.model_copy(update={"metrics": {"f1": Interval(value=1, low=1, high=1)}})
    verdict = judge(shop, bundle=dataclasses.replace(bundle, lock=lock))
    assert next(r for r in verdict.results if r.subject == "roc_auc").status == "fail"
