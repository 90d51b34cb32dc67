"""Seeded tables that look like well-known ones, so that the template works without a download.

Each draws from one stream of random numbers. Everything is rounded before it is returned: the last
bits of ``exp`` and ``log`` differ between processors, and a lock must not.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from tagship.errors import TagshipError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CHURN_ADD_ONS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)
_FRAUD_SHARE, _FRAUD_LEAST = 0.002, 10
_FRAUD_SHIFTS = {1: -1.3, 3: -1.7, 4: 1.6, 7: -0.9, 10: -1.6, 11: 1.5, 12: -1.9, 14: -2.3, 17: -1.8}
_TWO_DAYS = 172_800  # in seconds
_HOUSING_CAP = 500_001.0  # in dollars; the census counted no further

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


def generate(name: str, rows: int, seed: int) -> pd.DataFrame:
    """One synthetic table; the same arguments give the same table on every machine.

    Raises:
        TagshipError: no such generator.
    """
    if name not in _GENERATORS:
        raise TagshipError(
            f"no generator '{name}'", f"the generators are: {', '.join(_GENERATORS)}"
        )
    return _GENERATORS[name](rows, np.random.default_rng(seed))


def _churn(rows: int, rng: Generator) -> pd.DataFrame:
    """Customers of a telephone company, after IBM's Telco Customer Churn (7,043 x 21)."""
    gender = _pick(rng, rows, ["female", "male"], (0.5, 0.5))
    senior, partner = _flags(rng, rows, 0.16), _flags(rng, rows, 0.48)
    dependents = _flags(rng, rows, np.where(partner, 0.52, 0.09))
    contract = _pick(
        rng,
        rows,
        ["month-to-month", "one-year", "two-year"],
        np.where(partner[:, None], (0.45, 0.24, 0.31), (0.64, 0.18, 0.18)),
    )
    monthly_contract, two_year = contract == "month-to-month", contract == "two-year"
    shape = np.select([monthly_contract, two_year], [0.75, 3.0], 2.0)
    spread = np.select([monthly_contract, two_year], [2.0, 1.0], 1.5)
    tenure = np.ceil(72 * rng.beta(shape, spread)).clip(1, 72).astype(np.int64)
    tenure[_flags(rng, rows, 0.003)] = 0

    internet = _pick(rng, rows, ["dsl", "fiber", "none"], (0.34, 0.44, 0.22))
    online, fiber = internet != "none", internet == "fiber"
    phone = (internet != "dsl") | _flags(rng, rows, 0.72)
    lines = phone & _flags(rng, rows, 0.30 + 0.35 * tenure / 72)
    loyal = tenure / 72 + rng.normal(0, 0.3, rows)
    add_ons = {
        name: online & _flags(rng, rows, np.clip(0.25 + 0.35 * loyal, 0.02, 0.95))
        for name in _CHURN_ADD_ONS
    }
    streaming = add_ons["streaming_tv"].astype(int) + add_ons["streaming_movies"]
    monthly = (
        20.0 * phone
        + np.select([fiber, online], [49.0, 26.0], 0.0)
        + 5 * (lines + sum(add_ons.values()) + streaming)
        + rng.normal(0, 2.5, rows)
    ).clip(18, 125)
    total = (tenure * monthly * rng.normal(1, 0.03, rows)).clip(0, 9_900)
    total[(tenure == 0) | _flags(rng, rows, 0.007)] = np.nan  # the first bill is yet to come

    paperless = _flags(rng, rows, np.where(fiber, 0.75, 0.45))
    payment = _pick(
        rng,
        rows,
        ["electronic-check", "mailed-check", "bank-transfer", "credit-card"],
        np.where(monthly_contract[:, None], (0.46, 0.24, 0.15, 0.15), (0.18, 0.20, 0.31, 0.31)),
    )
    new = tenure < 12
    unhelped = online & ~add_ons["tech_support"]
    leaning = (
        -1.05
        + np.select([monthly_contract, two_year], [0.9, -1.2], -0.3)
        - 0.45 * np.log1p(tenure)
        + np.select([fiber, ~online], [0.75, -0.65], 0.0)
        + 2.2 * (fiber & monthly_contract & new)
        + 0.55 * (payment == "electronic-check")
        + 0.30 * paperless
        + 1.0 * (senior & unhelped)
        - 0.40 * dependents
        + 0.45 * unhelped
        + 0.45 * (online & ~add_ons["online_security"])
        + 0.025 * (monthly - 65) * monthly_contract
    )
    churned = _flags(rng, rows, 1 / (1 + np.exp(-0.85 * leaning)))
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:06d}" for number in range(1, rows + 1)],
            "gender": gender,
            "senior": senior,
            "partner": partner,
            "dependents": dependents,
            "tenure_months": tenure,
            "phone_service": phone,
            "multiple_lines": lines,
            "internet_service": internet,
            **add_ons,
            "contract": contract,
            "paperless_billing": paperless,
            "payment_method": payment,
            "monthly_charges": monthly.round(2),
            "total_charges": total.round(2),
            "churn": np.where(churned, "yes", "no"),
        }
    )


