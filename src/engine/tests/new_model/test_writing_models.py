"""The files of a new model: as a person would write them, all or none."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tagship.config.sources import CsvSource
from tagship.errors import TagshipError
from tagship.new_model.add_model import add_model
from tagship.new_model.draft import draft_model
from tagship.new_model.file_texts import NewFile, model_files, model_yaml
from tagship.new_model.rounding import number_text, range_with_slack
from tagship.new_model.table_file import read_table
from tagship.new_model.yaml_text import entry


def files_for(root: Path, name: str = "shop") -> list[NewFile]:
    reading = read_table("../shared/customers.csv", root, root)
    draft = draft_model(reading.frame, "Churn", None, reading.decimal, reading.text)
    source = reading.source.model_copy(update={"nulls": draft.nulls})
    return model_files(name, source, draft)


def everything(root: Path) -> list[str]:
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(path for path in paths if not path.startswith(".tagship/locks"))


@pytest.mark.parametrize(
    "text",
    [
        *("No", "on", "1.0", "1", "null", "~", "2020-01-01", "a: b", "#x", "a #b", " x ", "", "é"),
        *("x,y", "[a]", "{a}", "'", '"', "\\", "- a", "!a", "&a", "*a", "%", "@", "`", "\n", "="),
        *("<<", "0x1A", "1e3", ".5", "12:30", "😀", "\x85", "\u2028", "C:\\new", "../a/b.csv"),
        *("y", "?", "|", ">"),
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_any_text_survives_yaml_of_either_version(text: str, version: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version  # type: ignore[assignment]
    line = entry(text, {text: [text, 1.5]})
    assert yaml.load(line) == {text: {text: [text, 1.5]}}
    assert "\n" not in line


@given(st.lists(st.text(max_size=30), min_size=1, max_size=60), st.text(min_size=1, max_size=30))
def test_long_lines_wrap_without_a_change_of_meaning(values: list[str], name: str) -> None:
    written = entry(name, {"dtype": "category", "values": values}, 2)
    read = YAML(typ="safe", pure=True).load(f"columns:\n{written}\n")
    assert read == {"columns": {name: {"dtype": "category", "values": values}}}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_back_exactly(value: float) -> None:
    assert YAML(typ="safe", pure=True).load(f"x: {number_text(value)}")["x"] == value


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
def test_a_range_with_slack_holds_what_was_seen(a: float, b: float, whole: bool) -> None:
    low, high = sorted([round(a), round(b)] if whole else [a, b])
    usual = range_with_slack(float(low), float(high), whole)
    assert usual is None or usual[0] <= low <= high <= usual[1]


def test_the_yaml_is_short_and_says_no_default(root: Path, shared: Path) -> None:
    texts = dict(files_for(root))
    data = texts["config/shop/data.yaml"]
    assert data.splitlines()[0] == "# yaml-language-server: $schema=../schemas/data.json"
    assert 'source: {kind: csv, path: ../shared/customers.csv, nulls: ["", " "]}' in data
    assert "  gender: {dtype: category, values: [Female, Male]}\n" in data
    assert "feature: true" not in data
    assert "missing: 0}" not in data
    for text in texts.values():
        assert max(map(len, text.splitlines())) <= 100


def test_a_model_is_added_whole(root: Path, shared: Path) -> None:
    files = add_model(root, "shop", files_for(root))
    assert files.model.task == "binary"
    assert everything(root) == sorted(["config/project.yaml", *(p for p, _ in files_for(root))])


def test_a_taken_name_is_refused_and_its_files_are_left_alone(root: Path, shared: Path) -> None:
    (root / "config" / "shop").mkdir()
    (root / "config" / "shop" / "data.yaml").write_text("mine")
    with pytest.raises(TagshipError, match="exists already"):
        add_model(root, "shop", files_for(root))
    assert (root / "config" / "shop" / "data.yaml").read_text() == "mine"
    with pytest.raises(TagshipError, match="lower-case letters"):
        add_model(root, "My_Shop", files_for(root))


def test_another_bento_of_that_name_stops_everything(root: Path, shared: Path) -> None:
    (root / "bentos" / "shop").mkdir(parents=True)
    (root / "bentos" / "shop" / "service.py").write_text("mine")
    before = everything(root)
    with pytest.raises(TagshipError, match="bentos/shop exists already"):
        add_model(root, "shop", files_for(root))
    assert everything(root) == before


def test_what_a_killed_run_left_does_not_stop_the_next(root: Path, shared: Path) -> None:
    for path, text in files_for(root):
        if path.startswith("bentos/"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    assert add_model(root, "shop", files_for(root)).name == "shop"


def test_a_move_that_fails_takes_back_what_had_moved(
    root: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = everything(root), Path.rename

    def full(path: Path, target: Path) -> Path:
        if target == root / "config" / "shop":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(TagshipError, match="the disk is full"):
        add_model(root, "shop", files_for(root))
    assert everything(root) == before


def test_files_that_do_not_fit_the_data_are_never_put_into_place(root: Path, shared: Path) -> None:
    before = everything(root)
    wrong = [
        (p, t.replace("tenure: {dtype: int, min: 0", "tenure: {dtype: int, min: 9"))
        for p, t in files_for(root)
    ]
    assert wrong != files_for(root)
    with pytest.raises(TagshipError, match="tenure"):
        add_model(root, "shop", wrong)
    assert everything(root) == before


def test_trees_grow_with_the_table(root: Path, shared: Path) -> None:
    draft = draft_model(read_table("../shared/customers.csv", root, root).frame, "Churn")
    source = CsvSource(kind="csv", path="customers.csv")

    def params(rows: int) -> dict[str, dict[str, float]]:
        sized = replace(draft, rows=rows, libraries=("lightgbm", "xgboost"))
        made = YAML(typ="safe").load(model_yaml(source, sized))["candidates"]
        return {name: candidate.get("params", {}) for name, candidate in made.items()}

    small, usual, large = params(400), params(20_000), params(90_000)
    for name, size in (
        ("gradient_boosting", "max_leaf_nodes"),
        ("lightgbm", "num_leaves"),
        ("xgboost", "max_depth"),
    ):
        assert small[name][size] < usual[name][size]
    assert large["gradient_boosting"]["early_stopping"]
    assert "early_stopping" not in small["gradient_boosting"]
    leaf = "min_samples_leaf"  # rows in one: as many leaves, so the artifact stays small
    assert (
        small["random_forest"][leaf] < usual["random_forest"][leaf] < large["random_forest"][leaf]
    )
    assert "random_forest" not in params(1_000_000)


def test_boosters_are_proposed_where_the_project_declares_them(project):
    project.write(
        "pyproject.toml", '[project]\nname = "x"\ndependencies = ["tagship[boost,ui]>=0"]\n'
    )
    data = project.path("data/tiny.csv")
    ran = project.tagship("new", "again", f"--data={data}", "--target=bought")
    assert ran.code == 0, ran.err
    ran = project.tagship("train", "again")
    assert ran.code == 0, ran.err
    assert "lightgbm: roc_auc" in ran.out + ran.err
    assert "xgboost: roc_auc" in ran.out + ran.err
    project.write("pyproject.toml", '[project]\nname = "x"\ndependencies = ["tagship"]\n')
    assert project.tagship("new", "plain", f"--data={data}", "--target=bought").code == 0
    text = (project.root / "config/plain/model.yaml").read_text()
    assert "lightgbm" not in text
    assert "xgboost" not in text
