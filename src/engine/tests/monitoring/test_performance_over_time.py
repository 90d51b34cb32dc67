"""Performance by labels: what fails, what only warns, and what there is no data for."""

from datetime import timedelta

import numpy as np
import pytest
from prediction_logs import BINARY, NOON, REGRESSION, label, line, simulate, write

from tagship.config.thresholds import ThresholdsConfig
from tagship.monitoring.label_join import join_labels
from tagship.monitoring.labels import read_feedback
from tagship.monitoring.log_reader import read_predictions
from tagship.monitoring.performance import judge_performance
from tagship.monitoring.sample import Sample
from tagship.training.bootstrap import intervals
from tagship.training.lock import Interval

GATES = {
    "metrics": {"f1": {"fail_below": 0.1}},
    "baseline": {"metric": "f1", "margin": 0.0},
    "parity": {"max_difference": 0.1},
}


def thresholds(**sections):
    declared = {"max_drop": {"f1": 0.05}, "min_labels": 100, "window": "24h"}
    gate = declared | sections.pop("performance", {})
    return ThresholdsConfig.model_validate(GATES | {"performance": gate} | sections)


def locked(value=0.8, **others):
    values = {"f1": value} | others
    return {n: Interval(value=v, low=v - 0.01, high=v + 0.01) for n, v in values.items()}


def feed(folder, labels, process=1):
    write(folder, *(label(name, actual) for name, actual in labels), kind="feedback",
          process=process)  # fmt: skip


def judged(folder, gates=None, lock=None, boundary=BINARY, until=NOON):
    logged = read_predictions(folder, boundary, now=until)
    labelled = join_labels(logged, read_feedback(folder, now=until), boundary)
    lock = locked() if lock is None else lock
    return judge_performance(boundary, logged, labelled, gates or thresholds(), lock, until)


def test_the_metrics_are_the_locks_own_formulas(tmp_path):
    feed(tmp_path, simulate(tmp_path, 400))
    found = judged(tmp_path)
    logged = read_predictions(tmp_path, BINARY, now=NOON)
    labelled = join_labels(logged, read_feedback(tmp_path, now=NOON), BINARY)
    expected = intervals("binary", labelled.target, logged.scores)
    assert {m.metric for m in found.metrics} == set(expected) >= {"brier", "calibration_error"}
    for metric in found.metrics:
        interval = expected[metric.metric]
        assert (metric.value, metric.low, metric.high) == (
            interval.value, interval.low, interval.high,
        )  # fmt: skip


def test_a_model_as_good_as_its_lock_is_ok(tmp_path):
    feed(tmp_path, simulate(tmp_path, 2000))
    found = judged(tmp_path)
    assert (found.status, found.reasons) == ("ok", [])
    first = found.metrics[0]
    assert (first.metric, first.locked, first.limit) == ("f1", 0.8, 0.75)
    assert first.low < first.value < first.high
    assert found.judged.labelled == found.judged.rows == 2000


def test_a_confident_drop_fails_and_names_the_figures(tmp_path):
    feed(tmp_path, simulate(tmp_path, 2000, flipped=0.3))
    found = judged(tmp_path)
    assert found.status == "fail"
    assert found.metrics[0].high < found.metrics[0].limit
    [reason] = found.reasons
    assert reason.startswith("f1 is 0.")
    assert "under 0.75 (the lock's is 0.8) over 2,000 labelled predictions" in reason


def test_a_drop_that_may_be_chance_only_warns(tmp_path):
    feed(tmp_path, simulate(tmp_path, 120, flipped=0.1))
    found = judged(tmp_path, lock=locked(0.85))
    first = found.metrics[0]
    assert first.value < first.limit < first.high
    assert found.status == "warn"
    assert "which may be chance" in found.reasons[0]


def test_a_drop_within_what_is_allowed_is_ok(tmp_path):
    feed(tmp_path, simulate(tmp_path, 2000, flipped=0.3))
    assert judged(tmp_path, thresholds(performance={"max_drop": {"f1": 0.5}})).status == "ok"


