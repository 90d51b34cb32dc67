"""The verdict on what a model sees now, by the ``drift`` section of thresholds.yaml."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tagship.config.drift import P_VALUES, Drift, DriftTest, Override
from tagship.formatting import percent
from tagship.monitoring import statistics
from tagship.monitoring.comparison import CategoryPair, NumberPair
from tagship.monitoring.current import Current, Values
from tagship.monitoring.drift_verdict import Check, DriftVerdict, Finding, WindowVerdict
from tagship.monitoring.quality import quality_findings
from tagship.monitoring.status import Status, judge
from tagship.training.reference import (
    NumberProfile,
    Profile,
    Reference,
    TextProfile,
)

Judged = tuple[Status, tuple[Finding, ...], float]


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
    )
    if current.rows < drift.min_rows:
        few = f"{current.rows:,} rows, fewer than min_rows {drift.min_rows:,}"
        return replace(base, reason=few) if current.rows else base
    parts = list(_windows(drift, current))
    found = [_judge(reference, drift, part) for part in parts]
    _, findings, share = found[-1]
    status, reason = _over_windows(
        drift, [judged[0] for judged in found], _reason(drift, found[-1])
    )
    return replace(
        base,
        status=status,
        reason=reason,
        findings=findings,
        windows=tuple(_summary(part, one) for part, one in zip(parts, found, strict=True)),
        drifted_share=share,
    )


def _windows(drift: Drift, current: Current) -> Iterator[Current]:
    count = 1
    if drift.window is not None and current.times is not None:
        count = min(drift.window.of, current.rows // drift.min_rows)
    edges = np.linspace(0, current.rows, count + 1).round().astype(int)
    for start, end in pairwise(edges.tolist()):
        yield current if count == 1 else current.take(slice(start, end))


def _over_windows(drift: Drift, found: list[Status], reason: str) -> tuple[Status, str]:
    if len(found) == 1 or drift.window is None:
        return found[-1], reason
    failed, needed = found.count("fail"), min(drift.window.fail, len(found))
    if found[-1] == "fail" and failed < needed:
        said = f"{failed} of {len(found)} windows fail, fewer than {needed}; the latest: {reason}"
        return "warn", said
    if found[-1] == "fail":
        return "fail", f"{failed} of {len(found)} windows fail, the latest too: {reason}"
    return found[-1], reason


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
    others = [
        *quality_findings(reference, drift.quality, current),
        *_outcome("prediction", reference.prediction, drift, drift.prediction, current.prediction),
        *_outcome("target", reference.target, drift, drift.target, current.target),
    ]
    everything = (*others, *compared)
    status: Status = "ok"
    if share > drift.share_fail_above or any(f.status == "fail" for f in others):
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
    said = f"{', '.join(names[:5])}{more}"
    if status == "warn" and worst[0].status == "fail":
        limit = percent(drift.share_fail_above)
        return f"{said}: {percent(share)} of the columns, not above {limit}"
    return said


def _columns(reference: Reference, drift: Drift, current: Current) -> Iterator[Finding]:
    """The distribution of each column, its p-values corrected for their number."""
    found: list[tuple[Finding, DriftTest]] = []
    for name, profile in reference.columns.items():
        if name in current.columns and not isinstance(profile, TextProfile):
            test = _test(profile, drift, drift.columns.get(name))
            found.append(
                (_compare("drift", name, profile, test, current.columns[name], drift.chance), test)
            )
    tested = [
        at for at, (f, test) in enumerate(found) if test.method in P_VALUES and f.value is not None
    ]
    p_values = np.array([found[at][0].value for at in tested], dtype=np.float64)
    corrected = statistics.adjusted(p_values, drift.correction)
    for at, value in zip(tested, corrected.tolist(), strict=True):
        finding, test = found[at]
        found[at] = replace(finding, value=value, status=judge(value, test)), test
    yield from (finding for finding, _ in found)


def _outcome(
    check: Check, profile: Profile, drift: Drift, override: Override | None, values: Values | None
) -> Iterator[Finding]:
    if values is not None:
        yield _compare(check, check, profile, _test(profile, drift, override), values, drift.chance)


def _test(profile: Profile, drift: Drift, override: Override | None) -> DriftTest:
    return drift.test("numbers" if isinstance(profile, NumberProfile) else "categories", override)


def _compare(
    check: Check, column: str, profile: Profile, test: DriftTest, values: Values, chance: float
) -> Finding:
    def finding(value: float | None, status: Status, detail: str) -> Finding:
        return Finding(check, column, test.method, value, test.limit, status, detail)

    if profile.missing == profile.rows and _empty(values):
        return finding(float(test.below), "ok", "missing in every row, as in training")
    if profile.missing == profile.rows:
        return finding(None, "fail", "missing in every row of the training")
    if _empty(values):
        return finding(None, "fail", "no value to compare")
    assert not isinstance(profile, TextProfile)
    pair = (
        NumberPair.of(profile, values)
        if isinstance(profile, NumberProfile)
        else CategoryPair.of(profile, values)
    )
    value = pair.statistic(test.method)
    status = judge(value, test)
    if status != "ok" and test.method not in P_VALUES and pair.chance() >= chance:
        return finding(value, "ok", f"{pair}, within chance")
    return finding(value, status, str(pair))


def _empty(values: Values) -> bool:
    found = values.values
    return not (np.isfinite(found).any() if found.dtype.kind == "f" else (found >= 0).any())
