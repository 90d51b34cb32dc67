"""What is guessed from a table."""

import numpy as np
import pandas as pd
import pytest
from customers import as_read, customers

from tagship.errors import TagshipError
from tagship.new_model.column_profile import profile_column
from tagship.new_model.draft import Draft, Wishes, draft_model


def guess(frame: pd.DataFrame, target: str = "y", **wishes: str) -> Draft:
    return draft_model(as_read(frame), target, Wishes(**wishes), text=True)  # type: ignore[arg-type]


def with_target(**columns: object) -> pd.DataFrame:
    made = pd.DataFrame(columns)
    return made.assign(y=np.where(np.arange(len(made)) % 3 == 0, "a", "b"))


def test_blank_texts_among_numbers_are_declared_and_met() -> None:
    draft = guess(customers(), "Churn")
    assert draft.nulls == ["", " "]
    assert draft.columns["TotalCharges"].dtype == "float"
    assert 0 < draft.columns["TotalCharges"].missing <= 0.05


def test_each_column_of_a_real_table_gets_its_use() -> None:
    draft = guess(customers(), "Churn")
    assert (draft.task, draft.positive, draft.id) == ("binary", "Yes", "customerID")
    assert draft.columns["E-mail"].pii == "drop"
    assert draft.columns["PhoneService"].values == ["No", "Yes"]
    assert draft.columns["joined"].dtype == "datetime"
    assert draft.columns["joined"].parts == ["month", "weekday"]
    assert not draft.columns["currency"].feature
    assert (draft.columns["tenure"].dtype, draft.columns["tenure"].min) == ("int", 0)
    assert draft.columns["tenure"].max is None
    assert (draft.columns["Senior"].min, draft.columns["Senior"].max) == (0, 1)
    assert draft.least_rows == 300


def test_ranges_leave_slack_and_keep_a_sign_that_never_occurs() -> None:
    values = np.linspace(3.3, 97.7, 90)
    columns = guess(with_target(up=values, down=-values, both=values - 50)).columns
    assert (columns["up"].min, columns["up"].max, columns["up"].usual) == (None, None, [0, 110])
    assert columns["down"].usual == [-110, 0]
    assert columns["both"].usual == [-60, 60]


def test_too_many_categories_become_text_that_is_no_feature() -> None:
    many = guess(with_target(x=np.arange(300.0), code=[f"c{i % 80}" for i in range(300)]))
    assert many.columns["code"].dtype == "string"
    assert not many.columns["code"].feature
    assert any("code" in check for check in many.checks)


def test_digits_with_leading_zeros_are_no_numbers() -> None:
    codes = guess(with_target(x=np.arange(90.0), zip=["01234", "99999", "00501"] * 30))
    assert codes.columns["zip"].values == ["00501", "01234", "99999"]


def test_categories_sort_as_people_count() -> None:
    ages = guess(with_target(x=np.arange(90.0), age=["10-19", "2-9", "100+"] * 30))
    assert ages.columns["age"].values == ["2-9", "10-19", "100+"]


@pytest.mark.parametrize("token", ["?", "N/A", "-", "#N/A", "unknown", "\t"])
def test_a_word_for_missing_among_numbers_is_found(token: str) -> None:
    numbers = pd.Series(np.arange(90.0).astype(str))
    numbers[4] = token
    draft = guess(with_target(x=numbers, z=np.arange(90.0)))
    assert draft.columns["x"].dtype == "float"
    assert draft.columns["x"].missing > 0


def test_a_word_for_missing_stays_a_value_where_it_is_a_label() -> None:
    draft = guess(with_target(x=np.arange(90.0)).assign(y=["+", "-", "-"] * 30))
    assert (draft.task, draft.positive, draft.nulls) == ("binary", "+", [])
    levels = guess(with_target(x=np.arange(90.0)).assign(y=["None", "Low", "High"] * 30))
    assert levels.labels == 3
    assert "None" not in levels.nulls


