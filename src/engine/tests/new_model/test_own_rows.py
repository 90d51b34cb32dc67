"""From somebody's file to a service that takes that file's own rows, without an edit."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from projects import Project
from services import serve
from tagship.config.project_files import load_model
from tagship.data.splitting import split_table
from tagship.data.table import load_table
from tagship.training.bundle import load_bundle

ROWS = 400


def sales(path: Path) -> None:
    """An index without a name, money, percent, dates, a sentinel, and None as a kind of garage."""
    random = np.random.default_rng(7)
    price, share = random.uniform(900, 9000, ROWS), random.uniform(0, 100, ROWS)
    days = [date(2024, 1, 1) + timedelta(int(n)) for n in random.integers(0, 360, ROWS)]
    age = random.integers(18, 80, ROWS)
    garage = random.choice(["None", "Attached", "Detached"], ROWS)
    sold = price / 1000 - share / 20 + (garage == "Attached") * 2 + random.normal(0, 1, ROWS) > 3
    frame = pd.DataFrame(
        {
            "price": [f"${value:,.2f}" for value in price],
            "discount": [f"{value:.1f}%" for value in share],
            "listed": [day.strftime("%d.%m.%Y") for day in days],
            "age": np.where(np.arange(ROWS) % 40 == 0, -999, age),
            "garage": garage,
            "e-mail": [f"a{n}@example.org" for n in range(ROWS)],
            "sold": sold.astype(int),
        }
    )
    frame.to_csv(path)


@pytest.mark.slow
def test_raw_rows_of_the_file_are_answered_as_scikit_learn_answers(project: Project) -> None:
    sales(project.path("data/sales.csv"))
    made = project.tagship("new", "sales", "--data", "data/sales.csv", "--target", "sold")
    assert made.code == 0, made.err
    ran = project.tagship("run", "sales")
    assert ran.code == 0, ran.out + ran.err
    with project.path("data/sales.csv").open(encoding="utf-8") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:  # numbers and the index as JSON has them, the rest as it is written
        row["age"], row[""] = int(row["age"]), int(row[""])
    files = load_model(project.root, "sales")
    frame = load_table(files).frame
    test = split_table(frame, files.data, files.model).test
    with serve(project, "sales") as address:
        answer = httpx.post(f"{address}/predict", json=[rows[at] for at in test], timeout=30)
        strange = rows[0] | {"garage": "Carport", "price": "$12,000.00", "age": 119}
        odd = httpx.post(f"{address}/predict", json=strange, timeout=30)
    assert answer.status_code == 200, answer.text
    answers = answer.json()["predictions"]
    assert {type(each["prediction"]) for each in answers} == {int}
    expected = load_bundle(files).evidence.pipeline_scores
    np.testing.assert_allclose([each["probability"] for each in answers], expected, atol=1e-5)
    assert odd.status_code == 200, odd.text
    scored = project.tagship(
        "predict", "sales", "--input", "data/sales.csv", "--output", "scores.csv"
    )
    assert scored.code == 0, scored.err
    batch = pd.read_csv(project.path("scores.csv"))["probability"].to_numpy()[test]
    np.testing.assert_allclose(batch, expected, atol=1e-5)
    assert "example.org" not in json.dumps(made.out + ran.out)
