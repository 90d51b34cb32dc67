"""Feature functions that fail, or give something a model cannot take."""

import pytest

from projects import Project

CODE = "import numpy as np\n\ndef derive(columns):\n    visits = columns['visits']\n    {body}\n"


def _use(project: Project, code: str, name: str = "features.tiny:derive") -> None:
    project.write("src/features/tiny.py", code)
    project.edit("model", "task: binary\n", f"task: binary\nfeatures: {name}\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return {'a': columns['nope']}", ("raised KeyError: 'nope'", "mend it in src/features/")),
        ("raise SystemExit(0)", ("raised SystemExit", "mend it")),
        ("visits[:] = 0", ("read-only", "mend it")),
        ("return {'a': visits[visits > 5]}", ("'a' has shape", "300 rows", "for each row")),
        ("return {'a': np.ones((len(visits), 2))}", ("shape (300, 2)", "for each row")),
        ("return {'a': [[1], [1, 2]]}", ("'a' has shape (2,)", "for each row")),
        ("return {'a': 3}", ("'a' has shape ()", "for each row")),
        ("return {'a': np.where(visits > 8, np.nan, 1)}", ("NaN in", "complete rows, first row")),
        ("return {'a': visits / np.zeros(300)}", ("'a' is infinite in row 1", "guard")),
        ("return {'a': visits * 1e39}", ("'a' is infinite in row 1", "guard")),
        ("return {'a': columns['plan']}", ("'a' is object, not a number", "0/1 column")),
        ("return {'a': visits * 1j}", ("'a' is complex128, not a number",)),
        ("return [visits]", ("must give a dict", "not list", "return {name")),
        ("return {}", ("must give a dict", "an empty dict")),
        ("return {1: visits}", ("whose name is no text",)),
        ("return {'age': visits}", ("gives 'age', which the contract already has", "another")),
        ("return {'visitor': visits}", ("gives 'visitor', which the contract already has",)),
        ("return {'a': visits - visits.mean()}", ("another value when other rows", "row alone")),
        ("return {'a': np.random.rand(len(visits))}", ("another value", "no chance")),
    ],
)
def test_a_feature_function_that_breaks_its_protocol_is_refused(
    run_project: Project, body: str, says: tuple[str, ...]
) -> None:
    _use(run_project, CODE.format(body=body))
    where = "config/tiny/model.yaml: features: features.tiny:derive"
    run_project.refused("train", "tiny", says=(where, *says))


@pytest.mark.parametrize(
    ("code", "name", "says"),
    [
        ("def derive(columns:\n", "features.tiny:derive", ("SyntaxError", "tiny.py, line 1")),
        ("import nolib\n", "features.tiny:derive", ("No module named 'nolib'",)),
        ("1 / 0\n", "features.tiny:derive", ("ZeroDivisionError",)),
        ("", "features.tiny:derive", ("features.tiny has no function 'derive'", "define it in")),
        ("", "features.other:derive", ("No module named 'features.other'", "src/features/")),
        ("derive = 1\n", "features.tiny:derive", ("is not a function",)),
    ],
)
def test_a_feature_function_that_cannot_be_imported_is_refused(
    run_project: Project, code: str, name: str, says: tuple[str, ...]
) -> None:
    _use(run_project, code, name)
    run_project.refused("check", says=("model.yaml", "features: ", *says))


def test_training_refuses_a_feature_function_that_cannot_be_imported(run_project: Project) -> None:
    _use(run_project, "import nolib\n")
    run_project.refused("train", "tiny", says=("features: ", "No module named 'nolib'"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("features.tiny:dervie", "did you mean 'derive'?"),
        ("features.tny:derive", "did you mean 'features.tiny'?"),
        ("featurs.tiny:derive", "did you mean 'features'?"),
        ("tiny:derive", "did you mean 'features.tiny:derive'?"),
        ("jso:derive", "such functions live in src/features/"),
        ("features.tiny:other", "it has: derive"),
    ],
)
def test_a_misspelt_feature_function_gets_the_nearest(
    run_project: Project, name: str, says: str
) -> None:
    _use(run_project, DERIVE, name)
    run_project.refused("check", says=(name, says))


@pytest.mark.parametrize("place", ["alone.py", "shared/alone.py"])
def test_a_feature_function_outside_src_features_is_refused(
    run_project: Project, place: str
) -> None:
    run_project.write(f"src/{place}", "def derive(columns):\n    return {}\n")
    name = place.removesuffix(".py").replace("/", ".")
    _use(run_project, "", f"{name}:derive")
    says = (f"'{name}:derive' is not in src/features/",)
    run_project.refused("train", "tiny", says=says)


DERIVE = "def derive(columns):\n    return {'a': columns['visits'] * 2}\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import pandas\n", "src/features/tiny.py:1 imports 'pandas', which the serving image"),
        ("def f():\n    from pandas import NA\n", "src/features/tiny.py:2 imports 'pandas'"),
        ("from . import helper\n", "src/features/helper.py:1 imports 'scipy.special'"),
        ("import shared.names\n", "src/features/tiny.py:1 imports 'shared.names'"),
        ("import tagship.training.train\n", "imports 'tagship.training.train'"),
    ],
)
def test_a_feature_function_that_the_serving_image_could_not_import_is_refused(
    run_project: Project, code: str, says: str
) -> None:
    run_project.write("src/features/helper.py", "import scipy.special\n")
    run_project.write("src/shared/names.py", "")
    _use(run_project, code + DERIVE)
    where, hint = "model.yaml: features: features.tiny:derive: src/features/", "use numpy, the "
    run_project.refused("check", says=(where, says, hint))


def test_training_refuses_what_the_serving_image_could_not_import(run_project: Project) -> None:
    _use(run_project, "import pandas\n" + DERIVE)
    run_project.refused("train", "tiny", says="src/features/tiny.py:1 imports 'pandas'")


def test_what_the_serving_image_has_is_accepted(project: Project) -> None:
    project.write("src/features/helper.py", "import math\n")
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n"
    wanted = "from .helper import math\nimport numpy as np\nfrom numpy.typing import NDArray\n"
    _use(project, guarded + wanted + DERIVE)
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err


def test_nan_where_an_input_is_missing_is_no_fault(project: Project) -> None:
    _use(project, CODE.format(body="return {'per_year': visits / columns['age']}"))
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err
