"""Features of a telephone customer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SERVICES = (
    "phone_service",
    "multiple_lines",
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)
_NEW_MONTHS = 12


def derive(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What a customer has, pays for it, and how long that has been so."""
    tenure, monthly = columns["tenure_months"], columns["monthly_charges"]
    services = np.sum([columns[name] for name in _SERVICES], axis=0, dtype=np.float64)
    paid_per_month = columns["total_charges"] / np.maximum(tenure, 1)  # month 0 is being billed
    return {
        "service_count": services,
        "charge_per_service": monthly / (1 + services),  # 1: the line itself
        "paid_per_month": paid_per_month,
        "is_new_customer": tenure < _NEW_MONTHS,
    }
