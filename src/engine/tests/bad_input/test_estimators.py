"""Candidates that cannot be imported, trained or exported."""

import pytest

from projects import Project

LINE = "sklearn.linear_model.LogisticRegression"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("sklearn.linear_model.LogisticRegresion", ("does not exist", f"did you mean '{LINE}'?")),
        ("sklearn.linear_mode.LogisticRegression", ("did you mean 'sklearn.linear_model'?",)),
        ("sklaern.tree.DecisionTreeClassifier", ("did you mean 'sklearn'?",)),
        ("nolib.Thing", ("No module named 'nolib'", "is the library installed?")),
        ("sklearn.preprocessing.StandardScaler", ("is not an estimator", "name a class")),
        ("sklearn.linear_model", ("is not an estimator", "name a class")),
        ("os.path.join", ("is not an estimator", "name a class")),
        ("sklearn.linear_model.Ridge", ("Ridge is not a classifier", "choose a classifier")),
        ("sklearn.svm.LinearSVC", ("gives no probabilities", "choose a classifier")),
        ("sklearn.semi_supervised.LabelSpreading", ("ONNX cannot express", "LogisticRegression")),
        ("sklearn.ensemble.VotingClassifier", ("missing 1 required", "it takes: estimators")),
    ],
)
def test_a_candidate_that_cannot_be_used_is_refused_before_training(
    run_project: Project, path: str, says: tuple[str, ...]
) -> None:
    run_project.edit("model", LINE, path)
    where = ("config/tiny/model.yaml: candidates.line", path.rpartition(".")[2])
    run_project.refused("check", says=(*where, *says))


def test_training_refuses_a_candidate_that_the_check_refuses(run_project: Project) -> None:
    run_project.edit("model", LINE, "sklearn.linear_model.Ridge")
    run_project.refused("train", "tiny", says=("candidates.line", "Ridge is not a classifier"))


def test_an_estimator_of_ones_own_that_fails_on_import_is_named(run_project: Project) -> None:
    run_project.write("src/features/own.py", "1 / 0\n")
    run_project.edit("model", LINE, "features.own.Thing")
    run_project.refused("train", "tiny", says=("features.own.Thing", "division by zero"))


def test_a_parameter_it_does_not_take_is_refused_with_the_nearest(run_project: Project) -> None:
    run_project.edit("model", "max_depth", "max_dept")
    run_project.refused(
        "check", says=("candidates.tree", "did you mean 'max_depth' instead of 'max_dept'?")
    )


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("{max_depth: -3}", ("max_depth", "Got -3")),
        ("{max_depth: deep}", ("max_depth", "Got 'deep'")),
        ("{criterion: gin}", ("criterion", "'gini'", "Got 'gin'")),
        ("{splitter: null}", ("splitter", "Got None")),
    ],
)
def test_a_value_it_does_not_take_is_quoted(
    run_project: Project, params: str, says: tuple[str, ...]
) -> None:
    run_project.edit("model", "{max_depth: 3}", params)
    run_project.refused("train", "tiny", says=("model.yaml: candidates.tree", *says, "parameters"))


@pytest.mark.parametrize(
    ("model", "params", "says"),
    [
        ("line", "{C: -1}", "'C' parameter of LogisticRegression must be a float"),
        ("line", "{penalty: l1, solver: lbfgs}", "penalty"),
        ("tree", "{max_depth: 0}", "'max_depth' parameter"),
        ("tree", "{class_weight: balanse}", "balanse"),
    ],
)
def test_the_check_tries_the_parameters(
    run_project: Project, model: str, params: str, says: str
) -> None:
    old = "LogisticRegression, " if model == "line" else "params: {max_depth: 3}"
    new = f"LogisticRegression, params: {params}, " if model == "line" else f"params: {params}"
    run_project.edit("model", old, new)
    run_project.refused("check", says=(f"config/tiny/model.yaml: candidates.{model}", says))


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("sklearn.ensemble.RandomForestClassifier", "{n_estimators: 3000, max_features: 30}"),
        ("sklearn.neighbors.KNeighborsClassifier", "{n_neighbors: 150}"),
        ("sklearn.naive_bayes.MultinomialNB", "{alpha: 0.5}"),
        ("sklearn.ensemble.HistGradientBoostingClassifier", "{categorical_features: [2]}"),
    ],
)
def test_parameters_that_only_real_data_could_refuse_pass_the_check(
    run_project: Project, estimator: str, params: str
) -> None:
    run_project.edit("model", LINE, f"{estimator}, params: {params}")
    ran = run_project.tagship("check")
    assert ran.code == 0, ran.err


def test_missing_values_without_imputing_name_the_way_out(run_project: Project) -> None:
    run_project.edit("model", "scale: true", "scale: true, impute: none")
    run_project.refused("train", "tiny", says=("candidates.line", "NaN", "impute: median"))


def test_an_artifact_that_the_runtime_cannot_run_names_its_candidate(run_project: Project) -> None:
    run_project.edit("model", LINE, "sklearn.gaussian_process.GaussianProcessClassifier")
    run_project.refused("train", "tiny", says=("candidates.line", "choose another estimator"))
