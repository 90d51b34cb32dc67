"""The made-up data of ``housing``: the size, shape and character that the model counts on."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sources.housing import table

ROWS = 20_640


@pytest.fixture(scope="module")
def housing() -> pd.DataFrame:
    return table(ROWS)


def test_only_the_seed_decides_the_table(housing: pd.DataFrame) -> None:
    assert housing.shape == (ROWS, 12)
    assert_frame_equal(table(ROWS, seed=42), housing, check_exact=True)
    assert not table(ROWS, seed=43).equals(housing)
    assert table(1, seed=0).shape == (1, 12)


def test_counts_and_averages_of_a_district_agree(housing: pd.DataFrame) -> None:
    homes = housing["households"]
    rooms = (housing["total_rooms"] / homes - housing["average_rooms"]).abs()
    people = (housing["population"] / homes / housing["average_occupancy"] - 1).abs()
    large = homes > 100
    assert rooms[large].max() < 0.01
    assert people[large].max() < 0.01


def test_house_values_pile_up_at_the_cap(housing: pd.DataFrame) -> None:
    value = housing["median_house_value"]
    assert value.max() == 500_001
    assert 0.02 <= (value == 500_001).mean() <= 0.15


def test_about_one_percent_of_bedrooms_and_nothing_else_is_missing(
    housing: pd.DataFrame,
) -> None:
    missing = housing.isna().mean()
    assert 0.005 <= missing.pop("average_bedrooms") <= 0.015
    assert (missing == 0).all()


def test_houses_near_the_ocean_cost_more(housing: pd.DataFrame) -> None:
    medians = housing.groupby("ocean_proximity")["median_house_value"].median()
    assert medians["near-ocean"] > 1.2 * medians["inland"]
