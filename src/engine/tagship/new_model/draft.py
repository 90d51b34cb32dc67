"""From a raw table and the name of its target to a contract and everything else a model needs.

Pure: nothing is read or written here. Every guess carries its reason.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tagship.config.contract import Column, Label, WrittenNumber
from tagship.config.model import Task
from tagship.errors import TagshipError, suggest
from tagship.new_model.column_profile import (
    ColumnProfile,
    profile_column,
)
from tagship.new_model.gate_suggestions import Gates, suggest_gates
from tagship.new_model.nulls import declared_nulls, find_nulls, kept_words, without_nulls
from tagship.new_model.roles import Roles, format_words, shorten
from tagship.new_model.rounding import share_with_slack
from tagship.new_model.target import TargetGuess, guess_target, leave_out_rows

FEWEST_ROWS = 50
_SMALL = 500
"""Under so many rows the holdout is 30 %, so that it can be judged at all."""
_FOLDS = 5


@dataclass(frozen=True)
class Wishes:
    """What a person said instead of leaving it to be guessed."""

    task: Task | None = None
    positive: str | None = None
    id: str | None = None
    day_first: bool | None = None
    """The order of day and month, where dates could be of either."""


@dataclass(frozen=True)
class Remark:
    """One guess and its reason."""

    what: str
    guess: str
    why: str


@dataclass(frozen=True)
class Draft:
    """Everything the files of a new model say, apart from where the data is."""

    task: Task
    target: str
    positive: Label | None
    label_type: str | None
    """What the labels of several classes are, where they are no text."""
    written: WrittenNumber | None
    """How the target's numbers are written, where that must be declared."""
    labels: int
    id: str | None
    columns: dict[str, Column]
    rows: int
    least_rows: int
    duplicates: float | None
    test: float
    folds: int
    gates: Gates
    libraries: tuple[str, ...] = ()
    """Of boosting, whose estimators are proposed, too."""
    left_out: dict[str, Any] = field(default_factory=dict)
    """What becomes of rows that cannot be learned from, by key of data.yaml's target."""
    nulls: list[str] = field(default_factory=list)
    """The null tokens to declare; empty where the defaults do."""
    remarks: list[Remark] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    """What a person should look at."""


def draft_model(
    frame: pd.DataFrame,
    target: str,
    wishes: Wishes | None = None,
    decimal: str = ".",
    text: bool = False,
) -> Draft:
    """Guess a contract that ``frame`` keeps, a task, and gates that a useful model passes.

    ``text`` says that every value is the text of a delimited file, nulls included.

    Raises:
        TagshipError: no such target, a target that cannot be learned, too few rows, no feature.
    """
    wishes = wishes or Wishes()
    _check_wishes(frame, target, wishes)
    frame = frame.reset_index(drop=True)
    nulls: dict[str, list[str]] = {}
    declared: list[str] = []
    words: dict[str, dict[str, int]] = {}
    if text:
        nulls = find_nulls(frame, target, decimal)
        words = kept_words(nulls, frame)
        declared = declared_nulls(nulls, words)
        frame = without_nulls(frame, nulls)
    frame, left_out, notes = leave_out_rows(frame, target, wishes.task, decimal)
    _check_size(len(frame), f"are left to train and judge a model: {'; '.join(notes)}")
    goal = guess_target(frame[target], wishes.task, wishes.positive, decimal)
    profiles = [
        profile_column(str(name), frame[name], decimal, wishes.day_first)
        for name in frame.columns
        if name != target
    ]
    _refuse_unclear(profiles)
    roles = Roles(profiles, goal, wishes.id)
    features = [profile for profile in profiles if roles.is_feature(profile.name)]
    if not features:
        raise TagshipError(
            f"no column is left to predict '{target}' from",
            "; ".join([*roles.checks[:3], "bring columns of numbers, categories or free text"]),
        )
    test = 0.3 if len(frame) < _SMALL else 0.2
    duplicates = _duplicates(features, goal, test)
    gates = suggest_gates(features, goal, test)
    return Draft(
        task=goal.task,
        target=target,
        positive=goal.positive,
        label_type=goal.label_type,
        written=goal.written,
        labels=len(goal.counts),
        id=roles.id,
        columns=roles.columns,
        rows=len(frame),
        least_rows=_half(len(frame)),
        duplicates=duplicates,
        test=test,
        folds=_folds(goal, test),
        gates=gates,
        left_out=left_out,
        nulls=declared,
        remarks=[*goal_remarks(goal), *_remarks(roles, features, nulls, declared, decimal)],
        checks=[
            *notes,
            *_kept(words),
            *_written_target(goal),
            *roles.checks,
            *_more_checks(duplicates, gates),
        ],
    )


