"""The example model ``iris``, which the tutorial is about."""

from example_models import ROOT, check_artifacts, check_bento

from tagship.config.yaml_file import read_yaml


def test_its_artifact_equals_scikit_learn_for_every_candidate() -> None:
    check_artifacts("iris")


def test_its_bento_is_what_a_new_model_gets() -> None:
    check_bento("iris")


def test_the_tutorial_shows_the_figures_of_its_lock() -> None:
    lock = read_yaml(ROOT / "config/iris/model.lock.yaml").root
    f1 = lock["metrics"]["f1"]
    shown = f"f1 {f1['value']:.4f} ({f1['low']:.4f} to {f1['high']:.4f})"
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    assert shown in text
    assert f"iris:{lock['artifact']['sha256'][:12]}" in text
