"""What holds of the root, and need not in a project, where it is somebody's own."""

import pytest
from generating import ROOT
from hooks.answers import EXAMPLES

from tagship.config.yaml_file import read_yaml
from tagship.new_model.file_texts import bentofile_yaml, service_py


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_bento_is_what_a_new_model_gets(name: str) -> None:
    bento = ROOT / "bentos" / name
    assert (bento / "service.py").read_text(encoding="utf-8") == service_py(name)
    assert (bento / "bentofile.yaml").read_text(encoding="utf-8") == bentofile_yaml(name)


def test_the_tutorial_shows_the_figures_of_its_lock() -> None:
    lock = read_yaml(ROOT / "config/iris/model.lock.yaml").root
    f1 = lock["metrics"]["f1"]
    shown = f"f1 {f1['value']:.4f} ({f1['low']:.4f} to {f1['high']:.4f})"
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    assert shown in text
    assert f"iris:{lock['artifact']['sha256'][:12]}" in text