def _check_wishes(frame: pd.DataFrame, target: str, wishes: Wishes) -> None:
    names = [str(column) for column in frame.columns]
    for name in filter(None, (target, wishes.id)):
        if name not in names:
            way = suggest(name, names, "the columns are")
            raise TagshipError(f"the table has no column '{name}'", way)
    if wishes.id == target:
        raise TagshipError(
            f"--id {target}: --target is the same column, and what names a row predicts nothing",
            "name another column for one of them",
        )
    _check_size(len(frame), "are too few to train and judge a model")


def _check_size(rows: int, why: str) -> None:
    if rows < FEWEST_ROWS:
        raise TagshipError(
            f"{rows} rows {why}", f"bring at least {FEWEST_ROWS}; hundreds are better"
        )


def _refuse_unclear(profiles: list[ColumnProfile]) -> None:
    """Refuse dates whose day and month cannot be told apart."""
    for profile in profiles:
        if profile.unclear and isinstance(profile.format, list):
            raise TagshipError(
                f"column '{profile.name}': its dates may be {profile.format[0]} or"
                f" {profile.unclear}: no day is above 12",
                "say which with --day-first or --month-first",
            )


def _written_target(goal: TargetGuess) -> list[str]:
    if goal.written is None:
        return []
    return [f"{goal.name}: read as numbers: {format_words(goal.written)}"]


def _duplicates(features: list[ColumnProfile], goal: TargetGuess, test: float) -> float | None:
    """The share of duplicates to allow; None where the default is enough."""
    table = pd.DataFrame({str(i): profile.values for i, profile in enumerate(features)})
    hashes = pd.util.hash_pandas_object(table.assign(target=goal.values), index=False)
    share = float(hashes.duplicated(keep=False).mean())
    chance = 3 * float(np.sqrt(share * (1 - share) / (len(table) * test)))
    return share_with_slack(min(1.0, share + chance)) if share + chance > 0.04 else None


def _half(rows: int) -> int:
    """Half the rows, rounded down to two digits."""
    unit: int = 10 ** max(0, len(str(rows // 2)) - 2)
    return rows // 2 // unit * unit


def _folds(goal: TargetGuess, test: float) -> int:
    if not goal.counts:
        return _FOLDS
    return max(2, min(_FOLDS, int(min(goal.counts.values()) * (1 - test)) - 1))


def goal_remarks(goal: TargetGuess) -> list[Remark]:
    """What was guessed of the target."""
    remarks = [Remark("task", goal.task, goal.why)]
    if goal.positive is not None:
        remarks.append(Remark("positive", str(goal.positive), goal.positive_why))
    return remarks


def _remarks(
    roles: Roles,
    features: list[ColumnProfile],
    nulls: dict[str, list[str]],
    declared: list[str],
    decimal: str,
) -> list[Remark]:
    kinds = ["free text" if profile.terms else profile.dtype for profile in features]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    remarks = [
        Remark("id", roles.id or "none", roles.id_why),
        Remark("features", str(len(features)), counts),
    ]
    if decimal != ".":
        remarks.append(Remark("decimal", decimal, "the decimal separator of the file's numbers"))
    odd = {text: names for text, names in nulls.items() if text}
    if declared and odd:
        where = "; ".join(f"{text!r} in {shorten(names)}" for text, names in odd.items())
        remarks.append(Remark("nulls", ", ".join(map(repr, odd)), f"means missing: {where}"))
    gaps = {profile.name: profile.missing for profile in features if profile.missing}
    if gaps:
        worst = max(gaps, key=lambda name: gaps[name])
        remarks.append(
            Remark("missing", f"{gaps[worst]:.1%}", f"at most, of {shorten(list(gaps))}")
        )
    return remarks


def _kept(words: dict[str, dict[str, int]]) -> list[str]:
    return [
        f"{word!r} is a value, and is not missing, in "
        + ", ".join(f"{name} ({count:,} rows)" for name, count in by.items())
        for word, by in words.items()
    ]


def _more_checks(duplicates: float | None, gates: Gates) -> list[str]:
    checks = []
    if duplicates is not None:
        checks.append(f"rows.duplicates {duplicates:g}: many rows are alike; are they repeats?")
    if gates.fairness is not None:
        fair = gates.fairness
        checks.append(
            f"fairness by {fair.by}: the data's own gap is {fair.gap:.2f}, the limit"
            f" {fair.limit:g} is a suggestion"
        )
    return checks
