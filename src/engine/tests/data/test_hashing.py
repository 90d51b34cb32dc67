"""The data hash: the same for the same values, another for any other value."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagship.data.hashing import hash_table

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32))
TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", categories=("L", "N"))))
ROWS = st.lists(st.tuples(NUMBERS, TEXTS), min_size=1, max_size=20)


def _table(rows: list[tuple[float | None, str | None]]) -> pd.DataFrame:
    numbers, texts = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "number": np.array([np.nan if n is None else n for n in numbers], dtype="float64"),
            "text": pd.Series(list(texts), dtype="str"),
        }
    )


@given(ROWS)
def test_the_order_of_columns_does_not_count(rows: list[tuple[float | None, str | None]]) -> None:
    table = _table(rows)
    assert hash_table(table) == hash_table(table[["text", "number"]])


@given(ROWS)
def test_parquet_gives_the_same_hash(rows: list[tuple[float | None, str | None]]) -> None:
    table = _table(rows)
    stored = io.BytesIO()
    table.to_parquet(stored)
    assert hash_table(pd.read_parquet(stored)) == hash_table(table)


@given(ROWS)
def test_categories_and_text_have_one_hash(rows: list[tuple[float | None, str | None]]) -> None:
    table = _table(rows)
    assert hash_table(table.astype({"text": "category"})) == hash_table(table)


@given(ROWS, st.data())
def test_one_other_value_gives_another_hash(
    rows: list[tuple[float | None, str | None]], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(rows) - 1))
    number, text = rows[row]
    changed = list(rows)
    if data.draw(st.booleans()):
        other = data.draw(NUMBERS.filter(lambda n: n != number))
        changed[row] = (other, text)
    else:
        changed[row] = (number, data.draw(TEXTS.filter(lambda t: t != text)))
    assert hash_table(_table(changed)) != hash_table(_table(rows))


@given(ROWS)
def test_the_order_of_rows_counts(rows: list[tuple[float | None, str | None]]) -> None:
    table = _table(rows)
    turned = table.iloc[::-1].reset_index(drop=True)
    assert (hash_table(turned) == hash_table(table)) == turned.equals(table)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.DataFrame({"a": [0.0]}), pd.DataFrame({"a": [-0.0]})),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.0, 2.0]})),
        (pd.DataFrame({"a": [True]}), pd.DataFrame({"a": [1.0]})),
        (
            pd.DataFrame({"a": pd.to_datetime(["2024-01-01"]).astype("datetime64[ns]")}),
            pd.DataFrame({"a": pd.to_datetime(["2024-01-01"]).astype("datetime64[s]")}),
        ),
    ],
)
def test_the_same_value_in_another_type_is_the_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert hash_table(one) == hash_table(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.DataFrame({"a": ["x", "yz"]}), pd.DataFrame({"a": ["xy", "z"]})),
        (pd.DataFrame({"a": ["1"]}), pd.DataFrame({"a": [1.0]})),
        (pd.DataFrame({"a": ["x"]}), pd.DataFrame({"b": ["x"]})),
        (pd.DataFrame({"a": [""]}), pd.DataFrame({"a": pd.Series([None], dtype="str")})),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), pd.DataFrame({"a": [2.0], "b": [1.0]})),
    ],
)
def test_look_alikes_differ(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert hash_table(one) != hash_table(other)


def test_columns_that_are_left_out_do_not_count() -> None:
    table = pd.DataFrame({"a": [1.0], "mail": ["x"]})
    other = table.assign(mail=["y"])
    assert hash_table(table) != hash_table(other)
    leave = frozenset({"mail"})
    assert hash_table(table, leave) == hash_table(other, leave)
