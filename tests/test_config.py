"""Every model's YAML is sound, and its data keeps its contract."""

from conftest import Run


def test_the_config_is_sound(model: str, run: Run) -> None:
    assert "sound" in run("tagship", "check", "--", model)


def test_the_data_keeps_its_contract(model: str, run: Run) -> None:
    run("tagship", "validate", "--", model)
