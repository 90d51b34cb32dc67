"""The verdict on what a model sees now, by the ``drift`` section of thresholds.yaml."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tagship.config.bound import Bound
from tagship.config.drift import P_VALUES, Drift, DriftTest, Override, Quality
from tagship.formatting import percent
from tagship.monitoring import drift_statistics
from tagship.monitoring.comparison import CategoryPair, NumberPair
from tagship.monitoring.current_data import Current, Values
from tagship.monitoring.verdicts import Check, DriftVerdict, Finding, Status, WindowVerdict
from tagship.training.profiles import NumberProfile, Profile, TextProfile
from tagship.training.reference import Reference

Judged = tuple[Status, tuple[Finding, ...], float]
_SURE = 3.0
"""Standard errors by which a share of missing values must rise: less may be chance."""


def judge_drift(reference: Reference, drift: Drift, current: Current) -> DriftVerdict:
    """Compare what a model sees with how its training looked.

    With ``window`` and known times, the rows are cut by time into windows of equal numbers; fewer
    where some would have less than ``min_rows``. It fails only when enough of them fail, the latest
    among them; the findings are the latest's. Without, all rows are judged at once.
    """
    base = DriftVerdict(
        model=reference.model,
        status="no data",
        reason="there are no rows",
        rows=current.rows,
        extra=current.extra,
        releases=dict(current.releases),
        skipped=dict(current.skipped),
        one_in=current.one_in,
    )
    if current.rows < drift.min_rows:
        few = f"{current.rows:,} rows, fewer than min_rows {drift.min_rows:,}"
        return replace(base, reason=few) if current.rows else base
    parts = list(_windows(drift, current))
    verdicts = [_judge(reference, drift, part) for part in parts]
    _, findings, share = verdicts[-1]
    status, reason = _over_windows(
        drift, [status for status, _, _ in verdicts], _reason(drift, verdicts[-1])
    )
    return replace(
        base,
        status=status,
        reason=reason,
        findings=findings,
        windows=tuple(
            _summary(part, verdict) for part, verdict in zip(parts, verdicts, strict=True)
        ),
        drifted_share=share,
    )


def _windows(drift: Drift, current: Current) -> Iterator[Current]:
    count = 1
    if drift.window is not None and current.times is not None:
        count = min(drift.window.of, current.rows // drift.min_rows)
    edges = np.linspace(0, current.rows, count + 1).round().astype(int)
    for start, end in pairwise(edges.tolist()):
        yield current if count == 1 else current.take(slice(start, end))


def _over_windows(drift: Drift, statuses: list[Status], reason: str) -> tuple[Status, str]:
    if len(statuses) == 1 or drift.window is None:
        return statuses[-1], reason
    failed, needed = statuses.count("fail"), min(drift.window.fail, len(statuses))
    if statuses[-1] == "fail" and failed < needed:
        reason = (
            f"{failed} of {len(statuses)} windows fail, fewer than {needed}; the latest: {reason}"
        )
        return "warn", reason
    if statuses[-1] == "fail":
        return "fail", f"{failed} of {len(statuses)} windows fail, the latest too: {reason}"
    return statuses[-1], reason


def _summary(part: Current, judged: Judged) -> WindowVerdict:
    status, findings, _ = judged
    times = part.times
    failed = dict.fromkeys(f.column for f in findings if f.status == "fail")
    return WindowVerdict(
        since=None if times is None else f"{times[0]}Z",
        until=None if times is None else f"{times[-1]}Z",
        rows=part.rows,
        status=status,
        failed=tuple(failed),
    )


def _judge(reference: Reference, drift: Drift, current: Current) -> Judged:
    compared = list(_columns(reference, drift, current))
    share = sum(f.status == "fail" for f in compared) / max(1, len(compared))
    findings = [
        *_quality(reference, drift.quality, current),
        *_outcome("prediction", reference.prediction, drift, drift.prediction, current.prediction),
        *_outcome("target", reference.target, drift, drift.target, current.target),
    ]
    everything = (*findings, *compared)
    status: Status = "ok"
    if share > drift.share_fail_above or any(f.status == "fail" for f in findings):
        status = "fail"
    elif any(f.status != "ok" for f in everything):
        status = "warn"
    order = {"fail": 0, "warn": 1}
    ranked = sorted(everything, key=lambda finding: order.get(finding.status, 2))
    return status, tuple(ranked), share


def _reason(drift: Drift, judged: Judged) -> str:
    status, findings, share = judged
    if status == "ok":
        return "nothing differs beyond its limit"
    worst = [f for f in findings if f.status == "fail"] or [f for f in findings if f.status != "ok"]
    names = list(dict.fromkeys(f.column for f in worst))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    shown = f"{', '.join(names[:5])}{more}"
    if status == "warn" and worst[0].status == "fail":
        limit = percent(drift.share_fail_above)
        return f"{shown}: {percent(share)} of the columns, not above {limit}"
    return shown


def _columns(reference: Reference, drift: Drift, current: Current) -> Iterator[Finding]:
    """The distribution of each column, its p-values corrected for their number."""
    compared: list[tuple[Finding, DriftTest]] = []
    for name, profile in reference.columns.items():
        if name in current.columns and not isinstance(profile, TextProfile):
            test = choose_test(profile, drift, drift.columns.get(name))
            compared.append(
                (_compare("drift", name, profile, test, current.columns[name], drift.chance), test)
            )
    tested = [
        at
        for at, (f, test) in enumerate(compared)
        if test.method in P_VALUES and f.value is not None
    ]
    p_values = np.array([compared[at][0].value for at in tested], dtype=np.float64)
    corrected = drift_statistics.adjusted(p_values, drift.correction)
    for at, value in zip(tested, corrected.tolist(), strict=True):
        finding, test = compared[at]
        compared[at] = replace(finding, value=value, status=_status(value, test)), test
    yield from (finding for finding, _ in compared)


def _outcome(
    check: Check, profile: Profile, drift: Drift, override: Override | None, values: Values | None
) -> Iterator[Finding]:
    if values is not None:
        yield _compare(
            check, check, profile, choose_test(profile, drift, override), values, drift.chance
        )


def choose_test(profile: Profile, drift: Drift, override: Override | None) -> DriftTest:
    """The test of a column, the prediction or the target, with its limits."""
    return drift.test("numbers" if isinstance(profile, NumberProfile) else "categories", override)


def _compare(
    check: Check, column: str, profile: Profile, test: DriftTest, values: Values, chance: float
) -> Finding:
    def finding(value: float | None, status: Status, detail: str) -> Finding:
        return Finding(check, column, test.method, value, test.limit, status, detail)

    if profile.missing == profile.rows and values.empty:
        return finding(float(test.below), "ok", "missing in every row, as in training")
    if profile.missing == profile.rows:
        return finding(None, "fail", "missing in every row of the training")
    if values.empty:
        return finding(None, "fail", "no value to compare")
    assert not isinstance(profile, TextProfile)
    pair = (
        NumberPair.of(profile, values)
        if isinstance(profile, NumberProfile)
        else CategoryPair.of(profile, values)
    )
    value = pair.statistic(test.method)
    status = _status(value, test)
    if status != "ok" and test.method not in P_VALUES and pair.chance() >= chance:
        return finding(value, "ok", f"{pair}, within chance")
    return finding(value, status, str(pair))


def _quality(reference: Reference, quality: Quality, current: Current) -> Iterator[Finding]:
    """What is missing, unknown or out of range, and columns that are not there.

    A share of zero is no finding.
    """
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
    status = _status(rise, quality.missing)
    yield Finding("missing", name, "share", rise, quality.missing.limit, status, detail)


def _unknown(name: str, profile: Profile, quality: Quality, values: Values) -> Iterator[Finding]:
    details = []
    count = 0
    if values.unknown is not None:
        count += int(values.unknown.sum())
        kind = "of the contract" if profile.dtype == "category" else profile.dtype
        details.append(f"{count:,} values that are not {kind}")
    if values.new:
        first = len(getattr(profile, "values", ()))
        new = int((values.values >= first).sum())
        count += new
        shown = ", ".join(repr(text[:40]) for text in values.new[:3])
        details.append(f"{new:,} values that the contract lacks: {shown}")
    if count:
        share, limit = count / len(values.values), quality.unknown.limit
        status = _status(share, quality.unknown)
        yield Finding("unknown", name, "share", share, limit, status, "; ".join(details))


def _out_of_range(
    name: str, profile: NumberProfile, quality: Quality, values: Values
) -> Iterator[Finding]:
    column = values.values
    lowest, highest = profile.limits
    beyond = np.isinf(column)
    if lowest is not None:
        beyond |= column < lowest
    if highest is not None:
        beyond |= column > highest
    count = int(beyond.sum())
    if count:
        share, limit = count / len(column), quality.out_of_range.limit
        low, high = ("" if bound is None else f"{bound:g}" for bound in profile.limits)
        detail = f"{count:,} values outside {low}..{high}"
        status = _status(share, quality.out_of_range)
        yield Finding("out of range", name, "share", share, limit, status, detail)


def _status(value: float, bound: Bound) -> Status:
    """Compare a value with a bound; one that is no number fails."""
    if not math.isfinite(value):
        return "fail"
    outcome = bound.outcome(value)
    return "ok" if outcome == "pass" else outcome
