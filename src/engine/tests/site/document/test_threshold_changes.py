"""Which way a bound moved."""

import pytest

from tagship.site.threshold_changes import effect_of


@pytest.mark.parametrize(
    ("key", "before", "after", "effect"),
    [
        ("metrics.f1.fail_below", "0.6", "0.7", "stricter"),
        ("metrics.f1.fail_below", "0.6", "0.5", "looser"),
        ("metrics.f1.fail_below", "0.6", "0.60", None),
        ("metrics.rmse.fail_above", "0.6", "0.7", "looser"),
        ("metrics.rmse.warn_above", "1e3", "900", "stricter"),
        ("metrics.f1.fail_below", "", "0.5", "stricter"),
        ("fairness.equalized_odds_difference.fail_above", "0.1", "", "looser"),
        ("performance.max_drop.f1", "0.01", "0.05", "looser"),
        ("baseline.margin", "0.1", "0.05", "looser"),
        ("metrics.f1.judge", "value", "interval", "stricter"),
        ("metrics.f1.judge", "interval", "", "looser"),
        ("champion.metric", "f1", "roc_auc", "changed"),
        ("slices.min_rows", "100", "50", "changed"),
        ("metrics.f1.fail_below", "0.6", "${BAR}", "changed"),
    ],
)
def test_a_bound_is_stricter_looser_or_otherwise_changed(
    key: str, before: str, after: str, effect: str | None
) -> None:
    assert effect_of(key, before, after) == effect
