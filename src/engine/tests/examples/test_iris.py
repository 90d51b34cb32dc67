"""The example model ``iris``, which the tutorial is about."""

from example_models import check_artifacts


def test_its_artifact_equals_scikit_learn_for_every_candidate() -> None:
    check_artifacts("iris")