def test_a_metric_that_is_better_low_drops_upwards(tmp_path):
    feed(tmp_path, simulate(tmp_path, 2000, flipped=0.3))
    gates = thresholds(performance={"max_drop": {"brier": 0.05}})
    found = judged(tmp_path, gates, locked(brier=0.12))
    assert found.status == "fail"
    assert found.metrics[0].low > found.metrics[0].limit == pytest.approx(0.17)
    assert "over 0.17" in found.reasons[0]
    assert judged(tmp_path, gates, locked(brier=0.9)).status == "ok"


def test_too_few_labels_are_no_data(tmp_path):
    labels = simulate(tmp_path, 500)
    feed(tmp_path, labels[:99])
    found = judged(tmp_path)
    assert found.status == "no data"
    assert found.reasons == ["at most 99 labelled predictions in a window of 24h; 100 are needed"]
    assert found.judged is None
    assert [(m.metric, m.value, m.status) for m in found.metrics] == [("f1", None, "no data")]
    assert (found.windows[0].rows, found.windows[0].labelled) == (500, 99)


def test_no_labels_and_no_predictions_are_no_data(tmp_path):
    assert judged(tmp_path / "none").status == "no data"
    simulate(tmp_path, 200)
    assert judged(tmp_path).status == "no data"
    by_number = thresholds(performance={"window": 100})
    assert judged(tmp_path, by_number).status == "no data"


def test_a_metric_without_a_lock_or_a_value_is_no_data(tmp_path):
    labels = simulate(tmp_path, 300)
    feed(tmp_path, [(name, "yes") for name, _ in labels])
    gates = thresholds(performance={"max_drop": {"roc_auc": 0.1}})
    found = judged(tmp_path, gates, locked(roc_auc=0.9))
    assert (found.status, found.reasons) == ("no data", ["roc_auc: it is undefined here"])
    assert found.metrics[0].value is None
    found = judged(tmp_path, thresholds(), {})
    assert (found.status, found.reasons) == ("no data", ["f1: the lock has no such metric"])


def test_a_metric_that_most_resamples_cannot_define_is_none(tmp_path):
    """One positive label: a third of the resamples lack it."""
    names = [name for name, _ in simulate(tmp_path, 120)]
    feed(tmp_path, [(name, "yes" if at == 7 else "no") for at, name in enumerate(names)])
    logged = read_predictions(tmp_path, BINARY, now=NOON)
    labelled = join_labels(logged, read_feedback(tmp_path, now=NOON), BINARY)
    sample = Sample.of(BINARY, logged, labelled)
    assert (len(sample), int(sample.target.sum())) == (120, 1)
    assert sample.metric("roc_auc") is None
    assert sample.metric("accuracy") is not None


def test_the_newest_window_with_enough_labels_is_judged(tmp_path):
    """Labels are late: what was asked today has few, what was asked yesterday is judged."""
    today = simulate(tmp_path, 300, seed=1)
    yesterday = simulate(tmp_path, 1000, seed=2, flipped=0.4, end=NOON - timedelta(days=1))
    simulate(tmp_path, 300, seed=3, end=NOON - timedelta(days=3))
    feed(tmp_path, [*today[:50], *yesterday])
    found = judged(tmp_path)
    assert [(w.rows, w.labelled) for w in found.windows] == [(300, 0), (1000, 1000), (300, 50)]
    assert found.judged == found.windows[1]
    assert found.judged.since == "2026-11-19T12:00:00Z"
    assert found.judged.until == "2026-11-20T12:00:00Z"
    assert [bool(w.metrics) for w in found.windows] == [False, True, False]
    assert found.status == "fail"


