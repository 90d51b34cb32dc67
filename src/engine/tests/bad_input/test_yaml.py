"""Config files that are no YAML, or say something impossible."""

import pytest

from projects import Project


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("data", "  age:", "\tage:", ("data.yaml:7", "a tab stands where", "indent with spaces")),
        ("data", "  plan:", "  age:", ("data.yaml:9", 'duplicate key "age"', "keep one")),
        ("data", "max: 100", "max: old", ("data.yaml:7: columns.age.max", '"old"', "number")),
        ("data", "[free, plus, pro]", "free", ("data.yaml:9: columns.plan.values", "array")),
        ("data", "missing: 0.2", "mising: 0.2", ("columns.age.mising", "did you mean 'missing'?")),
        ("data", "id: visitor", "id: 7", ("data.yaml:3: id: 7", "in quotes")),
        ("data", "min: 18", "min: .nan", ("columns.age.min", "finite")),
        ("data", "max: 100", "max: 1e39", ("data.yaml:7: columns.age", "max 1e+39 is beyond 3.4")),
        ("data", "min: 18", "min: -1e39", ("data.yaml:7: columns.age", "min -1e+39 is beyond")),
        ("data", "min: 50", "min: 2024-01-01", ("data.yaml:5: rows.min", "2024-01-01", "integer")),
        ("data", "rows: {min: 50}", "[a, b]: 1", ("data.yaml:1", "a key is a list")),
        ("data", "rows: {min: 50}", "rows: *no", ("data.yaml:5", "undefined alias")),
        ("model", "select:", "selects:", ("model.yaml:2: selects", "did you mean 'select'?")),
        ("model", "task: binary", "task: [binary", ("model.yaml:2: not valid YAML", "','")),
        ("model", "task: binary", "task: ranking", ("model.yaml:1: task", '"ranking"', "binary")),
        ("model", "task: binary", "task: binry", ("model.yaml:1: task", "did you mean 'binary'?")),
        ("model", "task: binary", "task: binary\nfeatures: tiny.derive",
         ("model.yaml:2: features", "must be written as in features.churn:derive")),
        ("data", "dtype: float", "dtype: flaot", ("data.yaml:7", "did you mean 'float'?")),
        ("model", "roc_auc", "roc_auk", ("model.yaml:2: select.metric", "did you mean 'roc_auc'?")),
        ("thresholds", "fail_below", "fail_blow", ("thresholds.yaml:1", "'fail_below'?")),
    ],
)  # fmt: skip
def test_a_wrong_line_is_refused_by_file_line_and_key(
    run_project: Project, file: str, old: str, new: str, says: tuple[str, ...]
) -> None:
    run_project.edit(file, old, new)
    run_project.refused("check", says=says)


def test_training_refuses_what_the_check_refuses(run_project: Project) -> None:
    run_project.edit("data", "missing: 0.2", "mising: 0.2")
    run_project.refused("train", "tiny", says=("columns.age.mising", "did you mean 'missing'?"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", ("model.yaml:1", "found nothing")),
        (b"- task\n", ("model.yaml:1", "found a list")),
        (b"task: \xff\n", ("model.yaml", "not UTF-8 (byte 6)", "save the file as UTF-8")),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(
    run_project: Project, content: bytes, says: tuple[str, ...]
) -> None:
    run_project.write("model", content)
    run_project.refused("check", says=says)


@pytest.mark.parametrize("file", ["data", "thresholds"])
def test_a_model_without_one_of_its_files_is_refused(run_project: Project, file: str) -> None:
    run_project.path(file).unlink()
    run_project.refused("check", says=(f"tiny/{file}.yaml: no such file", "a model has data.yaml"))


@pytest.mark.parametrize(
    "command",
    [("train",), ("run",), ("check",), ("lock", "verify"), ("serve",), ("describe",), ("drift",),
     ("remove",), ("monitor",), ("image",)],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("name", ["tinny", "Tiny", "tiny_"])
def test_an_unknown_model_is_refused_with_the_nearest(
    run_project: Project, command: tuple[str, ...], name: str
) -> None:
    says = (f"no model '{name}'", "did you mean 'tiny'?")
    run_project.refused(*command, name, says=says)
