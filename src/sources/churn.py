"""Made-up data of the example ``churn``, after IBM's Telco Customer Churn (7,043 x 21).

Everything is rounded before it is returned: the last bits of ``exp`` and ``log`` differ between
processors, and a lock must not.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

_ADD_ONS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)


def table(rows: int, seed: int = 42) -> pd.DataFrame:
    """Customers of a telephone company; equal arguments give equal tables on every machine."""
    rng = np.random.default_rng(seed)
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
        for name in _ADD_ONS
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


def _flags(rng: Generator, rows: int, share: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """One flag a row, true with that probability."""
    return rng.random(rows) < share


def _pick(rng: Generator, rows: int, labels: list[str], shares: ArrayLike) -> NDArray[np.str_]:
    """One label a row; ``shares`` sums to 1 and has shape (labels,) or (rows, labels)."""
    bounds = np.cumsum(shares, axis=-1)[..., :-1]
    above = rng.random((rows, 1)) >= bounds
    return np.asarray(np.array(labels)[above.sum(axis=1)])