def test_windows_by_number_hold_the_newest_labels(tmp_path):
    good = simulate(tmp_path, 500, seed=1, end=NOON - timedelta(days=2))
    bad = simulate(tmp_path, 500, seed=2, flipped=0.5)
    feed(tmp_path, [*good, *bad])
    found = judged(tmp_path, thresholds(performance={"window": 400}))
    assert [w.labelled for w in found.windows] == [200, 400, 400]
    assert found.status == "fail"
    assert [round(w.metrics["f1"].value, 1) for w in found.windows] == [0.8, 0.7, 0.5]


def test_windows_go_back_only_so_far(tmp_path):
    feed(tmp_path, simulate(tmp_path, 1000, hours=24 * 20))
    found = judged(tmp_path, thresholds(performance={"min_labels": 10}))
    assert len(found.windows) == 6
    assert found.windows[0].since == "2026-11-15T12:00:00Z"


def test_a_bad_group_fails_by_name_and_a_small_one_is_only_listed(tmp_path):
    labels = simulate(tmp_path, 3000)
    logged = read_predictions(tmp_path, BINARY, now=NOON)
    free = logged.columns["plan"] == 0
    worse = {logged.requests[logged.request[at]] for at in np.flatnonzero(free)}
    turned = {"yes": "no", "no": "yes"}
    feed(tmp_path, [(n, turned[a] if n in worse else a) for n, a in labels])
    slices = {"by": ["plan", "member", "gone"], "metric": "accuracy", "min_rows": 100}
    gates = thresholds(performance={"max_drop": {"f1": 1.0}}, slices=slices | {"fail_below": 0.6})
    found = judged(tmp_path, gates)
    by_group = {(s.column, s.group): s for s in found.slices}
    assert by_group["plan", "free"].status == "fail"
    assert by_group["plan", "plus"].status == by_group["plan", "3"].status == "ok"
    assert by_group["gone", "(not logged)"].status is None
    assert found.status == found.slices_status == "fail"
    assert "where plan = free" in found.reasons[0]

    apart = thresholds(performance={"max_drop": {"f1": 1.0}}, slices=slices | {"max_gap": 0.3})
    found = judged(tmp_path, apart)
    assert found.status == found.slices_status == "fail"
    assert "between plan = free and" in found.reasons[0]

    large = slices | {"fail_below": 0.6, "min_rows": 2000}
    found = judged(tmp_path, thresholds(performance={"max_drop": {"f1": 1.0}}, slices=large))
    assert {s.status for s in found.slices if s.column == "plan"} == {None}
    assert found.slices_status == "ok"  # member's groups are large enough


def test_outcomes_are_priced(tmp_path):
    answers = [("yes", 0.9), ("yes", 0.9), ("no", 0.1), ("no", 0.1)] * 30
    lines = [
        line(response={"prediction": p, "probability": s}, request_id=str(n))
        for n, (p, s) in enumerate(answers)
    ]
    write(tmp_path, *lines)
    feed(tmp_path, [(str(n), ["yes", "no"][n % 2]) for n in range(len(answers))])
    prices = {
        "true_positive": 100.0, "false_positive": -10.0, "false_negative": -50.0,
        "true_negative": 1.0,
    }  # fmt: skip
    found = judged(tmp_path, thresholds(performance={"max_drop": {"f1": 1.0}}, value=prices)).value
    assert found.total == 30 * (100 - 10 - 50 + 1)
    assert found.mean == pytest.approx(10.25)
    assert found.low < 10.25 < found.high


def test_regression_is_judged_by_its_errors(tmp_path):
    random = np.random.default_rng(0)
    asked = random.normal(100, 20, 300)
    write(
        tmp_path,
        *(line(response={"prediction": v}, request_id=str(n)) for n, v in enumerate(asked)),
    )
    feed(tmp_path, [(str(n), float(v + random.normal(0, 10))) for n, v in enumerate(asked)])
    gates = thresholds(performance={"max_drop": {"rmse": 2.0}})
    gates = gates.model_copy(update={"slices": None})
    assert judged(tmp_path, gates, locked(rmse=9.0), REGRESSION).status == "ok"
    assert judged(tmp_path, gates, locked(rmse=4.0), REGRESSION).status == "fail"