def _fraud(rows: int, rng: Generator) -> pd.DataFrame:
    """Two days of card payments, after the ULB Credit Card Fraud table (31 columns)."""
    frauds = min(rows // 2, max(_FRAUD_LEAST, round(rows * _FRAUD_SHARE)))
    fraud = np.zeros(rows, dtype=bool)
    fraud[rng.choice(rows, frauds, replace=False)] = True

    by_hour = 1 + 0.8 * np.sin((np.arange(48) - 9) * np.pi / 12)  # quiet at night
    time = np.sort(3600 * rng.choice(48, rows, p=by_hour / by_hour.sum()) + 3600 * rng.random(rows))

    factors = rng.normal(size=(rows, 4)) @ rng.normal(0, 0.35, (4, 28))
    turbulence = np.exp(rng.normal(0, 0.25, (rows, 1)))  # fat tails, shared by a row's columns
    v = (rng.normal(size=(rows, 28)) + factors) * turbulence
    # Some frauds hide, and some honest payments look odd: no model gets all of them right.
    oddness = np.where(fraud, rng.normal(1.7, 0.5, rows).clip(0.2), 0.0)
    odd = ~fraud & _flags(rng, rows, 0.004)
    oddness[odd] = rng.uniform(0.2, 0.8, odd.sum())
    for number, shift in _FRAUD_SHIFTS.items():
        v[:, number - 1] += shift * oddness * rng.normal(1, 0.2, rows)

    amount = np.exp(rng.normal(3.1, 1.4, rows))
    tested = fraud & _flags(rng, rows, 0.4)  # a stolen card is tried with a small sum first
    amount[fraud] *= 3
    amount[tested] = 1.0
    return pd.DataFrame(
        {
            "time": np.floor(time).clip(0, _TWO_DAYS).astype(np.int64),
            **{f"v{number}": v[:, number - 1].round(4) for number in range(1, 29)},
            "amount": amount.clip(0.01, 25_000).round(2),
            "class": fraud.astype(np.int64),
        }
    )


def _housing(rows: int, rng: Generator) -> pd.DataFrame:
    """Census districts of California in 1990, after Pace and Barry (1997) (20,640 x 10)."""
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
            "average_occupancy": occupancy.round(3),
            "latitude": latitude.round(2),
            "longitude": longitude.round(2),
            "ocean_proximity": proximity,
            "median_house_value": value.clip(15_000).round(-2).clip(max=_HOUSING_CAP),
        }
    )


def _flags(rng: Generator, rows: int, share: float | Floats) -> Flags:
    """One flag a row, true with that probability."""
    return rng.random(rows) < share


def _pick(rng: Generator, rows: int, labels: list[str], shares: ArrayLike) -> NDArray[np.str_]:
    """One label a row; ``shares`` sums to 1 and has shape (labels,) or (rows, labels)."""
    bounds = np.cumsum(shares, axis=-1)[..., :-1]
    above = rng.random((rows, 1)) >= bounds
    return np.asarray(np.array(labels)[above.sum(axis=1)])


_GENERATORS: dict[str, Callable[[int, Generator], pd.DataFrame]] = {
    "churn": _churn,
    "fraud": _fraud,
    "housing": _housing,
}
