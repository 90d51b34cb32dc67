"""Made-up data of the example ``housing``, after Pace and Barry (1997) (20,640 x 12).

The census counts people, homes and rooms; the averages are those of a home.

Everything is rounded before it is returned: the last bits of ``exp`` and ``log`` differ between
processors, and a lock must not.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

_CAP = 500_001.0  # in dollars; the census counted no further

# Latitude, longitude, spread in degrees, share of districts, appeal (log of price).
_TOWNS = np.array(
    [
        (34.05, -118.20, 0.28, 0.33, 0.10),  # Los Angeles
        (37.70, -122.20, 0.25, 0.20, 0.28),  # San Francisco Bay
        (32.80, -117.05, 0.18, 0.10, 0.05),  # San Diego
        (37.35, -121.90, 0.15, 0.08, 0.24),  # San José
        (38.55, -121.45, 0.30, 0.09, -0.12),  # Sacramento
        (36.75, -119.75, 0.45, 0.08, -0.28),  # Fresno
        (34.00, -117.30, 0.35, 0.07, -0.15),  # Riverside
        (40.40, -122.30, 0.80, 0.05, -0.30),  # the north
    ]
)
_COAST_LATITUDE = (32.5, 33.7, 34.0, 34.5, 35.4, 36.6, 37.8, 38.9, 40.4, 42.0)
_COAST_LONGITUDE = (-117.1, -118.2, -118.5, -120.5, -120.9, -121.9, -122.5, -123.7, -124.4, -124.2)
_BAY = (37.75, -122.25)


def table(rows: int, seed: int = 42) -> pd.DataFrame:
    """Districts of a census in California; equal arguments give equal tables on every machine."""
    rng = np.random.default_rng(seed)
    town = _TOWNS[rng.choice(len(_TOWNS), rows, p=_TOWNS[:, 3] / _TOWNS[:, 3].sum())]
    latitude = (town[:, 0] + rng.normal(0, town[:, 2])).clip(32.5, 42.0)
    coast = np.interp(latitude, _COAST_LATITUDE, _COAST_LONGITUDE)
    inland = np.abs(town[:, 1] + rng.normal(0, town[:, 2]) - coast)  # a place at sea moves ashore
    longitude = (coast + inland).clip(-124.4, -114.3)
    from_bay = np.hypot(latitude - _BAY[0], longitude - _BAY[1])
    proximity = np.select(
        [from_bay < 0.3, inland < 0.1, inland < 0.8],
        ["near-bay", "near-ocean", "hour-to-ocean"],
        "inland",
    )

    age = rng.gamma(4.0, 7.0, rows).clip(1, 52).round()
    income = np.exp(rng.normal(1.25 + 0.4 * town[:, 4], 0.42)).clip(0.5, 15)
    rooms = (3.2 + 0.55 * income - 0.01 * age + rng.gamma(2.0, 0.45, rows)).clip(1, 40)
    bedrooms = (rooms * rng.normal(0.235 - 0.006 * income, 0.02)).clip(0.4, 10)
    occupancy = (1.3 + rng.gamma(4.0, 0.4, rows)).clip(1, 12)
    population = np.exp(rng.normal(7.0, 0.7, rows)).clip(3, 35_000).round()
    households = (population / occupancy).round().clip(1)

    shore = np.exp(-4 * inland)
    price = 10.6 + town[:, 4] * np.exp(-2 * np.hypot(latitude - town[:, 0], longitude - town[:, 1]))
    price += 0.95 * np.log(income) + 0.35 * shore + 0.06 * shore * income
    price += 0.35 * np.log(rooms / occupancy) - 1.8 * (bedrooms / rooms - 0.2)
    price += 0.00012 * (age - 28) ** 2  # both the new and the old are sought after
    value = np.exp(price + rng.normal(0, 0.25, rows))
    bedrooms[_flags(rng, rows, 0.01)] = np.nan
    return pd.DataFrame(
        {
            "median_income": income.round(4),
            "house_age": age.astype(np.int64),
            "average_rooms": rooms.round(3),
            "average_bedrooms": bedrooms.round(3),
            "population": population.astype(np.int64),
            "households": households.astype(np.int64),
            "total_rooms": (rooms * households).round().astype(np.int64),
            "average_occupancy": occupancy.round(3),
            "latitude": latitude.round(2),
            "longitude": longitude.round(2),
            "ocean_proximity": proximity,
            "median_house_value": value.clip(15_000).round(-2).clip(max=_CAP),
        }
    )


def _flags(rng: Generator, rows: int, share: float) -> NDArray[np.bool_]:
    """One flag a row, true with that probability."""
    return rng.random(rows) < share
