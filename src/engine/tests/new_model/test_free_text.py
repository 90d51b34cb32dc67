"""Free text is told from codes, names and ids, and a table of nothing else becomes a model."""

from collections.abc import Callable
from itertools import count

import numpy as np
import pandas as pd
import pytest

from projects import Project
from tagship.config.project_files import load_model
from tagship.new_model.draft import draft_model
from tagship.new_model.free_text import count_of_terms
from tagship.reports.describe_model import describe_model

RANDOM = np.random.default_rng(5)
HOW = ["great", "bad", "nice", "poor", "comfy", "ugly", "cheap", "solid"]
WHAT = ["shoes", "shirt", "phone", "bag", "watch", "lamp"]
THEN = ["would buy again", "never again", "returned it", "as described", "zu spät geliefert"]
FIRST = ["Anna", "Bruno", "Emma", "James", "Maria", "Paul", "Laura", "Thomas", "Julia", "David"]
LAST = ["Smith", "Meyer", "Jones", "Garcia", "Müller", "Rossi", "Brown", "Schmidt", "Weber"]
COUNTED = count()


def some(words: list[str]) -> str:
    return str(RANDOM.choice(words))


def number(below: int) -> int:
    return int(RANDOM.integers(below))


TEXTS: dict[str, Callable[[], str]] = {
    "phrases": lambda: f"{some(HOW)} {some(WHAT)}, {some(THEN)}",
    "phrases that never repeat": lambda: f"{some(HOW)} {some(WHAT)} {some(THEN)} {next(COUNTED)}",
    "han": lambda: "".join(RANDOM.choice(list("很好不用快慢贵手机质量物流"), 9)),
    "tags": lambda: "|".join([some(WHAT), some(HOW), some(WHAT), some(HOW)]),
}
OTHERS: dict[str, Callable[[], str]] = {
    "codes": lambda: f"AB-{number(1000)} X{number(99)}",
    "numbered": lambda: f"Invoice 2024-{number(999):03d}",
    "customers": lambda: f"customer no {number(99999)}",
    "uuid": lambda: "-".join(f"{4096 + number(61440):x}" for _ in range(5)),
    "people": lambda: f"{some(FIRST)} {some(LAST)}",
    "places": lambda: f"{some(['New', 'Old', 'San'])}{some(['town', 'berg', 'ville'])}{number(99)}",
}


def table(make: Callable[[], str], rows: int = 400) -> pd.DataFrame:
    texts = [make() for _ in range(rows)]
    liked = ["yes" if RANDOM.random() < 0.5 else "no" for _ in texts]
    return pd.DataFrame({"said": texts, "visits": RANDOM.integers(0, 9, rows), "liked": liked})


@pytest.mark.parametrize("kind", TEXTS)
def test_free_text_is_a_feature_and_never_an_id(kind: str) -> None:
    draft = draft_model(table(TEXTS[kind]), "liked")
    assert draft.id is None
    assert draft.columns["said"].terms == 300
    assert any("said: read as free text" in check for check in draft.checks)


@pytest.mark.parametrize("kind", OTHERS)
def test_codes_names_and_numbers_are_no_free_text(kind: str) -> None:
    draft = draft_model(table(OTHERS[kind]), "liked")
    column = draft.columns.get("said")
    assert column is None or column.terms is None


def test_few_terms_are_proposed_for_very_many_rows() -> None:
    said = table(TEXTS["phrases"])["said"]
    assert count_of_terms(said) == 300
    assert count_of_terms(pd.concat([said] * 5000)) == 50


@pytest.mark.slow
def test_a_table_of_text_alone_becomes_a_model_that_runs(project: Project) -> None:
    frame = table(TEXTS["phrases that never repeat"], 600).drop(columns="visits")
    frame["liked"] = np.where(frame["said"].str.contains("great|nice|solid"), "yes", "no")
    noisy = RANDOM.random(len(frame)) < 0.1
    frame.loc[noisy, "liked"] = "no"
    frame.to_csv(project.path("data/reviews.csv"), index=False)
    made = project.tagship("new", "reviews", "--data", "data/reviews.csv", "--target", "liked")
    assert made.code == 0, made.err
    assert "1 free text" in made.out
    ran = project.tagship("run", "reviews")
    assert ran.code == 0, ran.out + ran.err
    said, _ = describe_model(load_model(project.root, "reviews")).columns
    assert not any("id-like" in note for note in said.notes)
