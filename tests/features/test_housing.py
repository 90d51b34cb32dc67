"""The feature function of ``housing``."""

import numpy as np
import pytest

from features.housing import derive


def test_san_francisco_is_559_km_from_los_angeles() -> None:
    averages = ("average_rooms", "average_bedrooms", "average_occupancy")
    columns = {name: np.array([1.0]) for name in averages}
    columns |= {"latitude": np.array([37.77]), "longitude": np.array([-122.42])}
    derived = derive(columns)
    assert derived["km_to_san_francisco"][0] == pytest.approx(0, abs=0.1)
    assert derived["km_to_los_angeles"][0] == pytest.approx(559, rel=0.02)
