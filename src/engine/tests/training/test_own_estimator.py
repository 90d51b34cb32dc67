"""An estimator of the user's own, as docs/how-to/own-estimator.md says to write it."""

import re
from pathlib import Path

import numpy as np
import pytest

from tagship.config.root import find_root
from tagship.training.bundle import load_bundle

PAGE = find_root(Path(__file__)) / "docs/how-to/own-estimator.md"
CANDIDATES = """\
task: binary
select: {metric: roc_auc, folds: 3}
candidates:
  centre: {estimator: features.nearest_centre.NearestCentre, params: {sharpness: 0.5}, scale: true}
"""


@pytest.fixture
def own(project):
    """The project with the estimator of the page as its only candidate."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    project.write("src/features/nearest_centre.py", code[1])
    project.write("model", CANDIDATES)
    return project


@pytest.mark.slow
def test_an_own_estimator_is_trained_judged_locked_and_built_into_a_bento_without_it(own):
    ran = own.tagship("run", "tiny")
    assert ran.code == 0, ran.out + ran.err
    bundle = load_bundle(own.files)
    assert bundle.lock.winner.estimator == "features.nearest_centre.NearestCentre"
    assert bundle.lock.metrics["roc_auc"].value > 0.7
    difference = np.abs(bundle.evidence.scores - bundle.evidence.pipeline_scores)
    assert difference.max() < 1e-5
    verified = own.tagship("lock", "verify", "tiny")
    assert "identical" in verified.out, verified.out + verified.err
    bento = own.root / ".tagship" / "bentoml" / "bentos" / "tiny"
    assert list(bento.rglob("model.onnx"))
    assert not list(bento.rglob("nearest_centre.py"))


def test_without_a_converter_it_is_refused_before_training(own):
    path = own.path("src/features/nearest_centre.py")
    code = path.read_text(encoding="utf-8")
    registration = code.index("update_registered_converter(")
    path.write_text(code[:registration].replace("NearestCentre", "Other"), encoding="utf-8")
    own.edit("model", "NearestCentre", "Other")
    own.refused("check", says=("ONNX cannot express Other", "docs/how-to/own-estimator.md"))


def test_a_change_of_the_own_estimator_makes_the_lock_stale_by_name(own):
    own.relock()
    path = own.path("src/features/nearest_centre.py")
    path.write_text(path.read_text(encoding="utf-8") + "\n# another thought\n", encoding="utf-8")
    ran = own.tagship("lock", "verify", "tiny")
    assert ran.code == 1
    assert "an estimator under src/ changed" in ran.err


def test_an_estimator_in_any_package_under_src_is_the_projects_own(own):
    own.write("src/shop_estimators.py", own.path("src/features/nearest_centre.py").read_text())
    own.edit("model", "features.nearest_centre.NearestCentre", "shop_estimators.NearestCentre")
    assert own.tagship("train", "tiny").code == 0
