"""The example model ``housing``."""

import numpy as np
import pytest
from example_models import (
    check_artifacts,
    check_bar,
    check_features,
    check_made_up_table,
    request,
)
from features import housing


def test_its_table_keeps_its_contract() -> None:
    check_made_up_table("housing", rows=20_640)


def test_the_bar_of_the_course_is_a_gate() -> None:
    check_bar("housing", "r2", 0.70)


@pytest.mark.slow
def test_its_artifact_equals_scikit_learn_for_every_candidate() -> None:
    check_artifacts("housing")


def test_its_features_keep_the_protocol() -> None:
    check_features("housing", housing.derive)


def test_san_francisco_is_559_km_from_los_angeles() -> None:
    columns = {name: values[:1] for name, values in request("housing").items()}
    columns |= {"latitude": np.array([37.77]), "longitude": np.array([-122.42])}
    derived = housing.derive(columns)
    assert derived["km_to_san_francisco"][0] == pytest.approx(0, abs=0.1)
    assert derived["km_to_los_angeles"][0] == pytest.approx(559, rel=0.02)
