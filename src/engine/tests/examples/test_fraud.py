"""The example model ``fraud``."""

import pytest
from example_models import check_artifacts, check_made_up_table


def test_its_table_keeps_its_contract() -> None:
    check_made_up_table("fraud", rows=10_000)


@pytest.mark.slow
def test_its_artifact_equals_scikit_learn_for_every_candidate() -> None:
    check_artifacts("fraud")
