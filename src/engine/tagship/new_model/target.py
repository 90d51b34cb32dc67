"""The target: what kind of task it sets, its classes, and which of them is positive."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tagship.config.contract import Label, WrittenNumber
from tagship.config.model import Task
from tagship.contract.table_columns import as_text
from tagship.data.personal_data import is_personal
from tagship.errors import TagshipError, suggest
from tagship.new_model.column_profile import MOST_CATEGORIES, ColumnProfile, profile_column
from tagship.new_model.column_words import positive_label

_FEWEST_OF_A_CLASS = 5
RARE = 10
"""A class with fewer rows is proposed to be left out."""
_MOST_RARE = 0.1
_MOST_LEFT_OUT = 0.5
"""The largest shares of rows that are left out without being asked."""
_MOST_NUMERIC_CLASSES = 10
_TASKS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class TargetGuess:
    """A target that can be learned, as it was guessed from its values."""

    name: str
    task: Task
    why: str
    values: pd.Series
    """Numbers for regression, otherwise text labels."""
    counts: dict[str, int]
    """Rows of each label, most frequent first; empty for regression."""
    positive: Label | None = None
    positive_why: str = ""
    written: WrittenNumber | None = None
    """How its numbers are written, where that must be declared."""

    @property
    def label_type(self) -> str | None:
        """What the labels of several classes are, where all are whole numbers."""
        integers = self.task == "multiclass" and all(type(_as_label(k)) is int for k in self.counts)
        return "int" if integers else None

    def is_given_by(self, column: ColumnProfile) -> bool:
        """Whether a column equals the target, under these or other names."""
        if column.missing > 0.5:
            return False
        present = column.values.notna()
        if self.task == "regression":
            if column.dtype not in ("float", "int", "bool"):
                return False
            with np.errstate(all="ignore"):
                correlation = np.corrcoef(column.values[present], self.values[present])[0, 1]
            return bool(abs(correlation) > 1 - 1e-9)
        if column.distinct != len(self.counts):
            return False
        pairs = pd.DataFrame({"column": column.values[present], "target": self.values[present]})
        return len(pairs.drop_duplicates()) == len(self.counts)


def leave_out_rows(
    frame: pd.DataFrame, target: str, task: Task | None, decimal: str
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """The rows that can be learned from, what data.yaml says of the others, and that in words.

    Without a target are few rows, or else it is another column that is meant; of a class that is
    too rare to be judged as well.
    """
    selection: dict[str, Any] = {}
    notes: list[str] = []
    missing = frame[target].isna()
    if 0 < missing.mean() <= _MOST_LEFT_OUT:
        selection["missing"] = "drop"
        notes.append(
            f"{target} is missing in {int(missing.sum()):,} of {len(frame):,} rows, which are left"
            " out"
        )
        frame = frame[~missing].reset_index(drop=True)
    profile = profile_column(target, frame[target], decimal)
    labels = as_text(frame[target])
    counts = labels.value_counts()
    rare = counts[counts < RARE]
    few = rare.sum() <= _MOST_RARE * len(frame) and len(counts) - len(rare) >= 2
    if task != "regression" and not profile.number and len(rare) and few:
        selection["rare"] = {"below": RARE, "into": "drop"}
        named = ", ".join(f"{label!r} ({count})" for label, count in list(rare.items())[:4])
        more = f" and {len(rare) - 4} more" if len(rare) > 4 else ""
        notes.append(
            f"classes with fewer than {RARE} rows cannot be judged, and are left out:"
            f" {named}{more}; `into: other` joins them"
        )
        frame = frame[~labels.isin(rare.index)].reset_index(drop=True)
    return frame, selection, notes


def guess_target(
    column: pd.Series, task: Task | None, positive: str | None, decimal: str = "."
) -> TargetGuess:
    """Say what predicting ``stored`` means.

    Raises:
        TagshipError: a value is missing, it never varies, a class is too small, or what was asked
            for does not suit it.
    """
    name = str(column.name)
    if task is not None and task not in _TASKS:
        raise TagshipError(f"--task {task}: no such task", suggest(task, _TASKS))
    profile = profile_column(name, column, decimal)
    _check_values(name, column, profile)
    labels = as_text(column)
    counts = {str(label): int(count) for label, count in labels.value_counts().items()}
    guess, why = (task, "you said so") if task else _task(name, profile, counts)
    if guess == "regression":
        if not profile.number:
            personal = is_personal(name, labels, len(counts))
            examples = "" if personal else ": " + ", ".join(map(repr, list(counts)[:3]))
            raise TagshipError(f"--task regression: '{name}' holds texts{examples}")
        if positive is not None:
            raise TagshipError("--positive: a regression task has no positive class")
        written = profile.format if isinstance(profile.format, WrittenNumber) else None
        return TargetGuess(name, guess, why, profile.values, {}, written=written)
    _check_classes(name, guess, profile, counts)
    if guess == "multiclass":
        if positive is not None:
            raise TagshipError(f"--positive: '{name}' has {len(counts)} classes, not two")
        return TargetGuess(name, guess, why, labels, counts)
    if positive is None:
        label, label_why = positive_label(counts)
    else:
        label, label_why = _known_label(positive, counts), "you said so"
    return TargetGuess(name, guess, why, labels, counts, _as_label(label), label_why)


def _check_values(name: str, column: pd.Series, profile: ColumnProfile) -> None:
    missing = np.flatnonzero(column.isna())
    if profile.distinct == 0:
        raise TagshipError(f"target '{name}': every value is missing", "name another --target")
    if len(missing):
        rows = ", ".join(str(row + 1) for row in missing[:3])
        raise TagshipError(
            f"target '{name}' is missing in {len(missing):,} of {len(column):,} rows: {rows}…",
            "name another --target, or fill it in: nothing can be learned from the other rows",
        )
    if profile.distinct == 1:
        raise TagshipError(
            f"target '{name}' is always {as_text(column).iloc[0]!r}", "there is nothing to predict"
        )
    if profile.sentinels:
        sentinels = " and ".join(f"{value} in {n:,} rows" for value, n in profile.sentinels.items())
        raise TagshipError(
            f"target '{name}': {sentinels}: that seems to stand for a missing value",
            "leave those cells empty, or take the rows out",
        )
    if profile.dtype == "datetime":
        raise TagshipError(
            f"target '{name}' is a date, which no task predicts",
            "make it a number, such as the days until then",
        )


def _task(name: str, profile: ColumnProfile, counts: dict[str, int]) -> tuple[Task, str]:
    smallest = min(counts.values())
    if len(counts) == 2:
        total = sum(counts.values())
        shares = ", ".join(f"{label} {count / total:.1%}" for label, count in counts.items())
        return "binary", f"{name} has two labels: {shares}"
    if profile.number:
        if profile.dtype == "int" and len(counts) <= _MOST_NUMERIC_CLASSES and smallest >= 10:
            return "multiclass", f"{name} has {len(counts)} whole numbers (--task to say otherwise)"
        return "regression", f"{name} is a number with {len(counts):,} values"
    return "multiclass", f"{name} has {len(counts)} labels"


def _check_classes(name: str, task: Task, profile: ColumnProfile, counts: dict[str, int]) -> None:
    if task == "binary" and len(counts) != 2:
        raise TagshipError(f"--task binary: '{name}' has {len(counts)} labels, not two")
    if len(counts) > MOST_CATEGORIES:
        raise TagshipError(
            f"target '{name}' has {len(counts):,} different labels, more than {MOST_CATEGORIES}",
            f"an id or free text is no target{f'; {profile.remark}' if profile.remark else ''}",
        )
    rarest = min(counts, key=lambda label: counts[label])
    if counts[rarest] < _FEWEST_OF_A_CLASS:
        raise TagshipError(
            f"target '{name}': class '{rarest}' has {counts[rarest]} rows, too few for a holdout"
            " and folds",
            f"bring at least {_FEWEST_OF_A_CLASS} of each class, or merge or drop rare ones",
        )


def _known_label(positive: str, counts: dict[str, int]) -> str:
    if positive in counts:
        return positive
    hint = suggest(positive, counts, "it has")
    raise TagshipError(f"--positive {positive}: the target has no such label", hint)


def _as_label(text: str) -> Label:
    """A label as a person writes it in YAML: integers and truth values, or else text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text) if str(int(text)) == text else text
    except ValueError:
        return text
