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


@pytest.mark.parametrize("command", [("check",), ("train", "tiny")])
@pytest.mark.parametrize(
    ("code", "name", "says"),
    [
        ("def derive(columns:\n", "features.tiny:derive", ("SyntaxError", "tiny.py, line 1")),
        ("import nolib\n", "features.tiny:derive", ("No module named 'nolib'",)),
        ("1 / 0\n", "features.tiny:derive", ("ZeroDivisionError",)),
        ("", "features.tiny:derive", ("has no attribute 'derive'", "src/features/")),
        ("", "features.other:derive", ("No module named 'features.other'", "src/features/")),
        ("derive = 1\n", "features.tiny:derive", ("is not a function",)),
    ],
)
def test_a_feature_function_that_cannot_be_imported_is_refused(
    run_project: Project, command: tuple[str, ...], code: str, name: str, says: tuple[str, ...]
) -> None:
    _use(run_project, code, name)
    run_project.refused(*command, says=("model.yaml", "features: ", *says))


def test_a_feature_function_outside_a_package_of_src_is_refused(run_project: Project) -> None:
    run_project.write("src/alone.py", "def derive(columns):\n    return {}\n")
    _use(run_project, "", "alone:derive")
    run_project.refused("train", "tiny", says=("'alone:derive' is in no package", "src/features/"))


def test_nan_where_an_input_is_missing_is_no_fault(project: Project) -> None:
    _use(project, CODE.format(body="return {'per_year': visits / columns['age']}"))
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err
