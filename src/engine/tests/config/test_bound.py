"""A bound in words."""

import pytest

from tagship.config.bound import Bound


@pytest.mark.parametrize(
    ("bound", "limit", "limits"),
    [
        (Bound(fail_below=0.8), "≥ 0.8", "≥ 0.8"),
        (Bound(fail_below=0.8, warn_below=0.82), "≥ 0.8", "≥ 0.8 (warn < 0.82)"),
        (Bound(fail_above=20, warn_above=1e-5), "≤ 20", "≤ 20 (warn > 1e-05)"),
    ],
)
def test_limits_in_words(bound: Bound, limit: str, limits: str) -> None:
    assert (bound.limit, bound.limits) == (limit, limits)
