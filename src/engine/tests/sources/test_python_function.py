"""A table by a function of the project's own: used as any other, and refused where it is none."""

import json

import pytest

from projects import Project, make_table
from tagship.data.table import load_table
from tagship.training.lock import read_lock

CSV = "{kind: csv, path: data/tiny.csv}"
CODE = """\
import pandas as pd
import pyarrow as pa

def table(path="data/tiny.csv"):
    frame = pd.read_csv(path)
    {body}
"""
NAME = "sources.tiny:table"


def use(project: Project, code: str, source: str = f"{{kind: python, function: {NAME}}}") -> None:
    project.write("src/sources/tiny.py", code)
    project.edit("data", CSV, source)


@pytest.mark.parametrize(
    "body",
    [
        "return frame",
        "return frame.set_index('visitor')",
        "return pa.table(frame)",
        "return pa.table(frame.set_index('visitor'))",
        "return pa.RecordBatchReader.from_batches(pa.table(frame).schema, "
        "pa.table(frame).to_batches())",
    ],
)
def test_what_it_returns_has_the_hash_of_any_other_source(project: Project, body: str) -> None:
    expected = load_table(project.files).sha256
    use(project, CODE.format(body=body))
    assert load_table(project.files).sha256 == expected  # in a process of its own
    assert project.tagship("train", "tiny").code == 0
    assert read_lock(project.root / ".tagship/models/tiny/lock.yaml").data.sha256 == expected


def test_every_command_reads_it(project: Project) -> None:
    use(project, CODE.format(body="return frame"))
    for command in ("check", "validate", "describe", "run"):
        ran = project.tagship(command, "tiny")
        assert ran.code == 0, ran.err
    assert "sources.tiny:table" in project.path("reports/tiny.html").read_text()
    assert "identical" in project.tagship("lock", "verify", "tiny").out


def test_its_code_and_what_that_imports_are_in_the_lock(project: Project) -> None:
    use(project, "from sources.clean import drop\n" + CODE.format(body="return drop(frame)"))
    project.write("src/sources/clean.py", "def drop(frame):\n    return frame.head(300)\n")
    project.relock()
    assert set(read_lock(project.lock).inputs.code) == {"source"}
    assert project.tagship("lock", "check", "tiny").code == 0
    project.write("src/sources/clean.py", "def drop(frame):\n    return frame.head(299)\n")
    ran = project.tagship("lock", "check", "tiny")
    assert (ran.code, "the code of the source changed" in ran.out + ran.err) == (1, True)


def test_other_rows_make_the_lock_stale(project: Project) -> None:
    use(project, CODE.format(body="return frame"))
    project.relock()
    make_table(seed=8).to_csv(project.path("data/tiny.csv"), index=False)
    project.refused("lock", "verify", "tiny", says="(other values)")


def test_arguments_are_given_by_name(project: Project) -> None:
    project.path("data/tiny.csv").rename(project.path("data/other.csv"))
    source = f"{{kind: python, function: {NAME}, arguments: {{path: data/other.csv}}}}"
    use(project, CODE.format(body="return frame"), source)
    assert project.tagship("validate", "tiny").code == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise ValueError('no such key')", ("raised ValueError: no such key", "mend it in src/")),
        ("raise SystemExit(3)", ("raised SystemExit: 3", "mend it in src/sources/")),
        ("return", ("must return a table, not nothing", "pandas or Arrow table")),
        ("return frame['age']", ("Series is no table",)),
        ("return frame.to_dict()", ("must return a table, not dict",)),
        ("return frame.head(0)", ("source: sources.tiny:table: has no rows",)),
        ("return pd.concat([frame, frame], axis=1)", ("two columns are named 'age'",)),
        ("return frame.rename(columns={'age': ''})", ("column 2 has no name",)),
        ("return frame.drop(columns='age')", ("age", "missing")),
        ("return frame.assign(agge=1)", ("agge",)),
        ("return frame.assign(age='old')", ("age", "a number", "'old'")),
        ("return frame.assign(age=[[1]] * len(frame))", ("age", "a number")),
        ("return frame.assign(visits=pd.Timestamp(0))", ("visits", "a number")),
    ],
)
def test_what_is_no_table_of_the_contract_is_refused(
    project: Project, body: str, says: tuple[str, ...]
) -> None:
    use(project, CODE.format(body=body))
    project.refused("validate", "tiny", says=("config/tiny/data.yaml", *says))


@pytest.mark.parametrize(
    ("code", "name", "says"),
    [
        ("def table(:\n", NAME, ("source.function", "SyntaxError")),
        ("import nolib\n", NAME, ("No module named 'nolib'",)),
        ("raise SystemExit(1)\n", NAME, ("cannot be imported: SystemExit",)),
        ("", "sources.tinny:table", ("No module named", "did you mean 'sources.tiny'?")),
        ("", "nothing_near_it:table", ("No module named", "such functions live in src/sources/")),
        ("def table(): pass\n", "sources.tiny:tabel", ("'tabel'", "did you mean 'table'?")),
        ("table = 3\n", NAME, ("is not a function",)),
        ("def table(day): pass\n", NAME, ("source.arguments", "'day'", "it takes (day)")),
    ],
)
def test_a_function_that_cannot_be_called_is_refused(
    project: Project, code: str, name: str, says: tuple[str, ...]
) -> None:
    use(project, code, f"{{kind: python, function: {name}}}")
    where = "config/tiny/data.yaml: source."
    for command in ("check", "validate"):
        project.refused(command, "tiny", says=(where, *says))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{kind: python}", "source.function: required key is missing"),
        ("{kind: python, function: sources.tiny}", "source.function"),
        ("{kind: python, function: 'sources.tiny:table', argument: {}}", "mean 'arguments'?"),
        ("{kind: pyhton, function: 'sources.tiny:table'}", "'python'"),
        ("{kind: synthetic, generator: churn, rows: 9}", "'python'"),
    ],
)
def test_a_source_that_is_declared_wrongly_is_refused(
    project: Project, source: str, says: str
) -> None:
    project.edit("data", CSV, source)
    project.refused("validate", "tiny", says=("config/tiny/data.yaml:", says))


def test_a_work_tree_s_function_must_give_columns_of_one_type(project: Project) -> None:
    use(project, CODE.format(body="return frame.assign(plan=['free', 1] * (len(frame) // 2))"))
    with pytest.raises(Exception, match="give each column one type"):
        load_table(project.files)


def test_what_it_prints_is_no_part_of_an_answer(project: Project) -> None:
    use(project, CODE.format(body="print('hello'); return frame"))
    ran = project.tagship("validate", "tiny", "--json")
    assert json.loads(ran.out)
    assert "hello" in ran.err