def test_parquet_types_are_kept_as_they_are() -> None:
    frame = with_target(f=np.linspace(0, 1, 90), i=np.arange(90) % 7, t=np.arange(90) % 2 == 0)
    frame["gap"] = frame["i"].where(frame["i"] > 0).astype("Int64")
    columns = draft_model(frame, "y").columns
    assert [columns[name].dtype for name in ("f", "i", "t", "gap")] == [
        "float",
        "int",
        "bool",
        "int",
    ]
    assert columns["gap"].missing > 0


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["no", "yes"] * 45, "binary"),
        (["low", "mid", "high"] * 30, "multiclass"),
        ([0, 1, 2] * 30, "multiclass"),
        (np.linspace(0.1, 9, 90), "regression"),
        (np.arange(90), "regression"),
    ],
)
def test_the_task_follows_the_target(target: object, task: str) -> None:
    assert guess(pd.DataFrame({"x": np.sin(np.arange(90.0)), "y": target})).task == task


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["yes", "no"], "yes"),
        (["0", "1"], 1),
        (["-1", "1"], 1),
        (["1", "2"], 2),
        (["True", "False"], True),
        (["benign", "other"], "other"),
        (["left half", "right half"], "right half"),
        (["1.0", "0.0"], "1.0"),
        (["nein", "Ja"], "Ja"),
        (["oui", "non"], "oui"),
        (["NO", "SI\u0301"], "SI\u0301"),
        (["sim", "não"], "sim"),
        (["sì", "no"], "sì"),
        (["da", "ne"], "da"),
        (["kyllä", "ei"], "kyllä"),
        (["igen", "nem"], "igen"),
        (["tak", "nie"], "tak"),
        (["はい", "いいえ"], "はい"),
        (["是", "否"], "是"),
        (["да", "нет"], "да"),
        (["HAYIR", "EVET"], "EVET"),
        (["positiv", "negativ"], "positiv"),
        (["Betrug", "echt"], "Betrug"),
        (["sain", "défaut"], "défaut"),
        (["gekündigt", "treu"], "gekündigt"),
        (["vrai", "faux"], "vrai"),
        (["j", "n"], "j"),
        (["V", "F"], "V"),
        (["+", "-"], "+"),
        (["repaid late", "not repaid late"], "repaid late"),
        (["kein Treffer", "Treffer"], "Treffer"),
        (["non-smoker", "smoker"], "smoker"),
        (["购买", "未购买"], "购买"),
        (["f", "m"], "m"),
    ],
)
def test_the_positive_label_is_a_word_a_custom_or_the_rarer(
    labels: list[str], positive: object
) -> None:
    target = [labels[i % 3 == 0] for i in range(90)]
    draft = guess(pd.DataFrame({"x": np.sin(np.arange(90.0)), "y": target}))
    assert draft.positive == positive


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (["Ja", "nein"], "the word says so"),
        (["j", "n"], "the letter says so"),
        (["+", "-"], "the sign says so"),
        (["Treffer", "kein Treffer"], "the other label says that it is not so"),
        (["gravé", "sain"], "the other label is a negative word"),
        (["m", "f"], "the rarer label"),
    ],
)
def test_why_a_label_is_the_positive_one_is_said(labels: list[str], why: str) -> None:
    target = [labels[row % 3 > 0] for row in range(90)]
    remarks = guess(pd.DataFrame({"x": np.sin(np.arange(90.0)), "y": target})).remarks
    assert [(r.guess, r.why) for r in remarks if r.what == "positive"] == [(labels[0], why)]


def test_wishes_overrule_guesses() -> None:
    frame = with_target(x=np.sin(np.arange(90.0)), n=[f"r{i}" for i in range(90)]).assign(
        y=np.arange(90) % 3, k=[f"k{i}" for i in range(90)]
    )
    draft = guess(frame, task="regression", id="k")
    assert (draft.task, draft.id) == ("regression", "k")
    assert guess(with_target(x=np.sin(np.arange(90.0))), positive="b").positive == "b"


def test_a_column_that_gives_the_target_away_is_no_feature() -> None:
    frame = with_target(x=np.sin(np.arange(90.0)))
    draft = guess(frame.assign(leak=frame["y"].map({"a": "left", "b": "right"})))
    assert not draft.columns["leak"].feature
    numbers = pd.DataFrame({"x": np.sin(np.arange(90.0)), "y": np.sqrt(np.arange(90.0))})
    assert not guess(numbers.assign(twice=2 * numbers["y"])).columns["twice"].feature


