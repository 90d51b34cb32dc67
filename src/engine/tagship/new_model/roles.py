"""What each column of a table is for: its id, personal data, a feature, or nothing."""

import numpy as np

from tagship.config.contract import Column, WrittenNumber
from tagship.contract.raw_records import UNNAMED
from tagship.data.personal_data import is_personal
from tagship.errors import TagshipError
from tagship.new_model.column_profile import MOST_CATEGORIES, ColumnProfile
from tagship.new_model.column_words import names_a_row
from tagship.new_model.target import TargetGuess

_SHOWN = 4


class Roles:
    """Each column put to its use."""

    def __init__(
        self, profiles: list[ColumnProfile], goal: TargetGuess, wished_id: str | None
    ) -> None:
        self.checks: list[str] = []
        self.columns: dict[str, Column] = {}
        self.personal = [p.name for p in profiles if is_personal(p.name, p.values, p.distinct)]
        self.personal = [name for name in self.personal if name != wished_id]
        shareable = [profile for profile in profiles if profile.name not in self.personal]
        self.id, self.id_why = _id_column(shareable, wished_id)
        left_out: dict[str, list[str]] = {}
        for profile in profiles:
            if profile.name == self.id:
                continue
            if profile.name in self.personal:
                self.columns[profile.name] = profile.column(pii=True)
                continue
            why = _unusable(profile, goal)
            self.columns[profile.name] = profile.column(feature=not why)
            if why:
                left_out.setdefault(why, []).append(profile.name)
            else:
                self.checks += [f"{profile.name}: {remark}" for remark in _noticed(profile)]
        if self.personal:
            self.checks.append(
                f"{shorten(self.personal)}: looks like personal data, dropped unread"
            )
        self.checks += [f"{shorten(names)}: no feature: {why}" for why, names in left_out.items()]

    def is_feature(self, name: str) -> bool:
        """Whether the model is trained on the column."""
        column = self.columns.get(name)
        return column is not None and column.feature and column.pii is None


def _id_column(profiles: list[ColumnProfile], wished: str | None) -> tuple[str | None, str]:
    if wished is not None:
        profile = next(profile for profile in profiles if profile.name == wished)
        if not profile.unique:
            fault = "missing" if profile.missing else "repeated"
            raise TagshipError(
                f"--id {wished}: some of its values are {fault}, so it names no row",
                "name another column, or leave --id out",
            )
        return wished, "you said so"
    unique = [profile for profile in profiles if profile.unique and _can_name(profile)]
    unique.sort(key=lambda profile: not names_a_row(profile.name))
    if not unique:
        return None, "no column names a row"
    kind = "numbers" if unique[0].number else "text"
    return unique[0].name, f"{kind}, different in every row"


def _can_name(profile: ColumnProfile) -> bool:
    """Text that is no prose, date or amount; whole numbers that are called an id or count rows."""
    named_so = names_a_row(profile.name) or profile.name == UNNAMED
    if profile.dtype == "string":
        spaced = profile.values.str.contains(r"\s").mean() > 0.5
        prose = (spaced or profile.terms > 0) and not named_so
        short = bool(profile.values.str.len().mean() <= 40)
        return short and not prose and not profile.remark and not _is_amount(profile)
    integer = profile.number and bool((profile.values == profile.values.round()).all())
    return integer and (named_so or (profile.dtype == "int" and _counts_rows(profile)))


def _is_amount(profile: ColumnProfile) -> bool:
    """Whether most of its texts are amounts of money, shares or measures."""
    pattern = r"[^\w\s]?\s?[+-]?[\d.,' ]*\d\s?([^\w\s]|[A-Za-z°]{1,3}\b)?"
    return bool(profile.values.str.fullmatch(pattern).mean() > 0.5)


def _counts_rows(profile: ColumnProfile) -> bool:
    return bool((np.diff(profile.values.to_numpy()) == 1).all())


def _unusable(profile: ColumnProfile, goal: TargetGuess) -> str:
    """Why a column is no feature; empty when it is one."""
    if profile.distinct == 0:
        return "every value is missing"
    if profile.distinct == 1:
        return "it never varies"
    if profile.remark.startswith("larger"):
        return profile.remark
    if profile.dtype == "datetime":
        return ""
    if profile.dtype == "string" and not profile.terms:
        return profile.remark or f"{'unique' if profile.unique else 'too many different'} texts"
    if profile.number and profile.unique and _can_name(profile):
        return "it numbers the rows"
    if profile.dtype == "int" and names_a_row(profile.name) and profile.distinct > MOST_CATEGORIES:
        return "an id that repeats; split by group if its rows belong together"
    if profile.name == UNNAMED:
        return "a column without a name, mostly an index"
    if profile.missing > 0.95:
        return "nearly every value is missing"
    return "it gives the target away" if goal.is_given_by(profile) else ""


def _noticed(profile: ColumnProfile) -> list[str]:
    """What a person should know about a feature."""
    remarks = [profile.remark] if profile.remark else []
    if profile.terms:
        remarks.append(
            f"read as free text: its {profile.terms} most frequent words become features"
        )
    if isinstance(profile.format, WrittenNumber):
        remarks.append(f"read as numbers: {format_words(profile.format)}")
    if profile.sentinels:
        sentinels = " and ".join(
            f"{value} ({n:,} row{'s' * (n > 1)})" for value, n in profile.sentinels.items()
        )
        remarks.append(f"{sentinels} mean missing, by `nulls`: take it out where they are values")
    return remarks


def format_words(written: WrittenNumber) -> str:
    """A format in words, by an example."""
    example = f"1{written.thousands}234{written.decimal}5"
    unit = f", with or without the unit {written.unit}" if written.unit else ""
    return f"such as {example}{unit}"


def shorten(names: list[str], most: int = _SHOWN) -> str:
    """The first few names, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
