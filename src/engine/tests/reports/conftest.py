"""Each task's model, trained once."""

from pathlib import Path

import pytest
from report_models import TASKS, Trained, table, write_project

from tagship.config.project_files import ModelFiles
from tagship.gates.evaluate import evaluate_gates
from tagship.reports.importance import importance
from tagship.reports.plots import draw_plots
from tagship.training.train import train


@pytest.fixture(scope="session", params=list(TASKS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Each task's model in turn."""
    files = write_project(tmp_path_factory.mktemp(request.param), request.param, table())
    bundle = train(files)
    importances = importance(bundle)
    plots = draw_plots(bundle, files.data.target.column, importances)
    return Trained(files, bundle, evaluate_gates(files, bundle), plots, importances)


@pytest.fixture
def binary_files(tmp_path: Path) -> ModelFiles:
    """The binary model's project, not trained."""
    return write_project(tmp_path, "binary", table())
