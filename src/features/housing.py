"""Features of a census district."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAN_FRANCISCO = (37.77, -122.42)
_LOS_ANGELES = (34.05, -118.24)
_KM_PER_DEGREE = 111.2
_LEAST = 0.1  # a divisor: no house has fewer rooms, no home fewer people


def derive(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """How roomy the homes are, and how far away the two big cities."""
    rooms = np.maximum(columns["average_rooms"], _LEAST)
    people = np.maximum(columns["average_occupancy"], _LEAST)
    latitude, longitude = columns["latitude"], columns["longitude"]
    return {
        "rooms_per_person": rooms / people,
        "bedroom_share": columns["average_bedrooms"] / rooms,
        "km_to_san_francisco": _km(latitude, longitude, _SAN_FRANCISCO),
        "km_to_los_angeles": _km(latitude, longitude, _LOS_ANGELES),
    }


def _km(
    latitude: NDArray[Any], longitude: NDArray[Any], place: tuple[float, float]
) -> NDArray[np.float64]:
    """Distance on a map that is flat around ``place``; within 1 % over a few hundred km."""
    north = latitude - place[0]
    east = (longitude - place[1]) * np.cos(np.radians(place[0]))
    return np.asarray(np.hypot(north, east) * _KM_PER_DEGREE, dtype=np.float64)
