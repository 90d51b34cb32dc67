"""The rows that can be learned from: without a target, or of a rare class, as data.yaml says."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from tagship.config.contract import DataConfig, Target
from tagship.config.model import Task
from tagship.contract.boundary import Field
from tagship.contract.table_columns import as_text, number_format, read_cells
from tagship.contract.values import Mask

OTHER = "other"
"""The class that rare ones become together."""


def target_field(target: Target, task: Task) -> Field:
    """The target as a column of numbers or labels."""
    dtype = "float" if task == "regression" else "string"
    written = number_format(target.format)
    return Field(target.column, dtype, nullable=True, feature=False, format=written)


def rows_without_target(raw: pd.DataFrame, data: DataConfig, task: Task) -> Mask:
    """Which rows are left out since they have no target, shape (rows,)."""
    name, rules = data.target.column, data.target
    if rules.missing != "drop" or name not in raw.columns:
        return np.zeros(len(raw), dtype=bool)
    return read_cells(target_field(rules, task), raw[name]).missing


def settle_rows(
    raw: pd.DataFrame, data: DataConfig, task: Task, say: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """The table without the rows, or with the labels, that ``target`` of data.yaml asks for.

    What was left out or renamed is said with its number.
    """
    name, rules = data.target.column, data.target
    if name not in raw.columns:
        return raw
    frame = raw
    missing = rows_without_target(frame, data, task)
    if missing.any():
        say(f"{int(missing.sum()):,} of {len(frame):,} rows have no target and are left out")
        frame = frame[~missing].reset_index(drop=True)
    if rules.rare is None:
        return frame
    labels = as_text(frame[name])
    counts = labels.value_counts().sort_index()
    rare = counts[counts < rules.rare.below]
    rows = labels.isin(rare.index)
    if rows.any():
        classes = ", ".join(f"{label} ({count})" for label, count in rare.items())
        if rules.rare.into == OTHER:
            say(f"rare classes become '{OTHER}': {classes}")
            return frame.assign(**{name: labels.mask(rows, OTHER)})
        say(f"{int(rows.sum()):,} rows of rare classes are left out: {classes}")
        frame = frame[~rows].reset_index(drop=True)
    return frame
