"""What may be missing from a request may be missing from what the model takes."""

import pytest

FUNCTION = """
import numpy as np


def derive(columns):
    {body}
"""


def use(project, body):
    project.write("src/features/tiny.py", FUNCTION.format(body=body))
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.tiny:derive\n")


@pytest.fixture
def whole(project):
    """A project whose table has no gap, though its contract allows some."""
    project.rewrite_table(lambda frame: frame.assign(age=frame["age"].fillna(40)))
    project.edit(
        "model",
        "  tree: {estimator: sklearn.tree.DecisionTreeClassifier, params: {max_depth: 3}}\n",
        "",
    )
    return project


def test_a_model_without_a_score_for_a_gap_is_refused(whole):
    assert whole.tagship("train", "tiny").code == 0
    whole.edit("model", "scale: true", "scale: true, impute: none")
    whole.refused(
        "train",
        "tiny",
        says=("model.yaml: candidates.line: a row without 'age'", "score nan", "`impute: median`"),
    )
    whole.edit("data", "max: 100, missing: 0.2", "max: 100")
    assert whole.tagship("train", "tiny").code == 0


def test_an_estimator_that_takes_gaps_needs_nothing_in_their_place(whole):
    whole.edit(
        "model",
        "sklearn.linear_model.LogisticRegression, scale: true",
        "sklearn.ensemble.HistGradientBoostingClassifier, impute: none",
    )
    assert whole.tagship("train", "tiny").code == 0


def test_a_feature_function_that_fails_where_text_is_missing_is_refused(whole):
    whole.edit("data", "  plan:", "  note: {dtype: string, missing: 0.1}\n  plan:")
    whole.rewrite_table(lambda frame: frame.assign(note="text"))
    use(whole, "return {'length': np.array([float(len(t)) for t in columns['note']])}")
    whole.refused(
        "train", "tiny", says=("a row without 'note'", "raised TypeError", "give a number or NaN")
    )
    use_none = "return {'length': np.array([float(len(t or '')) for t in columns['note']])}"
    whole.write("src/features/tiny.py", FUNCTION.format(body=use_none))
    assert whole.tagship("train", "tiny").code == 0
