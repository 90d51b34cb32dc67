"""Plots are valid, the same every time, quick, and their numbers are right."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from report_models import Trained

from tagship.reports.importance import importance
from tagship.reports.plots import draw_plots

NAMES = {
    "binary": {"importance", "roc", "precision_recall", "confusion", "calibration", "scores"},
    "multiclass": {"importance", "roc", "precision_recall", "confusion", "calibration"},
    "regression": {"importance", "predicted", "residuals", "residual_histogram"},
}


def test_every_task_has_its_plots_as_png(trained: Trained) -> None:
    assert set(trained.plots) == NAMES[trained.files.model.task]
    for png in trained.plots.values():
        with Image.open(io.BytesIO(png)) as image:
            image.load()
            assert image.format == "PNG"
            assert min(image.size) > 400
            assert len(image.convert("RGB").getcolors(1 << 20) or range(99)) > 20


def test_plots_are_the_same_bytes_again(trained: Trained) -> None:
    assert draw_plots(trained.bundle, trained.files.data.target.column) == trained.plots


def test_plots_ignore_a_persons_matplotlibrc_and_leave_no_state(trained: Trained) -> None:
    import matplotlib
    from matplotlib import pyplot

    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        drawn = draw_plots(trained.bundle, trained.files.data.target.column, trained.importances)
        assert matplotlib.rcParams["font.size"] == 30
    assert drawn == trained.plots
    assert pyplot.get_fignums() == []


def test_importance_ranks_signal_over_noise(trained: Trained) -> None:
    importances = dict(trained.importances)
    assert set(importances) == set(trained.bundle.boundary.names)
    assert [value for _, value in trained.importances] == sorted(importances.values(), reverse=True)
    assert importances["age"] > importances["member"]
    assert importances["age"] > 0


def test_importance_of_an_input_that_the_model_never_sees_is_zero(trained: Trained) -> None:
    constant = trained.bundle.evidence.matrix.copy()
    at = trained.bundle.boundary.names.index("age")
    constant[:, at] = 40.0
    evidence = replace(trained.bundle.evidence, matrix=constant)
    assert dict(importance(replace(trained.bundle, evidence=evidence)))["age"] == 0


def test_plots_survive_a_holdout_with_one_class_and_tied_scores(trained: Trained) -> None:
    if trained.files.model.task == "regression":
        pytest.skip("a regression has no classes")
    evidence = trained.bundle.evidence
    chosen = np.flatnonzero(evidence.target == evidence.target[0])[:30]
    few = replace(
        evidence,
        matrix=evidence.matrix[chosen],
        target=evidence.target[chosen],
        scores=np.full_like(evidence.scores[chosen], 0.5),
    )
    bundle = replace(trained.bundle, evidence=few)
    assert set(draw_plots(bundle, "x", trained.importances)) == set(trained.plots)
