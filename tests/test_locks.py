"""Every lock says what its inputs are, and training gives what it says."""

import pytest

from conftest import Run


def test_the_lock_is_of_today_s_config_code_and_libraries(model: str, run: Run) -> None:
    assert f"{model}: current" in run("tagship", "lock", "check", "--", model)


@pytest.mark.training
def test_training_gives_the_locked_model(model: str, run: Run) -> None:
    said = run("tagship", "lock", "verify", "--", model)
    assert f"{model}: identical" in said or f"{model}: equivalent" in said
