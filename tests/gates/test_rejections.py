"""Every gate rejects, judged by the real evaluator on a real trained model."""

import dataclasses

import numpy as np
import pytest

from tagship.config.project_files import find_root, load_model
from tagship.config.thresholds import ThresholdsConfig
from tagship.errors import TagshipError
from tagship.gates.evaluate import ChampionScores, Scored, evaluate_gates
from tagship.gates.verdict import Verdict, markdown, read_verdict, write_verdict
from tagship.training.lock import Interval
from tagship.training.train import train

PASSING = {
    "metrics": {"roc_auc": {"fail_below": 0.6}},
    "baseline": {"metric": "f1", "margin": 0.01},
    "parity": {"max_difference": 1e-5},
}


@pytest.fixture(scope="module")
def churn():
    files = load_model(find_root(), "churn")
    linear = {"logistic_regression": files.model.candidates["logistic_regression"]}
    files = dataclasses.replace(files, model=files.model.model_copy(update={"candidates": linear}))
    return files, train(files)


def judge(churn, against=None, bundle=None, **sections):
    files, trained = churn
    thresholds = ThresholdsConfig.model_validate({**PASSING, **sections})
    return evaluate_gates(
        dataclasses.replace(files, thresholds=thresholds), bundle or trained, against
    )


def with_evidence(churn, **changes):
    _, bundle = churn
    evidence = dataclasses.replace(bundle.evidence, **changes)
    return dataclasses.replace(bundle, evidence=evidence)


def test_a_good_model_passes(churn):
    assert judge(churn).status == "pass"


def test_metrics_reject_a_low_value(churn, rejected):
    verdict = judge(churn, metrics={"roc_auc": {"fail_below": 0.99}})
    assert rejected(verdict, "metrics", "a metric below its limit").value < 0.99


def test_metrics_reject_a_high_error(churn, rejected):
    verdict = judge(churn, metrics={"log_loss": {"fail_above": 0.01}})
    rejected(verdict, "metrics", "an error above its limit")


def test_metrics_reject_on_the_interval_what_the_value_would_pass(churn, rejected):
    _, bundle = churn
    found = bundle.lock.metrics["roc_auc"]
    between = (found.low + found.value) / 2
    assert judge(churn, metrics={"roc_auc": {"fail_below": between}}).status == "pass"
    verdict = judge(churn, metrics={"roc_auc": {"fail_below": between, "judge": "interval"}})
    rejected(verdict, "metrics", "an interval that reaches below the limit")


def test_metrics_reject_a_metric_that_is_missing(churn, rejected):
    _files, bundle = churn
    metrics = {k: v for k, v in bundle.lock.metrics.items() if k != "roc_auc"}
    lock = bundle.lock.model_copy(update={"metrics": metrics})
    verdict = judge(churn, bundle=dataclasses.replace(bundle, lock=lock))
    assert rejected(verdict, "metrics", "a missing metric").value is None


def test_metrics_warn_between_the_two_limits(churn):
    verdict = judge(churn, metrics={"roc_auc": {"fail_below": 0.6, "warn_below": 0.99}})
    assert verdict.status == "warn"


def test_baseline_rejects_a_model_no_better_than_a_constant(churn, rejected):
    _, bundle = churn
    constant = np.full_like(bundle.evidence.scores, 1.0)
    verdict = judge(churn, bundle=with_evidence(churn, scores=constant))
    rejected(verdict, "baseline", "a model that is no better than a constant")


def champion(churn, scores):
    files, _ = churn
    return ChampionScores("churn/v1.0.0", lambda: Scored(scores, files.model.threshold))


def test_champion_rejects_a_model_that_is_worse_on_the_same_rows(churn, rejected):
    _, bundle = churn
    perfect = bundle.evidence.target * 0.9 + 0.05
    gate = {"metric": "roc_auc", "max_drop": 0.01}
    verdict = judge(churn, champion(churn, perfect), champion=gate)
    assert rejected(verdict, "champion", "a model worse than the champion").value > 0.01
    assert verdict.champion == "churn/v1.0.0"


def test_champion_rejects_when_it_cannot_be_scored(churn, rejected):
    def broken():
        raise TagshipError("its artifact is gone")

    gate = {"metric": "roc_auc", "max_drop": 0.01}
    verdict = judge(churn, ChampionScores("churn/v1.0.0", broken), champion=gate)
    assert "its artifact is gone" in rejected(verdict, "champion", "a lost champion").detail


def test_champion_passes_an_equal_model_and_warns_of_a_drop_that_may_be_chance(churn):
    _, bundle = churn
    own = bundle.evidence.scores
    gate = {"metric": "roc_auc", "max_drop": 0.01}
    assert judge(churn, champion(churn, own), champion=gate).status == "pass"
    rng = np.random.default_rng(0)
    better = own + 0.02 * (bundle.evidence.target - 0.5) * (rng.random(len(own)) < 0.5)
    tight = {"metric": "accuracy", "max_drop": 0.0, "alpha": 1e-6}
    verdict = judge(churn, champion(churn, better), champion=tight)
    drop = next(r for r in verdict.results if r.gate == "champion")
    assert drop.value > 0
    assert drop.status == "warn"


