"""Each task's model, trained once."""

from dataclasses import replace
from pathlib import Path

import pytest
from report_models import TASKS, Trained, last_scores, table, write_project

from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import BehaviourGate
from tagship.gates.behaviour import compare_behaviour, moved_rows
from tagship.gates.evaluate import evaluate_gates
from tagship.gates.holdout import ChampionScores
from tagship.reports.diagnosis import worst_rows
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
    gate = {"flips": {"fail_above": 1}, "by": "region", "min_rows": 10}
    thresholds = files.thresholds.model_copy(update={"behaviour": BehaviourGate(**gate)})
    files = replace(files, thresholds=thresholds)
    champion = ChampionScores("shop/v1.0.0", lambda: last_scores(bundle))
    verdict = evaluate_gates(files, bundle, champion)
    behaviour = compare_behaviour(files, bundle, champion)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)
        moved = moved_rows(files, bundle, champion)
        worst = worst_rows(files, bundle, importances)
    return Trained(files, bundle, verdict, plots, importances, behaviour, moved, worst)


@pytest.fixture
def binary_files(tmp_path: Path) -> ModelFiles:
    """The binary model's project, not trained."""
    return write_project(tmp_path, "binary", table())
