"""The texts of a delimited file that mean a missing value."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.sources import CsvSource
from tagship.contract.boundary import Field
from tagship.contract.table_columns import read_cells
from tagship.new_model.column_profile import MOST_CATEGORIES
from tagship.new_model.column_words import ALWAYS_NULL, NULL_WORDS
from tagship.new_model.format_detection import find_date_formats, find_number_format

_KINDS: dict[str, Callable[[pd.Series], bool]] = {
    "None": lambda others: len(others) <= MOST_CATEGORIES,
    "NA": lambda others: bool(others.str.fullmatch("[A-Z]{2,3}").all()),  # as in DE, FR, NA
}
DEFAULT: tuple[str, ...] = tuple(CsvSource.model_fields["nulls"].default)


def find_nulls(frame: pd.DataFrame, target: str, decimal: str) -> dict[str, list[str]]:
    """Each text that means a missing value, and the columns that hold it.

    ``frame`` holds text only. A label of the target is never one, unless it is blank or one of
    the defaults; the default ``None`` counts as a label where the target's labels are words.
    """
    nulls: dict[str, list[str]] = {}
    for name in frame.columns:
        for text in _nulls_of(frame[name], decimal):
            nulls.setdefault(text, []).append(str(name))
    for word in _kinds(frame, nulls, decimal):
        del nulls[word]
    labels = pd.Series(frame[target].unique(), dtype="str")
    words = np.isnan(_numbers(labels[~labels.isin(DEFAULT)])).any()
    markers = {text for text in DEFAULT if not (words and text == "None")}
    return {
        text: names
        for text, names in nulls.items()
        if text in markers or not text.strip() or text not in set(labels)
    }


def declared_nulls(nulls: dict[str, list[str]], words: dict[str, dict[str, int]]) -> list[str]:
    """What data.yaml must say of them, beside the defaults that are values (``kept_words``):
    nothing where the defaults do."""
    if set(nulls) <= set(DEFAULT) and not words:
        return []
    return sorted({"", *nulls})


def kept_words(nulls: dict[str, list[str]], frame: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Each default that is a value here: the columns that hold it, and in how many rows."""
    values = [word for word in DEFAULT if word and word not in nulls]
    words: dict[str, dict[str, int]] = {}
    for name in frame.columns:
        cells = frame[name][frame[name].isin(values)]
        for word, count in cells.value_counts().items():
            words.setdefault(str(word), {})[str(name)] = int(count)
    return {word: words[word] for word in values if word in words}


def _kinds(frame: pd.DataFrame, nulls: dict[str, list[str]], decimal: str) -> list[str]:
    """The words that stand for a kind of thing: ``None`` among categories, ``NA`` among codes.

    A word that also stands among numbers means missing wherever it stands.
    """
    kinds = []
    for word, fits in _KINDS.items():
        columns = [pd.Series(frame[name].unique(), dtype="str") for name in nulls.get(word, [])]
        filled = [column[~column.isin(DEFAULT) & (column.str.strip() != "")] for column in columns]
        if filled and all(
            len(values) and np.isnan(_numbers(values, decimal)).all() and fits(values)
            for values in filled
        ):
            kinds.append(word)
    return kinds


def without_nulls(frame: pd.DataFrame, nulls: dict[str, list[str]]) -> pd.DataFrame:
    """The table with its nulls missing, in every column that holds them."""
    tokens = list(nulls)
    return pd.DataFrame({name: frame[name].mask(frame[name].isin(tokens)) for name in frame})


def _nulls_of(column: pd.Series, decimal: str) -> list[str]:
    distinct = pd.Series(column.unique(), dtype="str")
    plain = distinct.str.strip().str.lower()
    certain = distinct.isin(DEFAULT) | (plain == "") | plain.isin(ALWAYS_NULL)
    uncertain = distinct[~certain]
    words = uncertain[plain[uncertain.index].isin(NULL_WORDS)]
    values = uncertain.drop(words.index)
    means_missing = len(words) and len(values) and _are_measured(values, decimal)
    return [*distinct[certain], *(words if means_missing else [])]


def _are_measured(values: pd.Series, decimal: str) -> bool:
    """Whether all of them are numbers, however written, or dates."""
    texts = values[np.isnan(_numbers(values, decimal))].tolist()
    if not texts:
        return True
    every = values.tolist()
    return find_number_format(every, decimal) is not None or find_date_formats(every) is not None


def _numbers(texts: pd.Series, decimal: str = ".") -> NDArray[np.float64]:
    return read_cells(Field("", "float"), texts, decimal).values
