"""A table with the warts that real ones have."""

import numpy as np
import pandas as pd

PROJECT = "name: shop\ntitle: Shop\nowner: shop\nregistry: ghcr.io/shop\n"


def customers(rows: int = 600) -> pd.DataFrame:
    """Customers: an id, blanks in numbers, personal data, dates, a constant, a sensitive group."""
    generator = np.random.default_rng(7)
    months = generator.integers(0, 60, rows)
    charges = (months * generator.uniform(20, 90, rows)).round(2)
    contract = generator.choice(["month-to-month", "one year", "two years, fixed"], rows)
    leaves = (generator.random(rows) < 0.15 + 0.5 * (contract == "month-to-month")).astype(int)
    total = pd.Series(charges.astype(str))
    total[months == 0] = " "
    return pd.DataFrame(
        {
            "customerID": [f"{i:04d}-{'ABCDE'[i % 5]}" for i in range(rows)],
            "gender": generator.choice(["Female", "Male"], rows),
            "Senior": generator.integers(0, 2, rows),
            "E-mail": [f"someone{i}@example.org" for i in range(rows)],
            "PhoneService": generator.choice(["No", "Yes"], rows),
            "tenure": months,
            "Contract": contract,
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(months, "D"),
            "currency": "EUR",
            "TotalCharges": total,
            "Churn": np.where(leaves, "Yes", "No"),
        }
    )


def as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """A table as a csv file gives it: text only, blank where a value is missing."""
    return frame.astype("str").where(frame.notna(), "").astype("str")
