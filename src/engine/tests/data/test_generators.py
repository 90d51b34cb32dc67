"""The synthetic tables: the size, shape and character that their models count on."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tagship.data.generators import generate
from tagship.errors import TagshipError

SHAPES = {"churn": (7_043, 21), "fraud": (10_000, 31), "housing": (20_640, 10)}
ADD_ONS = [
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {name: generate(name, rows, 42) for name, (rows, _) in SHAPES.items()}


@pytest.mark.parametrize("name", SHAPES)
def test_a_table_has_the_size_of_the_one_it_is_modelled_on(
    tables: dict[str, pd.DataFrame], name: str
) -> None:
    assert tables[name].shape == SHAPES[name]


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_seed_gives_the_same_table(tables: dict[str, pd.DataFrame], name: str) -> None:
    assert_frame_equal(generate(name, SHAPES[name][0], 42), tables[name], check_exact=True)


@pytest.mark.parametrize("name", SHAPES)
def test_another_seed_gives_another_table(tables: dict[str, pd.DataFrame], name: str) -> None:
    assert not generate(name, SHAPES[name][0], 43).equals(tables[name])


def test_every_customer_has_an_id_of_their_own(tables: dict[str, pd.DataFrame]) -> None:
    ids = tables["churn"]["customer_id"]
    assert ids.is_unique
    assert ids[0] == "C000001"


@pytest.mark.parametrize("seed", [42, 7])
def test_between_26_and_38_percent_of_customers_churn(seed: int) -> None:
    assert 0.26 <= (generate("churn", 7_043, seed)["churn"] == "yes").mean() <= 0.38


def test_customers_without_internet_have_no_add_ons(tables: dict[str, pd.DataFrame]) -> None:
    churn = tables["churn"]
    offline = churn["internet_service"] == "none"
    assert offline.any()
    assert not churn.loc[offline, ADD_ONS].to_numpy().any()
    assert churn.loc[~offline, ADD_ONS].any().all()


def test_customers_without_a_phone_have_one_line_at_most(tables: dict[str, pd.DataFrame]) -> None:
    churn = tables["churn"]
    assert (~churn["phone_service"]).any()
    assert not churn.loc[~churn["phone_service"], "multiple_lines"].any()


def test_every_customer_has_a_phone_or_internet(tables: dict[str, pd.DataFrame]) -> None:
    churn = tables["churn"]
    assert (churn["phone_service"] | (churn["internet_service"] != "none")).all()


def test_total_charges_are_about_tenure_times_monthly(tables: dict[str, pd.DataFrame]) -> None:
    known = tables["churn"].dropna()
    ratio = known["total_charges"] / (known["tenure_months"] * known["monthly_charges"])
    assert ratio.between(0.8, 1.2).all()


def test_about_one_percent_of_total_charges_and_nothing_else_is_missing(
    tables: dict[str, pd.DataFrame],
) -> None:
    missing = tables["churn"].isna().mean()
    assert 0.005 <= missing.pop("total_charges") <= 0.015
    assert (missing == 0).all()


def test_two_in_a_thousand_payments_are_fraud(tables: dict[str, pd.DataFrame]) -> None:
    assert tables["fraud"]["class"].sum() == 20


def test_a_small_fraud_table_has_frauds_for_every_fold() -> None:
    assert generate("fraud", 500, 1)["class"].sum() == 10


def test_payments_come_in_the_order_of_time(tables: dict[str, pd.DataFrame]) -> None:
    assert tables["fraud"]["time"].is_monotonic_increasing


def test_the_largest_payments_are_far_from_the_usual(tables: dict[str, pd.DataFrame]) -> None:
    amount = tables["fraud"]["amount"]
    assert amount.max() > 50 * amount.median()


def test_house_values_pile_up_at_the_cap(tables: dict[str, pd.DataFrame]) -> None:
    value = tables["housing"]["median_house_value"]
    assert value.max() == 500_001
    assert 0.02 <= (value == 500_001).mean() <= 0.15


def test_about_one_percent_of_bedrooms_and_nothing_else_is_missing(
    tables: dict[str, pd.DataFrame],
) -> None:
    missing = tables["housing"].isna().mean()
    assert 0.005 <= missing.pop("average_bedrooms") <= 0.015
    assert (missing == 0).all()


def test_houses_near_the_ocean_cost_more(tables: dict[str, pd.DataFrame]) -> None:
    medians = tables["housing"].groupby("ocean_proximity")["median_house_value"].median()
    assert medians["near-ocean"] > 1.2 * medians["inland"]


@pytest.mark.parametrize("name", SHAPES)
def test_a_table_may_have_a_single_row(name: str) -> None:
    assert generate(name, 1, 0).shape == (1, SHAPES[name][1])


def test_an_unknown_generator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TagshipError, match="no generator 'chrun'") as refusal:
        generate("chrun", 10, 42)
    assert all(name in refusal.value.hint for name in SHAPES)
