"""Config files: what they refuse, and how well they say where."""

from pathlib import Path

import pytest

from tagship.config.contract import DataConfig
from tagship.config.model import ModelConfig
from tagship.config.project import ProjectConfig
from tagship.config.project_files import load_model
from tagship.config.root import check_model_name, find_root, model_names
from tagship.config.schemas import KINDS
from tagship.config.thresholds import ThresholdsConfig
from tagship.config.yaml_file import dump_yaml, parse, read_yaml
from tagship.errors import TagshipError

ROOT = find_root(Path(__file__).parent)
DATA = """\
source: {kind: csv, path: a.csv}
target: {column: y, positive: "yes"}
columns:
  x: {dtype: float}
"""
MODEL = """\
task: binary
select: {metric: f1}
candidates:
  line: {estimator: sklearn.linear_model.LogisticRegression}
"""
THRESHOLDS = """\
metrics: {f1: {fail_below: 0.5}}
baseline: {metric: f1, margin: 0.1}
parity: {max_difference: 1.0e-5}
"""
PROJECT = """\
name: shop
title: Shop
owner: me
registry: ghcr.io/me
"""
TEXTS = {"data": DATA, "model": MODEL, "thresholds": THRESHOLDS, "project": PROJECT}


def _parse(tmp_path: Path, kind: str, text: str) -> object:
    path = tmp_path / f"{kind}.yaml"
    path.write_text(text, encoding="utf-8")
    return parse(read_yaml(path), KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_config_is_enough(tmp_path: Path, kind: str) -> None:
    kinds = (DataConfig, ModelConfig, ThresholdsConfig, ProjectConfig)
    assert isinstance(_parse(tmp_path, kind, TEXTS[kind]), kinds)


def test_a_config_never_changes_after_loading(tmp_path: Path) -> None:
    config = _parse(tmp_path, "project", PROJECT)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "other"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        (
            "data",
            "columns",
            "collumns",
            ":3: collumns: unknown key; did you mean 'columns'",
        ),
        ("data", "path", "pth", "data.yaml:1: source.pth: unknown key; did you mean 'path'"),
        (
            "data",
            "dtype: float",
            "dtype: float, mn: 1",
            ":4: columns.x.mn: unknown key; did",
        ),
        ("data", "kind: csv", "kind: pickle", "data.yaml:1: source"),
        ("data", "{dtype: float}", "{}", ":4: columns.x.dtype: required key is missing"),
        ("data", "dtype: float", "dtype: flaot", ':4: columns.x.dtype: "flaot"'),
        ("data", "dtype: float", "dtype: category", "a category needs `values"),
        ("data", "dtype: float", "dtype: float, values: [a]", "`values` belongs to dtype category"),
        ("data", "dtype: float", "dtype: category, values: [a, a]", "holds the same value twice"),
        ("data", "dtype: float", "dtype: category, values: []", "columns.x.values"),
        ("data", "dtype: float", "dtype: bool, min: 0", "`min` belongs to dtype float and int"),
        ("data", "dtype: float", "dtype: float, min: 2, max: 1", "min 2 is above max 1"),
        ("data", "dtype: float", "dtype: float, missing: 1.5", "less than or equal to 1"),
        ("data", "dtype: float", "dtype: float, feature: 'no'", "columns.x.feature"),
        ("data", "columns:\n  x: {dtype: float}", "columns: {}", "data.yaml:3: columns"),
        ("data", "a.csv}", "a.csv, sha256: abc}", 'source.sha256: "abc"'),
        ("data", "a.csv}", "a.csv, delimiter: ';;'}", "source.delimiter"),
        ("data", "target:", "split: {test: 1.0}\ntarget:", "split.test: 1.0"),
        (
            "data",
            "target:",
            "split: {stratify: true, time: x}\ntarget:",
            "stratify and time",
        ),
        ("model", "binary", "ranking", 'model.yaml:1: task: "ranking"'),
        ("model", "metric: f1", "metric: f1, folds: 1", "model.yaml:2: select.folds: 1"),
        ("model", "metric: f1", "metric: f1, folds: '5'", 'model.yaml:2: select.folds: "5"'),
        ("model", "estimator", "estimater", "did you mean 'estimator'"),
        ("model", "sklearn.linear_model.LogisticRegression", "Logistic", "line.estimator"),
        ("model", "task: binary", "task: binary\nfeatures: derive", "model.yaml:2: features"),
        ("model", "task: binary", "task: binary\nthreshold: 1.0", "model.yaml:2: threshold"),
        ("model", "LogisticRegression}", "LogisticRegression, scal: true}", "did you mean 'scale'"),
        ("thresholds", "fail_below: 0.5", "warn_below: 0.5", "a gate that can only warn is none"),
        ("thresholds", "0.5}", "0.5, fail_above: 0.9}", "fail_below/warn_below or fail_above"),
        ("thresholds", "0.5}", "0.5, warn_below: 0.4}", "warn_below must not be under fail_below"),
        ("thresholds", "fail_below: 0.5", "fail_above: 0.5, warn_above: 0.6", "must not be over"),
        ("thresholds", "parity: {max_difference: 1.0e-5}", "", "parity: required key is missing"),
        ("thresholds", "parity", "robustness: {max_drop: 0.1}\nparity", "give noise or missing"),
        ("thresholds", "parity", "slices: {by: [x], metric: f1}\nparity", "or max_gap"),
        ("thresholds", "parity", "fairness: {by: x}\nparity", "give demographic_parity_difference"),
        ("project", "name: shop", "name: My Shop", 'project.yaml:1: name: "My Shop"'),
        ("project", "owner", "environments: [staging, staging]\nowner", "same environment twice"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line_and_key(
    tmp_path: Path, kind: str, old: str, new: str, message: str
) -> None:
    assert old in TEXTS[kind]
    with pytest.raises(TagshipError) as refused:
        _parse(tmp_path, kind, TEXTS[kind].replace(old, new))
    assert message in str(refused.value)


def test_every_problem_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    text = DATA.replace("kind: csv", "kind: csv, delimeter: a").replace("float", "flaot")
    with pytest.raises(TagshipError) as refused:
        _parse(tmp_path, "data", text)
    assert "did you mean 'delimiter'?" in str(refused.value)
    assert "flaot" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a:\n\tb: 1\n", "f.yaml:2: not valid YAML: a tab stands where"),
        ("a: 1\nb: 2\na: 3\n", 'f.yaml:3: duplicate key "a"'),
        ("a: {b: 1, b: 2}\n", 'f.yaml:1: duplicate key "b"'),
        ("a: [1\n", "f.yaml:2: not valid YAML"),
        ("[a]: 1\n", "f.yaml:1: a key is a list or mapping"),
        ("just text\n", "f.yaml:1: expected keys and values, found the value 'just text'"),
    ],
)
def test_what_is_no_plain_mapping_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(content)
    with pytest.raises(TagshipError) as refused:
        read_yaml(path)
    assert message in str(refused.value)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    path.write_text(PROJECT, encoding="utf-8-sig")
    assert parse(read_yaml(path), ProjectConfig).name == "shop"


