"""`tagship new`, as typed, and what training makes of its files unedited."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from customers import customers
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from tagship.cli.new import command as new
from tagship.config.contract import WrittenNumber
from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gates.evaluate import evaluate_gates
from tagship.training.train import train

TYPED = ("shop", "--data", "../shared/customers.csv")

app = typer.Typer()
app.command()(new)


def run(root: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(root)
    ran = CliRunner().invoke(app, list(arguments))
    if ran.exception is not None:
        raise ran.exception
    return ran.output


def test_it_says_what_it_guessed_why_and_what_comes_next(
    root: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(
        root,
        "shop",
        "--data",
        "../shared/customers.csv",
        "--target",
        "Churn",
        monkeypatch=monkeypatch,
    )
    for text in ("Churn has two labels", "the word says so", "' ' in TotalCharges", "E-mail"):
        assert text in said
    assert "../shared/customers.csv lies outside the repository" in said
    assert said.endswith("next: tagship run shop\n")
    progress = re.findall(r"(?m)^ *\d+\.\d s  (.*)$", said)
    assert progress[:2] == ["loading the libraries", "shop: reading ../shared/customers.csv"]
    assert len(said.splitlines()) - len(progress) < 25
    assert "example.org" not in said


def test_a_bad_name_and_a_missing_target_write_nothing(
    root: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TagshipError, match="lower-case letters"):
        run(root, "My Shop", *TYPED[1:], "--target", "Churn", monkeypatch=monkeypatch)
    with pytest.raises(TagshipError, match="did you mean 'Churn'"):
        run(root, *TYPED, "--target", "churn", monkeypatch=monkeypatch)
    both = ("--target", "customerID", "--id", "customerID")
    with pytest.raises(TagshipError, match="--id customerID: --target is the same column"):
        run(root, *TYPED, *both, monkeypatch=monkeypatch)
    assert [path.name for path in (root / "config").iterdir()] == ["project.yaml"]
    assert not (root / "bentos").exists()


def regression(rows: int) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    frame = pd.DataFrame(generator.normal(2000, 9, (rows, 3)).round(2), columns=["a", "b", "c"])
    frame["area"] = generator.choice(["north", "south"], rows)
    return frame.assign(
        price=1e5 + frame["a"] * 90 - frame["b"] * 40 + generator.normal(0, 300, rows)
    )


def multiclass(rows: int) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    kind = generator.integers(0, 3, rows)
    frame = pd.DataFrame({"x": kind + generator.normal(0, 0.4, rows), "z": generator.random(rows)})
    return frame.assign(kind=np.array(["oak", "ash", "No"])[kind])


@pytest.mark.parametrize(
    ("thousands", "delimiter", "decimal"), [(",", "\t", "."), (".", ";", ","), (",", ";", ".")]
)
def test_thousands_become_no_fractions(
    root: Path, monkeypatch: pytest.MonkeyPatch, thousands: str, delimiter: str, decimal: str
) -> None:
    salaries = [f"{n * 731:,}".replace(",", thousands) for n in range(1, 201)]
    shares = [f"{n / 7:.2f}".replace(".", decimal) for n in range(200)]
    frame = pd.DataFrame({"salary": salaries, "share": shares, "left": ["yes", "no"] * 100})
    frame.to_csv(root / "staff.csv", index=False, sep=delimiter)
    said = run(root, "shop", "--data", "staff.csv", "--target", "left", monkeypatch=monkeypatch)
    data = load_model(root, "shop").data
    assert data.columns["salary"].dtype == "int"
    assert data.columns["salary"].format == WrittenNumber(thousands=thousands, decimal=decimal)
    assert data.columns["share"].dtype == "float"
    assert f"salary: read as numbers: such as 1{thousands}234{decimal}5" in said
    assert ("decimal   ,  " in said) == (decimal == ",")


def categories_only(rows: int) -> pd.DataFrame:
    """No number that noise could disturb."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {name: random.choice(["low", "middle", "high"], rows) for name in ("use", "age", "spend")}
    )
    score = (frame == "high").sum(axis=1) - (frame == "low").sum(axis=1)
    stays = score + random.normal(0, 0.5, rows) > 0
    return frame.assign(stays=np.where(stays, "yes", "no"))


@pytest.mark.parametrize(
    ("frame", "target", "kind"),
    [
        (customers(900), "Churn", "csv"),
        (multiclass(400), "kind", "json"),
        (regression(600), "price", "parquet"),
        (categories_only(900), "stays", "csv"),
    ],
)
def test_training_passes_every_gate_unedited(
    root: Path, frame: pd.DataFrame, target: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / f"table.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "json":
        frame.to_json(path, orient="records")
    else:
        frame.to_parquet(path)
    run(root, "own", "--data", path.name, "--target", target, monkeypatch=monkeypatch)
    files = load_model(root, "own")
    with threadpool_limits(1):  # threads that wait for busy cores would take minutes
        verdict = evaluate_gates(files, train(files))
    judged = [result for result in verdict.results if result.gate != "latency"]  # other work's too
    assert [result for result in judged if result.status != "pass"] == []
    assert len(judged) == len(verdict.results) - 1


def test_a_second_time_nothing_changes_and_another_table_shows_what_would(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    regression(300).to_csv(root / "homes.csv", index=False)
    typed = ("shop", "--data", "homes.csv", "--target", "price")
    run(root, *typed, monkeypatch=monkeypatch)
    before = {path: path.read_text() for path in (root / "config" / "shop").iterdir()}
    assert "nothing changes" in run(root, *typed, monkeypatch=monkeypatch)
    regression(300).assign(area=["west", "south"] * 150).to_csv(root / "homes.csv", index=False)
    said = run(root, *typed, monkeypatch=monkeypatch)
    assert "-  area: {dtype: category, values: [north, south]}\n" in said
    assert "+  area: {dtype: category, values: [south, west]}\n" in said
    assert "shop is there already and is left as it is; --write changes its files" in said
    assert {path: path.read_text() for path in (root / "config" / "shop").iterdir()} == before
    assert "git add -p config/shop" in run(root, *typed, "--write", monkeypatch=monkeypatch)
    assert load_model(root, "shop").data.columns["area"].values == ["south", "west"]
    assert "nothing changes" in run(root, *typed, monkeypatch=monkeypatch)
