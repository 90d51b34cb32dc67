"""The texts of a table: the terms that are features, and texts as evidence keeps them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.contract import DataConfig
from tagship.contract.boundary import Boundary
from tagship.contract.text_tokens import learn_terms
from tagship.errors import TagshipError

_MOST_BYTES = 2_000_000_000
_KEPT_CHARACTERS = 200


def with_terms(
    boundary: Boundary, data: DataConfig, frame: pd.DataFrame, rows: NDArray[np.int64]
) -> Boundary:
    """The boundary with the terms of its texts, learned from ``rows`` alone, the training rows.

    Raises:
        TagshipError: no two of a column's texts share a word, or the counts take too much memory.
    """
    fields = list(boundary.fields)
    for at, field in enumerate(fields):
        most = data.columns[field.name].terms
        if most is None:
            continue
        texts = frame[field.name].iloc[rows]
        terms = learn_terms(texts.astype(object).where(texts.notna(), None).tolist(), most)
        if not terms:
            raise TagshipError(
                f"columns.{field.name}.terms: no word stands in two training rows, and in no more"
                " than nine of ten",
                "mark it `feature: false`, or make it a category",
            )
        fields[at] = replace(field, terms=terms)
    learned = replace(boundary, fields=tuple(fields))
    size = 4 * len(frame) * sum(len(text.terms) for text in learned.texts)
    if size > _MOST_BYTES:
        names = ", ".join(f"columns.{text.name}.terms" for text in learned.texts)
        raise TagshipError(
            f"{names}: to count them in {len(frame):,} rows takes {size / 1e9:.1f} GB of memory,"
            f" more than {_MOST_BYTES / 1e9:g} GB",
            f"lower `terms` to {_MOST_BYTES // (4 * len(frame)):,} in all, or bring fewer rows",
        )
    return learned


def shorten_texts(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Columns whose texts are cut to what a report shows: arrays of text are as wide as the widest
    one."""

    def cut(values: NDArray[Any]) -> NDArray[Any]:
        texts = [None if text is None else text[:_KEPT_CHARACTERS] for text in values]
        return np.array(texts, dtype=object)

    return {
        name: cut(values) if values.dtype == object else values for name, values in columns.items()
    }