def test_yaml_words_of_old_are_text(tmp_path: Path) -> None:
    config = _parse(tmp_path, "data", DATA.replace('"yes"', "yes"))
    assert isinstance(config, DataConfig)
    assert config.target.positive == "yes"


def test_what_is_dumped_can_be_read_again(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None], "name, with comma": {"Ü": "yes"}}
    path = tmp_path / "f.yaml"
    path.write_text(dump_yaml(value), encoding="utf-8")
    assert read_yaml(path).plain() == value


@pytest.mark.parametrize(
    "name", ["Churn", "a--b", "-a", "1a", "a" * 41, "schemas", "base", "a_b", ""]
)
def test_a_model_name_must_fit_tags_images_and_kubernetes(name: str) -> None:
    with pytest.raises(TagshipError, match="cannot be a model's name"):
        check_model_name(name)


def test_no_project_above_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TagshipError, match="run this inside a Tagship project"):
        find_root(tmp_path)


def test_the_models_of_this_repository_are_sound() -> None:
    for name in model_names(ROOT):
        load_model(ROOT, name)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("**/*.yaml")), ids=str)
def test_every_config_names_its_schema_for_editors(path: Path) -> None:
    if path.name == "model.lock.yaml":
        return
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    schema = (path.parent / first.removeprefix(prefix)).resolve()
    assert schema == ROOT / "config" / "schemas" / f"{path.stem}.json"
