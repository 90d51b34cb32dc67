"""What a search leaves: model.yaml with its comments, MLflow, a page, a pull request."""

import json

import pytest

from tagship.config.yaml_edit import set_values
from tagship.errors import TagshipError
from tagship.tuning.tune import tune, write_params

BAD = """\
# ours
task: binary   # one of two
select: {metric: roc_auc, folds: 3}
candidates:
  # a tree
  tree:  # small
    estimator: sklearn.tree.DecisionTreeClassifier
    params:
      min_samples_leaf: 90 # far too many
      max_depth: 1
  line: {estimator: sklearn.linear_model.LogisticRegression, scale: true}
tune:
  candidate: tree
  trials: 12
  space:
    max_depth: {int: [1, 8]}
    min_samples_leaf: {int: [2, 100]}
    ccp_alpha: {float: [0, 0.01]}
"""


def test_write_changes_the_parameters_alone_and_a_second_search_finds_no_better_ones(project):
    import mlflow

    project.write("model", BAD)
    ran = project.tagship("tune", "tiny", "--write")
    assert ran.code == 0, ran.out + ran.err
    assert "excludes 0" in ran.out
    best = json.loads((project.files.work / "tune" / "result.json").read_text())["params"]
    wanted = BAD.replace("min_samples_leaf: 90", f"min_samples_leaf: {best['min_samples_leaf']}")
    wanted = wanted.replace("max_depth: 1\n", f"max_depth: {best['max_depth']}\n")
    added = f"      ccp_alpha: {best['ccp_alpha']}\n"
    wanted = wanted.replace("# far too many\n", f"# far too many\n{added}")
    assert project.path("model").read_text() == wanted
    assert project.tagship("run", "tiny").code == 0

    second = project.tagship("tune", "tiny", "--write")
    assert second.code == 6, second.out + second.err
    assert "no improvement" in second.out
    assert project.path("model").read_text() == wanted

    client = mlflow.MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny").experiment_id
    parents = client.search_runs([experiment], "tags.`tagship.kind` = 'tuning'")
    assert len(parents) == 2
    for parent in parents:
        children = client.search_runs(
            [experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        )
        assert len(children) == 12
        values = [run.data.metrics["value"] for run in children if "value" in run.data.metrics]
        assert max(values) > 0.5
        assert {run.data.tags["state"] for run in children} <= {"complete", "pruned"}
        images = {file.path for file in client.list_artifacts(parent.info.run_id, "plots")}
        assert {"plots/history.png", "plots/importance.png", "plots/parallel.png"} <= images
    assert project.tagship("tune", "tiny").code == 6
    assert len(client.search_runs([experiment], "tags.`tagship.kind` = 'tuning'")) == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: {e: x}", "a: {e: x, params: {n: 2, s: 't'}}"),
        ("a: {e: x, params: {}} # c", "a: {e: x, params: {n: 2, s: 't'}} # c"),
        ("a: {params: {n: 1}, e: x}", "a: {params: {n: 2, s: 't'}, e: x}"),
        ("a:\n  e: x # c\n  z: 1\n", "a:\n  e: x # c\n  params: {n: 2, s: 't'}\n  z: 1\n"),
        ("a:\n  params:\n    n: [1]\n", "a:\n  params:\n    n: 2\n    s: 't'\n"),
        (
            "a:\n  params:\n    k: {0: 1}\n    n: 1",
            "a:\n  params:\n    k: {0: 1}\n    s: 't'\n    n: 2",
        ),
        (
            "a:\n  params:\n    k:\n      0: 1\n",
            "a:\n  params:\n    n: 2\n    s: 't'\n    k:\n      0: 1\n",
        ),
    ],
)
def test_values_are_set_where_they_stand(text, wanted):
    assert set_values(text, ("a",), "params", {"n": 2, "s": "t"}) == wanted.replace("'", '"')


def test_parameters_that_an_alias_shares_are_not_written(project):
    project.write(
        "model",
        BAD.replace("params:\n      min", "params: &shared\n      min").replace(
            "scale: true}",
            "scale: true}\n  other: {estimator: sklearn.tree.DecisionTreeClassifier,"
            " params: *shared}",
        ),
    )
    before = project.path("model").read_text()
    tuned, _, _ = tune(project.files, lambda _: None)
    with pytest.raises(TagshipError, match="cannot be set without changing more"):
        write_params(project.files, tuned)
    assert project.path("model").read_text() == before
