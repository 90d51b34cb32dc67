"""The made-up data of ``fraud``: the size, shape and character that the model counts on."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sources.fraud import table

ROWS = 10_000


@pytest.fixture(scope="module")
def fraud() -> pd.DataFrame:
    return table(ROWS)


def test_only_the_seed_decides_the_table(fraud: pd.DataFrame) -> None:
    assert fraud.shape == (ROWS, 31)
    assert_frame_equal(table(ROWS, seed=42), fraud, check_exact=True)
    assert not table(ROWS, seed=43).equals(fraud)
    assert table(1, seed=0).shape == (1, 31)


def test_two_in_a_thousand_payments_are_fraud(fraud: pd.DataFrame) -> None:
    assert fraud["class"].sum() == 20


def test_a_small_table_has_frauds_for_every_fold() -> None:
    assert table(500, seed=1)["class"].sum() == 10


def test_payments_come_in_the_order_of_time(fraud: pd.DataFrame) -> None:
    assert fraud["time"].is_monotonic_increasing


def test_the_largest_payments_are_far_from_the_usual(fraud: pd.DataFrame) -> None:
    assert fraud["amount"].max() > 50 * fraud["amount"].median()
