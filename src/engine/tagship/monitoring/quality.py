"""Data quality: what is missing, unknown or out of range, and columns that are not there."""

from collections.abc import Iterator

import numpy as np

from tagship.config.drift import Quality
from tagship.formatting import percent
from tagship.monitoring.current import Current, Values
from tagship.monitoring.drift_verdict import Finding
from tagship.monitoring.status import judge
from tagship.training.reference import NumberProfile, Profile, Reference

_SURE = 3.0
"""Standard errors by which a share of missing values must rise: less may be chance."""


def quality_findings(reference: Reference, quality: Quality, current: Current) -> Iterator[Finding]:
    """Only what is worth a word: a share of zero is none."""
    for name, profile in reference.columns.items():
        values = current.columns.get(name)
        if values is None:
            yield Finding("column", name, "share", 1.0, "", "fail", "the data has no such column")
            continue
        yield from _missing(name, profile, quality, values)
        yield from _unknown(name, profile, quality, values)
        if isinstance(profile, NumberProfile):
            yield from _out_of_range(name, profile, quality, values)
    for name in current.extra:
        yield Finding("column", name, "", None, "", "warn", "the contract has no such column")


def _missing(name: str, profile: Profile, quality: Quality, values: Values) -> Iterator[Finding]:
    rows = len(values.values)
    kind = values.values.dtype.kind
    absent = (
        np.isnan(values.values)
        if kind == "f"
        else ~values.values if kind == "b" else values.values < 0
    )
    count = int(absent.sum()) - (0 if values.unknown is None else int(values.unknown.sum()))
    now, then = count / rows, profile.missing / profile.rows
    together = (count + profile.missing) / (rows + profile.rows)
    error = np.sqrt(together * (1 - together) * (1 / rows + 1 / profile.rows))
    rise = now - then
    if rise <= _SURE * error:
        return
    detail = f"missing {percent(then)} → {percent(now)}"
    status = judge(rise, quality.missing)
    yield Finding("missing", name, "share", rise, quality.missing.limit, status, detail)


def _unknown(name: str, profile: Profile, quality: Quality, values: Values) -> Iterator[Finding]:
    said = []
    count = 0
    if values.unknown is not None:
        count += int(values.unknown.sum())
        said.append(f"{count:,} values that are not {profile.dtype}")
    if values.new:
        first = len(getattr(profile, "values", ()))
        new = int((values.values >= first).sum())
        count += new
        shown = ", ".join(repr(text[:40]) for text in values.new[:3])
        said.append(f"{new:,} values that the contract lacks: {shown}")
    if count:
        share, limit = count / len(values.values), quality.unknown.limit
        status = judge(share, quality.unknown)
        yield Finding("unknown", name, "share", share, limit, status, "; ".join(said))


def _out_of_range(
    name: str, profile: NumberProfile, quality: Quality, values: Values
) -> Iterator[Finding]:
    found = values.values
    beyond = np.isinf(found)
    if profile.min is not None:
        beyond |= found < profile.min
    if profile.max is not None:
        beyond |= found > profile.max
    count = int(beyond.sum())
    if count:
        share, limit = count / len(found), quality.out_of_range.limit
        low = "" if profile.min is None else f"{profile.min:g}"
        high = "" if profile.max is None else f"{profile.max:g}"
        detail = f"{count:,} values outside {low}..{high}"
        status = judge(share, quality.out_of_range)
        yield Finding("out of range", name, "share", share, limit, status, detail)
