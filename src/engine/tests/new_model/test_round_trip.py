"""The inferred contract accepts the very table that it was inferred from."""

import datetime as dt
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from customers import PROJECT
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tagship.errors import TagshipError
from tagship.new_model.add_model import add_model
from tagship.new_model.draft import draft_model
from tagship.new_model.file_texts import model_files
from tagship.new_model.table_file import read_table, with_nulls

ROWS = 60
NAMES = st.one_of(
    st.sampled_from(["yes", "no", "null", "1", "a: b", "#x", "a,b", "größe", "id", "email", "on"]),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12),
)
WORDS = st.sampled_from(["No", "on", "1.0", "null", "2020-01-01", "a b", "x,y", "?", "-", " ", "ü"])


def _column(values: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    """A few values, each in many rows: quick to generate, rich in ties."""

    def fill(drawn: tuple[list[object], int]) -> list[object]:
        chosen = np.random.default_rng(drawn[1]).integers(0, len(drawn[0]), ROWS)
        return [drawn[0][index] for index in chosen]

    return st.tuples(st.lists(values, min_size=1, max_size=ROWS), st.integers(0, 99)).map(fill)


COLUMNS = st.one_of(
    _column(st.floats(-1e9, 1e9, allow_subnormal=False)),
    _column(st.integers(-1000, 1000)),
    _column(st.booleans()),
    _column(st.sampled_from([0, 1])),
    _column(st.one_of(st.none(), st.floats(0, 1, allow_subnormal=False))),
    _column(WORDS),
    _column(st.one_of(st.integers(0, 9).map(str), st.sampled_from([" ", "n/a", "07"]))),
    _column(st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)).map(str)),
    _column(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=8)),
    st.just([f"row-{i}" for i in range(ROWS)]),
    st.just(["same"] * ROWS),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    columns=st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=5),
    kind=st.sampled_from(["csv", "csv.gz", "parquet", "json"]),
    regression=st.booleans(),
)
def test_a_contract_accepts_the_table_it_was_inferred_from(
    columns: dict[str, list[object]], kind: str, regression: bool
) -> None:
    assume("target" not in columns)
    signal = np.sin(np.arange(ROWS))
    target = signal if regression else np.where(signal > 0, "Yes", "No")
    frame = pd.DataFrame({**columns, "signal, or noise": np.cos(np.arange(ROWS)), "target": target})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "config").mkdir()
        (root / "config" / "project.yaml").write_text(PROJECT)
        _save(frame, root / f"table.{kind}")
        reading = read_table(f"table.{kind}", root, root)
        draft = draft_model(reading.frame, "target", None, reading.decimal, reading.text)
        source = with_nulls(reading.source, draft.nulls)
        files = add_model(root, "any", model_files("any", source, draft))
    assert list(files.data.columns) == [n for n in frame if n not in ("target", draft.id)]
    assert files.data.columns == {n: files.data.columns[n] for n in draft.columns}
    assert {n: c.model_dump() for n, c in files.data.columns.items()} == {
        n: c.model_dump() for n, c in draft.columns.items()
    }


def _save(frame: pd.DataFrame, path: Path) -> None:
    if "csv" in path.name:
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_and_values_that_yaml_would_misread_survive(root: Path, kind: str) -> None:
    odd = [
        "yes",
        "no",
        "null",
        "1",
        "a: b",
        "#x",
        "a,b",
        "größe",
        "2020-01-01",
        "on",
        "[x]",
        "é'\"",
    ]
    values = ["No", "on", "1.0", "nul", "2020-01-01", "a: b", "#x", "x,y", "'", "[", "-", "~"]
    frame = pd.DataFrame(
        {name: np.roll(np.repeat(values, 10), 7 * i) for i, name in enumerate(odd)}
    )
    frame["y"] = np.sin(np.arange(120))
    _save(frame, root / f"t.{kind}")
    reading = read_table(f"t.{kind}", root, root)
    draft = draft_model(reading.frame, "y", None, reading.decimal, reading.text)
    files = add_model(root, "odd", model_files("odd", reading.source, draft))
    assert list(files.data.features) == odd
    assert all(set(column.values or []) == set(values) for column in files.data.columns.values())


def test_a_failing_table_leaves_no_staging_behind(root: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(90.0), "y": np.arange(90) % 2})
    frame.to_csv(root / "t.csv", index=False)
    reading = read_table("t.csv", root, root)
    draft = draft_model(reading.frame, "y", None, reading.decimal, reading.text)
    (root / "t.csv").write_text("x,y\n1,0\n")
    with pytest.raises(TagshipError, match="at least 45 rows"):
        add_model(root, "gone", model_files("gone", reading.source, draft))
    assert list((root / ".tagship" / "new").iterdir()) == []
    shutil.rmtree(root / ".tagship")
