"""The example model ``fraud``."""

import pytest
from example_models import check_artifacts, check_bar, check_made_up_table


def test_its_table_keeps_its_contract() -> None:
    check_made_up_table("fraud", rows=10_000)


def test_the_bar_of_the_course_is_a_gate() -> None:
    check_bar("fraud", "f1", 0.50)


@pytest.mark.slow
def test_its_artifact_equals_scikit_learn_for_every_candidate() -> None:
    check_artifacts("fraud")