def test_natural_duplicates_are_allowed_with_slack() -> None:
    assert guess(pd.DataFrame({"x": list("abcdef") * 50, "y": [1, 0] * 150})).duplicates == 1
    assert guess(with_target(x=np.arange(300.5))).duplicates is None


def test_people_are_watched_for_fairness_only_where_that_is_defined() -> None:
    gates = guess(customers(3000), "Churn").gates
    assert gates.fairness is not None
    assert gates.fairness.by == "gender"
    assert gates.slices is not None
    assert gates.slices.by == "Contract"
    assert guess(customers(3000), "tenure", task="regression").gates.fairness is None


def passengers() -> pd.DataFrame:
    """People, of whom each column but one tells by its values or its name."""
    rows, firsts = range(120), ("Anna", "Piotr", "Lucía", "Mehmet", "Élodie", "Hans")
    titles, ends = ("Mr.", "Mrs.", "Miss."), [chr(97 + n % 26) + chr(97 + n // 26) for n in rows]
    return with_target(
        x=np.sin(np.arange(120.0)),
        who=[f"Secret{end}, {titles[n % 3]} B." for n, end in enumerate(ends)],
        first=[f"{firsts[n % 6]}-{end}" for n, end in enumerate(ends)],
        Telefonnummer=[f"{n}" if n % 3 else f"+49 30 {n}" for n in range(4915000, 4915120)],
        marque=[f"Paul Smith {end}" for end in ends],
    )


def test_personal_data_is_dropped_and_never_shown() -> None:
    draft = guess(passengers())
    personal = [name for name, column in draft.columns.items() if column.pii]
    assert personal == ["who", "first", "Telefonnummer"]
    assert draft.id is None
    said = " ".join([*draft.checks, *map(str, draft.remarks)])
    assert "who, first, Telefonnummer: looks like personal data" in said
    assert not any(value in said for value in ("Secret", "Anna", "+49", "49150"))
    with pytest.raises(TagshipError, match=r"'who' holds texts$"):
        draft_model(as_read(passengers()), "who", Wishes(task="regression"), text=True)


def bad(**change: object) -> pd.DataFrame:
    return with_target(x=np.sin(np.arange(90.0))).assign(**change)


@pytest.mark.parametrize(
    ("frame", "wishes", "message"),
    [
        (bad(), {"target": "Y "}, "did you mean 'y'"),
        (bad(), {"id": "z"}, "no column 'z'"),
        (bad().head(20), {}, "20 rows are too few"),
        (bad(y="same"), {}, "always 'same'"),
        (bad(y=""), {}, "every value is missing"),
        (bad(y=[*[""] * 46, *"ab" * 22]), {}, "missing in 46 of 90 rows"),
        (bad(y=[f"n{i}" for i in range(90)]), {}, "90 different labels"),
        (bad(y=["rare", *"a" * 89]), {}, "class 'rare' has 1 rows"),
        (bad(y=["2024-01-01", "2024-02-01"] * 45), {}, "is a date"),
        (bad(x=np.inf), {}, "column 'x' holds infinity in 90 rows, first row 1"),
        (bad(x="same"), {}, "no column is left"),
        (bad(), {"task": "regression"}, "holds texts: 'b', 'a'"),
        (bad(y=list("abc") * 30), {"task": "binary"}, "3 labels, not two"),
        (bad(), {"task": "ranking"}, "no such task"),
        (bad(), {"positive": "aa"}, "did you mean 'a'"),
        (bad(y=np.arange(90)), {"positive": "1"}, "no positive class"),
        (bad(k=["a", "b", "c"] * 30), {"id": "k"}, "repeated, so it names no row"),
    ],
)
def test_a_table_that_cannot_be_learned_is_refused_with_the_reason(
    frame: pd.DataFrame, wishes: dict[str, str], message: str
) -> None:
    with pytest.raises(TagshipError) as refusal:
        guess(frame, **wishes)
    assert message in str(refusal.value)


def test_a_range_that_would_leave_float32_is_left_open() -> None:
    column = profile_column("x", pd.Series([1.5, 3.3e38, 2e38])).column()
    assert (column.min, column.max, column.feature) == (None, None, True)
