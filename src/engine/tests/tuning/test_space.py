"""What may be searched: the space is checked before the first trial."""

import importlib

import pytest
from sklearn.base import RegressorMixin

from tagship.config.model import Candidate
from tagship.config.tune import Dimension
from tagship.training.candidate_checks import fit_problem
from tagship.tuning.space import _PROPOSED, replace_params

_HOMES = ("linear_model", "tree", "ensemble", "neighbors", "neural_network", "svm")

TREE = "tune: {candidate: tree, trials: 3, space: {%s}}\n"


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ("max_deep: {int: [1, 5]}", ("tune.space.max_deep", "no such parameter", "max_depth")),
        ("max_depth: {int: [-3, 5]}", ("tune.space.max_depth", "refuses -3")),
        ("max_depth: {float: [1.5, 5]}", ("tune.space.max_depth", "refuses 1.5")),
        ("criterion: {choice: [gini, entropie]}", ("tune.space.criterion", "refuses 'entropie'")),
        ("max_depth: {int: [5, 1]}", ("tune.space.max_depth", "the first must be less")),
        ("ccp_alpha: {float: [0, 1], log: true}", ("tune.space.ccp_alpha", "must be over 0")),
        ("max_depth: {int: [1, 5], float: [1, 5]}", ("tune.space.max_depth", "give one of")),
        ("max_depth: {ints: [1, 5]}", ("tune.space.max_depth.ints", "unknown key")),
        ("criterion: {choice: [gini, gini]}", ("tune.space.criterion", "twice")),
        ("criterion: {choice: [gini, entropy], log: true}", ("tune.space.criterion", "no log")),
        ("max_depth: {int: [1]}", ("tune.space.max_depth.int",)),
    ],
)
def test_a_space_that_the_estimator_cannot_take_is_refused_by_its_key(project, space, says):
    project.write("model", project.path("model").read_text() + TREE % space)
    project.tagship("tune", "tiny").must_refuse(("model.yaml", *says))


def test_a_candidate_that_is_not_there_or_has_no_known_space_is_refused(project):
    text = project.path("model").read_text()
    project.write("model", text + "tune: {candidate: treee}\n")
    project.tagship("tune", "tiny").must_refuse(("tune.candidate", "did you mean 'tree'"))
    project.write("model", text)
    project.tagship("tune", "tiny").must_refuse(("which candidate to tune", "tagship run tiny"))
    project.edit(
        "model", "tree.DecisionTreeClassifier, params: {max_depth: 3}", "naive_bayes.GaussianNB"
    )
    project.write("model", project.path("model").read_text() + "tune: {candidate: tree}\n")
    project.tagship("tune", "tiny").must_refuse(("no space is known", "tune: {space:"))


def test_what_is_searched_decides_no_training(run_project):
    run_project.write("model", run_project.path("model").read_text() + "tune: {trials: 5}\n")
    assert run_project.tagship("gate", "tiny").code == 0


@pytest.mark.parametrize("kind", sorted(_PROPOSED))
def test_each_estimator_takes_the_space_that_is_proposed_for_it(project, kind):
    homes = [*(f"sklearn.{name}" for name in _HOMES), "xgboost", "lightgbm"]
    home = next(name for name in homes if hasattr(importlib.import_module(name), kind))
    params = {"probability": True} if kind == "SVC" else {}
    candidate = Candidate(estimator=f"{home}.{kind}", params=params)
    regression = issubclass(getattr(importlib.import_module(home), kind), RegressorMixin)
    task = "regression" if regression else "binary"
    model = project.files.model.model_copy(update={"task": task})
    for name, dimension in _PROPOSED[kind].items():
        for value in Dimension.model_validate(dimension).corners:
            assert fit_problem(replace_params(candidate, {name: value}), model) == "", (name, value)
