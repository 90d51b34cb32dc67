"""The made-up data of ``churn``: the size, shape and character that the model counts on."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sources.churn import table

ROWS = 7_043
ADD_ONS = [
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
]


@pytest.fixture(scope="module")
def churn() -> pd.DataFrame:
    return table(ROWS)


def test_only_the_seed_decides_the_table(churn: pd.DataFrame) -> None:
    assert churn.shape == (ROWS, 21)
    assert_frame_equal(table(ROWS, seed=42), churn, check_exact=True)
    assert not table(ROWS, seed=43).equals(churn)
    assert table(1, seed=0).shape == (1, 21)


def test_every_customer_has_an_id_of_their_own(churn: pd.DataFrame) -> None:
    assert churn["customer_id"].is_unique
    assert churn["customer_id"][0] == "C000001"


@pytest.mark.parametrize("seed", [42, 7])
def test_between_26_and_38_percent_of_customers_churn(seed: int) -> None:
    assert 0.26 <= (table(ROWS, seed)["churn"] == "yes").mean() <= 0.38


def test_customers_without_internet_have_no_add_ons(churn: pd.DataFrame) -> None:
    offline = churn["internet_service"] == "none"
    assert offline.any()
    assert not churn.loc[offline, ADD_ONS].to_numpy().any()
    assert churn.loc[~offline, ADD_ONS].any().all()


def test_customers_without_a_phone_have_one_line_at_most(churn: pd.DataFrame) -> None:
    assert (~churn["phone_service"]).any()
    assert not churn.loc[~churn["phone_service"], "multiple_lines"].any()


def test_every_customer_has_a_phone_or_internet(churn: pd.DataFrame) -> None:
    assert (churn["phone_service"] | (churn["internet_service"] != "none")).all()


def test_total_charges_are_about_tenure_times_monthly(churn: pd.DataFrame) -> None:
    known = churn.dropna()
    ratio = known["total_charges"] / (known["tenure_months"] * known["monthly_charges"])
    assert ratio.between(0.8, 1.2).all()


def test_about_one_percent_of_total_charges_and_nothing_else_is_missing(
    churn: pd.DataFrame,
) -> None:
    missing = churn.isna().mean()
    assert 0.005 <= missing.pop("total_charges") <= 0.015
    assert (missing == 0).all()
