"""Every statistic against scipy and Evidently on the same data; each difference is explained."""

import numpy as np
import pytest
from peer_evidently import category_profile, evidently_values, number_profile
from scipy import stats

from tagship.monitoring import drift_statistics
from tagship.monitoring.drift_statistics import Distribution
from tagship.monitoring.evidently_report import sample

KNOWN = ("a", "b", "c", "d", "e")


def numbers(seed: int, rows: int, shift: float = 0.0, digits: int = 1) -> np.ndarray:
    """Up to 256 different values, so that a profile keeps each of them."""
    return np.random.default_rng(seed).normal(50 + shift, 8, rows).clip(10, 90).round(digits)


def choices(seed: int, rows: int, shares: tuple[float, ...]) -> list[str]:
    return np.random.default_rng(seed).choice(KNOWN, rows, p=shares).tolist()


def counted(values: list[str]) -> np.ndarray:
    return np.array([values.count(name) for name in KNOWN], dtype=float)


def of(values: np.ndarray) -> Distribution:
    return Distribution.of(number_profile(values))


@pytest.mark.slow
def test_the_same_data_gives_evidentlys_numbers() -> None:
    """20,000 rows: wide and narrow numbers, many and few values, categories."""
    rows = 20_000
    then = {
        "wide": numbers(1, rows, digits=0) * 1000,
        "same": numbers(2, rows, digits=0),
        "tested": numbers(3, rows, digits=0),
        "few": np.random.default_rng(4).poisson(3, rows).clip(0, 12).astype(float),
        "few again": np.random.default_rng(5).poisson(3, rows).clip(0, 12).astype(float),
        "letter": choices(6, rows, (0.4, 0.3, 0.2, 0.1, 0.0)),
        "letter again": choices(7, rows, (0.4, 0.3, 0.2, 0.1, 0.0)),
    }
    now = {
        "wide": numbers(11, rows, 2.4, digits=0) * 1000,
        "same": numbers(12, rows, digits=0),
        "tested": numbers(13, rows, 0.1, digits=0),
        "few": np.random.default_rng(14).poisson(3.3, rows).clip(0, 14).astype(float),
        "few again": np.random.default_rng(15).poisson(3.3, rows).clip(0, 14).astype(float),
        "letter": choices(16, rows, (0.3, 0.3, 0.2, 0.15, 0.05)),
        "letter again": choices(17, rows, (0.3, 0.3, 0.2, 0.15, 0.05)),
    }
    peer = evidently_values(
        then,
        now,
        {
            "wide": "wasserstein",
            "same": "wasserstein",
            "tested": "ks",
            "few": "psi",
            "few again": "jensenshannon",
            "letter": "psi",
            "letter again": "jensenshannon",
        },
    )
    ordered = {name: np.sort(now[name]) for name in ("wide", "same", "tested", "few", "few again")}
    gap = drift_statistics.largest_gap(of(then["tested"]), ordered["tested"])
    ours = {
        "wide": drift_statistics.wasserstein(of(then["wide"]), ordered["wide"]),
        "same": drift_statistics.wasserstein(of(then["same"]), ordered["same"]),
        "tested": drift_statistics.ks_p_value(gap, rows, rows),
        "few": drift_statistics.psi(*drift_statistics.binned(of(then["few"]), ordered["few"])),
        "few again": drift_statistics.jensen_shannon(
            *drift_statistics.binned(of(then["few again"]), ordered["few again"])
        ),
        "letter": drift_statistics.psi(counted(then["letter"]), counted(now["letter"])),
        "letter again": drift_statistics.jensen_shannon(
            counted(then["letter again"]), counted(now["letter again"])
        ),
    }
    assert ours == pytest.approx(peer, abs=1e-6)
    assert ours["wide"] > 0.2
    assert 0 < ours["tested"] < 1


