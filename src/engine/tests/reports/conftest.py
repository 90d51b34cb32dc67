"""Each task's model, trained once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_models import TASKS, Trained, table, write_project

from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import BehaviourGate
from tagship.gates.behaviour import compare_behaviour, moved_rows, shuffled_sample
from tagship.gates.evaluate import evaluate_gates
from tagship.gates.holdout import ChampionScores, HoldoutScores
from tagship.reports.diagnosis import worst_rows
from tagship.reports.importance import importance, shuffled_scores
from tagship.reports.plots import draw_plots
from tagship.training.bundle import Bundle
from tagship.training.export import artifact_scorer
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
    champion = ChampionScores("shop/v1.0.0", lambda: _scores_of_the_rows_before(bundle))
    verdict = evaluate_gates(files, bundle, champion)
    behaviour = compare_behaviour(files, bundle, champion)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)
        moved = moved_rows(files, bundle, champion)
        worst = worst_rows(files, bundle, importances)
    return Trained(files, bundle, verdict, plots, importances, behaviour, moved, worst)


def _scores_of_the_rows_before(bundle: Bundle) -> HoldoutScores:
    sample, boundary = shuffled_sample(bundle), bundle.boundary
    matrix = bundle.evidence.matrix[sample["rows"]]
    score = artifact_scorer(bundle.artifact, boundary.task)
    shuffled = np.array(shuffled_scores(score, boundary, matrix, sample["order"]))
    names = ("gone", *boundary.names[1:])
    return HoldoutScores(np.roll(bundle.evidence.scores, 1, axis=0), 0.5, names, shuffled)


@pytest.fixture
def binary_files(tmp_path: Path) -> ModelFiles:
    """The binary model's project, not trained."""
    return write_project(tmp_path, "binary", table())
