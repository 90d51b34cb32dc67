"""The feature function of ``churn``."""

import numpy as np

from features.churn import derive

SERVICES = ("phone_service", "multiple_lines", "online_security", "online_backup",
            "device_protection", "tech_support", "streaming_tv", "streaming_movies")  # fmt: skip


def test_it_counts_services_and_spreads_charges_over_them() -> None:
    columns = {name: np.array([0.0, 0.0]) for name in SERVICES}
    columns |= {name: np.array([0.0, 1.0]) for name in SERVICES[:4]}
    columns |= {
        "tenure_months": np.array([0.0, 12.0]),
        "monthly_charges": np.array([20.0, 50.0]),
        "total_charges": np.array([np.nan, 600.0]),
    }
    derived = derive(columns)
    np.testing.assert_array_equal(derived["service_count"], [0, 4])
    np.testing.assert_array_equal(derived["charge_per_service"], [20, 10])
    np.testing.assert_array_equal(derived["paid_per_month"], [np.nan, 50])
    np.testing.assert_array_equal(derived["is_new_customer"], [True, False])