def test_champion_without_a_test_rejects_any_drop(churn, rejected):
    _, bundle = churn
    rng = np.random.default_rng(0)
    better = bundle.evidence.scores + 0.02 * (bundle.evidence.target - 0.5) * (
        rng.random(len(bundle.evidence.scores)) < 0.5
    )
    gate = {"metric": "accuracy", "max_drop": 0.0, "test": "none"}
    verdict = judge(churn, champion(churn, better), champion=gate)
    rejected(verdict, "champion", "any drop, with test: none")


def test_slices_reject_a_weak_group(churn, rejected):
    gate = {"by": ["contract"], "metric": "accuracy", "fail_below": 0.99, "min_rows": 50}
    rejected(judge(churn, slices=gate), "slices", "a group below the limit")


def test_slices_reject_a_wide_gap(churn, rejected):
    gate = {"by": ["contract"], "metric": "accuracy", "max_gap": 0.01, "min_rows": 50}
    rejected(judge(churn, slices=gate), "slices", "a gap between groups")


def test_slices_reject_when_every_group_is_too_small(churn, rejected):
    gate = {"by": ["contract"], "metric": "accuracy", "max_gap": 0.5, "min_rows": 100_000}
    assert rejected(judge(churn, slices=gate), "slices", "only small groups").value is None


def test_fairness_rejects_decisions_that_follow_the_group(churn, rejected):
    _, bundle = churn
    by_group = (bundle.evidence.groups["gender"] == "female").astype(float)
    gate = {"by": "gender", "demographic_parity_difference": {"fail_above": 0.10}}
    verdict = judge(churn, bundle=with_evidence(churn, scores=by_group), fairness=gate)
    assert rejected(verdict, "fairness", "decisions that follow gender").value == 1.0
    gate = {"by": "gender", "equalized_odds_difference": {"fail_above": 0.10}}
    verdict = judge(churn, bundle=with_evidence(churn, scores=by_group), fairness=gate)
    rejected(verdict, "fairness", "error rates that follow gender")


def test_fairness_rejects_when_only_one_group_is_large_enough(churn, rejected):
    gate = {
        "by": "gender",
        "demographic_parity_difference": {"fail_above": 0.10},
        "min_rows": 100_000,
    }
    assert rejected(judge(churn, fairness=gate), "fairness", "groups too small").value is None


@pytest.mark.parametrize("kind", ["noise", "missing"])
def test_robustness_rejects_a_model_that_breaks_when_disturbed(churn, rejected, kind):
    gate = {kind: 0.9, "max_drop": 0.001}
    verdict = judge(churn, robustness=gate)
    assert rejected(verdict, "robustness", f"a fall with {kind}").value > 0.001


def test_latency_rejects_a_slow_artifact(churn, rejected):
    verdict = judge(churn, latency={"p99_ms": {"fail_above": 1e-6}})
    rejected(verdict, "latency", "predictions slower than the limit")


def test_size_rejects_a_large_artifact(churn, rejected):
    verdict = judge(churn, size={"artifact_mb": {"fail_above": 1e-6}})
    rejected(verdict, "size", "an artifact over the limit")


def test_parity_rejects_an_artifact_that_differs_from_scikit_learn(churn, rejected):
    _, bundle = churn
    moved = bundle.evidence.pipeline_scores.copy()
    moved[7] += 1e-3
    verdict = judge(churn, bundle=with_evidence(churn, pipeline_scores=moved))
    assert "1 moved" in rejected(verdict, "parity", "one score that moved").detail


def test_parity_rejects_scores_that_are_not_numbers(churn, rejected):
    _, bundle = churn
    broken = bundle.evidence.pipeline_scores.copy()
    broken[3] = np.nan
    verdict = judge(churn, bundle=with_evidence(churn, pipeline_scores=broken))
    assert rejected(verdict, "parity", "a score that is NaN").value is None


def test_no_gate_at_all_is_a_failure():
    empty = Verdict(
        model="m", artifact_sha256="0", thresholds_sha256="0", champion=None, results=[]
    )
    assert empty.status == "fail"


def test_a_verdict_survives_its_file_and_its_hash_ignores_what_varies_by_machine(churn, tmp_path):
    verdict = judge(churn, latency={"p99_ms": {"fail_above": 1000}})
    write_verdict(tmp_path / "verdict.json", verdict)
    assert read_verdict(tmp_path / "verdict.json") == verdict
    slower = [r.model_copy(update={"value": (r.value or 0) + 0.1}) for r in verdict.results]
    assert verdict.model_copy(update={"results": slower}).sha256 == verdict.sha256
    failed = [r.model_copy(update={"status": "fail"}) for r in verdict.results]
    assert verdict.model_copy(update={"results": failed}).sha256 != verdict.sha256


def test_markdown_shows_the_worst_first_and_cannot_be_broken_by_a_name(churn):
    verdict = judge(churn, metrics={"roc_auc": {"fail_below": 0.99}, "f1": {"fail_below": 0.1}})
    lines = [line for line in markdown(verdict).splitlines() if line.startswith("| ")]
    assert lines[1].startswith("| ✗")
    odd = verdict.results[0].model_copy(update={"subject": "a|b"})
    assert "a\\|b" in markdown(verdict.model_copy(update={"results": [odd]}))


def test_an_interval_that_is_missing_its_metric_is_named(churn):
    _, bundle = churn
    lock = bundle.lock.model_copy(update={"metrics": {"f1": Interval(value=1, low=1, high=1)}})
    verdict = judge(churn, bundle=dataclasses.replace(bundle, lock=lock))
    assert next(r for r in verdict.results if r.subject == "roc_auc").status == "fail"