def test_missing_values_are_left_out_as_evidently_does() -> None:
    then, now = numbers(1, 3000, digits=0), numbers(2, 3000, 2, digits=0)
    then[::7], now[::3] = np.nan, np.nan
    peer = evidently_values({"x": then}, {"x": now}, {"x": "wasserstein"})
    ours = drift_statistics.wasserstein(of(then), np.sort(now[~np.isnan(now)]))
    assert ours == pytest.approx(peer["x"], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_is_scipys_and_the_p_value_its_asymptotic_one(seed: int) -> None:
    """Evidently takes scipy's exact p-value up to 10,000 rows a side: the statistic is the same."""
    then = numbers(seed, 700, digits=0)
    now = np.sort(numbers(seed + 50, 400, seed / 2, digits=0))
    gap = drift_statistics.largest_gap(of(then), now)
    peer = stats.ks_2samp(then, now, method="asymp")
    assert gap == pytest.approx(peer.statistic, abs=1e-12)
    assert drift_statistics.ks_p_value(gap, 700, 400) == pytest.approx(peer.pvalue, abs=1e-12)
    exact = stats.ks_2samp(then, now, method="exact").pvalue
    assert drift_statistics.ks_p_value(gap, 700, 400) == pytest.approx(exact, abs=0.03)


def test_a_profile_of_many_different_values_costs_little() -> None:
    """128 points instead of 20,000 values: the only difference from the same formula on all."""
    random = np.random.default_rng(9)
    for values in (
        random.normal(size=20_000),
        random.lognormal(0, 2, 20_000),
        np.where(random.random(20_000) < 0.4, 0.0, random.exponential(5, 20_000)),
    ):
        now = np.sort(random.permutation(values)[:5000] * 1.1)
        profile = of(values)
        assert len(profile.points) <= 128
        spread = values.std()
        whole = stats.wasserstein_distance(values, now) / spread
        assert drift_statistics.wasserstein(profile, now) == pytest.approx(whole, abs=2e-3)
        gap = stats.ks_2samp(values, now, method="asymp").statistic
        assert drift_statistics.largest_gap(profile, now) == pytest.approx(gap, abs=2e-3)


def test_psi_of_many_values_differs_from_evidentlys_by_its_bins_alone() -> None:
    """Ours end at the reference's deciles. Evidently cuts the range of both samples together into
    equal parts (Sturges), so one outlier leaves a single full bin, and the drift is not seen."""
    then, now = numbers(1, 4000, digits=6), numbers(2, 4000, 4, digits=6)
    edges = np.histogram_bin_edges(np.concatenate([then, now]), bins="sturges")
    theirs, ours = (np.histogram(values, edges)[0].astype(float) for values in (then, now))
    peer = evidently_values({"x": then}, {"x": now}, {"x": "psi"})["x"]
    assert drift_statistics.psi(theirs, ours) == pytest.approx(peer, abs=1e-6)
    assert drift_statistics.psi(*drift_statistics.binned(of(then), np.sort(now))) > 0.2
    now[0] = 1e9
    blind = evidently_values({"x": then}, {"x": now}, {"x": "psi"})["x"]
    assert blind < 0.01
    assert drift_statistics.psi(*drift_statistics.binned(of(then), np.sort(now))) > 0.2


def test_chi_square_knows_that_the_reference_is_a_sample_too() -> None:
    """Evidently takes the reference's shares for the truth. With a reference so large that they
    are, its p-value is ours; with one as small as the data, it calls chance drift."""
    then = choices(1, 500, (0.4, 0.3, 0.2, 0.1, 0.0))
    now = choices(2, 500, (0.34, 0.33, 0.2, 0.13, 0.0))
    contingency = np.array([counted(then)[:4], counted(now)[:4]])
    ours = drift_statistics.chi_square_p_value(counted(then), counted(now))
    assert ours == pytest.approx(stats.chi2_contingency(contingency, correction=False)[1], abs=1e-9)
    peer = evidently_values({"x": then}, {"x": now}, {"x": "chisquare"})["x"]
    assert drift_statistics.chi_square_p_value(counted(then) * 1e9, counted(now)) == pytest.approx(
        peer, abs=1e-6
    )
    assert peer < ours


def test_bins_end_at_deciles_and_hold_every_value_once() -> None:
    then, now = numbers(3, 5000, digits=6), np.sort(numbers(4, 777, 1, digits=6))
    theirs, ours = drift_statistics.binned(of(then), now)
    assert theirs.sum() == pytest.approx(5000)
    assert ours.sum() == 777
    assert len(theirs) == drift_statistics.BINS
    assert (np.abs(theirs / 5000 - 0.1) < 0.01).all()


def test_one_value_that_outweighs_a_decile_makes_fewer_bins() -> None:
    then = np.where(np.random.default_rng(1).random(3000) < 0.6, 0.0, numbers(5, 3000, digits=6))
    theirs, ours = drift_statistics.binned(of(then), np.sort(then))
    assert theirs == pytest.approx(ours)
    assert len(theirs) < drift_statistics.BINS
    assert drift_statistics.psi(theirs, ours) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("share", [0.15, 0.5, 0.9, 0.95, 0.99])
def test_a_value_that_fills_deciles_is_a_bin_at_either_end(sign: int, share: float) -> None:
    """Nearly every value is the largest, or the smallest: leaving it for either side is seen."""
    rows = 4000
    many = int(rows * share)
    then = sign * np.concatenate([numbers(1, rows - many, digits=6), np.full(many, 100.0)])
    assert drift_statistics.psi(*drift_statistics.binned(of(then), np.sort(then))) == pytest.approx(
        0, abs=1e-9
    )
    for elsewhere in (0.0, 200.0):
        theirs, ours = drift_statistics.binned(of(then), np.full(500, sign * elsewhere))
        assert (theirs.sum(), ours.sum()) == (pytest.approx(rows), 500)
        assert pytest.approx(many) in theirs.tolist()
        assert drift_statistics.psi(theirs, ours) > 5
        assert drift_statistics.jensen_shannon(theirs, ours) > 0.7
    if share >= 0.9:
        a, b = np.array([1 - share, share]), np.array([1.0, 1e-4])
        by_hand = ((a - b) * np.log(a / b)).sum()
        left = drift_statistics.binned(of(then), np.full(500, 0.0))
        assert drift_statistics.psi(*left) == pytest.approx(by_hand, abs=1e-6)


def test_a_constant_column_has_no_distance_from_itself_and_some_from_another() -> None:
    constant = of(np.full(300, 7.0))
    assert drift_statistics.wasserstein(constant, np.full(50, 7.0)) == 0
    assert drift_statistics.largest_gap(constant, np.full(50, 7.0)) == 0
    assert drift_statistics.wasserstein(constant, np.full(50, 7.5)) > 100
    assert drift_statistics.largest_gap(constant, np.full(50, 7.5)) == 1
    assert drift_statistics.psi(*drift_statistics.binned(constant, np.full(50, 7.0))) == 0
    assert drift_statistics.psi(*drift_statistics.binned(constant, np.full(50, 7.5))) > 5


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("none", [0.01, 0.04, 0.03, 0.5]),
        ("bonferroni", [0.04, 0.16, 0.12, 1.0]),
        ("benjamini_hochberg", [0.04, 0.16 / 3, 0.16 / 3, 0.5]),
    ],
)
def test_corrections_are_the_textbooks(correction: str, expected: list[float]) -> None:
    found = drift_statistics.adjusted(np.array([0.01, 0.04, 0.03, 0.5]), correction)
    assert found.tolist() == pytest.approx(expected)


def test_a_category_profile_counts_what_the_contract_allows() -> None:
    profile = category_profile(["a", "b", "a"], KNOWN)
    assert dict(zip(profile.values, profile.counts, strict=True))["a"] == 2
    assert sum(profile.counts) == 3


def test_the_rows_that_evidentlys_report_is_given_have_the_references_distribution() -> None:
    values = np.where(np.arange(3000) % 10, numbers(3, 3000, digits=6), np.nan)
    drawn = sample(number_profile(values), 2000)
    assert np.isnan(drawn).sum() == 200
    peer = stats.ks_2samp(drawn[~np.isnan(drawn)], values[~np.isnan(values)])
    assert peer.statistic < 0.005
    letters = sample(category_profile(["a"] * 30 + ["b"] * 70, KNOWN), 1000)
    assert (letters == "a").sum() == 30
    assert set(letters) == {"a", "b"}
