"""Made-up data of the example ``fraud``, after the ULB Credit Card Fraud table (31 columns).

Everything is rounded before it is returned: the last bits of ``exp`` and ``log`` differ between
processors, and a lock must not.
"""

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

_SHARE, _LEAST = 0.002, 10
_SHIFTS = {1: -1.3, 3: -1.7, 4: 1.6, 7: -0.9, 10: -1.6, 11: 1.5, 12: -1.9, 14: -2.3, 17: -1.8}
_TWO_DAYS = 172_800  # in seconds


def table(rows: int, seed: int = 42) -> pd.DataFrame:
    """Two days of card payments; equal arguments give equal tables on every machine."""
    rng = np.random.default_rng(seed)
    frauds = min(rows // 2, max(_LEAST, round(rows * _SHARE)))
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
    for number, shift in _SHIFTS.items():
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


def _flags(rng: Generator, rows: int, share: float) -> NDArray[np.bool_]:
    """One flag a row, true with that probability."""
    return rng.random(rows) < share
