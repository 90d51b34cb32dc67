"""Labels joined to the logged rows that they are about.

Every label is joined or counted under a reason. Only the label that counts is kept for each row, so
memory does not grow with the number of labels.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary
from tagship.contract.values import FLOAT32_MAX, cell_text, read_number
from tagship.monitoring.labels import Labels
from tagship.monitoring.log_reader import LoggedRows, id_hashes, sample_mask

_NEVER = np.datetime64("NaT", "ms")
_LAST = np.datetime64(2**62, "ms")
"""When a label without a time arrived: after all others."""


@dataclass(frozen=True)
class LabelledRows:
    """The logged rows that have a label."""

    at: NDArray[np.int64]
    """Their places among the logged rows, ascending."""
    target: NDArray[Any]
    """The number of the true class, int64; or true values, float64."""
    counts: dict[str, int]
    """What became of the labels: ``received`` is the sum of ``joined``, ``repeated`` (the same
    value again), ``replaced`` (another value came later), ``invalid`` (no class of the model, no
    number), ``elsewhere`` (the log holds the request, but it was not asked for), ``thinned`` (of
    the log one request of so many was kept, and not this one) and ``unknown`` (the log does
    not hold it). ``late`` of the joined came later than they were waited for.
    """


def join_labels(
    logged: LoggedRows,
    labels: Iterable[Labels],
    boundary: Boundary,
    waited: timedelta | None = None,
) -> LabelledRows:
    """Give each label its logged row; see ``LabelledRows.counts`` for what has none.

    A row that is labelled twice takes the label that came last.

    Args:
        waited: how long after its prediction a label is in time.
    """
    join = _Join(logged, boundary)
    for portion in labels:
        join.add(portion)
    return join.labelled(waited)


class _Join:
    """The label that counts, for each logged row."""

    def __init__(self, logged: LoggedRows, boundary: Boundary) -> None:
        self._logged, self._boundary = logged, boundary
        hashes = id_hashes(logged.requests)
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        self._order = np.append(order, -1)  # so that a request at -1, unknown, stays at -1
        self._sizes = np.bincount(logged.request, minlength=len(logged.requests) + 1)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._target = np.zeros(len(logged), dtype=np.int64 if boundary.classes else np.float64)
        self._times = np.full(len(logged), _NEVER)
        self._counts: Counter[str] = Counter()

    def add(self, labels: Labels) -> None:
        """Join a portion, later ones over earlier ones."""
        request = self._order[_find(self._hashes, id_hashes(labels.requests))]
        target, valid = _encoded(labels.actual, self._boundary)
        inside = (labels.rows >= 0) & (labels.rows < self._sizes[request])
        in_log = (request >= 0) & inside
        self._counts["received"] += len(labels)
        self._counts["invalid"] += int((in_log & ~valid).sum())
        self._count_others([labels.requests[at] for at in np.flatnonzero(request < 0).tolist()])
        self._counts["unknown"] += int(((request >= 0) & ~inside).sum())
        good = np.flatnonzero(in_log & valid)
        at = self._starts[request[good]] + labels.rows[good]
        times = np.where(np.isnat(labels.times[good]), _LAST, labels.times[good])
        order = np.lexsort((np.arange(len(good)), times, at))
        at, times, target = at[order], times[order], target[good[order]]
        if len(at):
            self._keep_last(at, times, target)

    def labelled(self, waited: timedelta | None) -> LabelledRows:
        """The rows that have a label, and what became of all of them."""
        at = np.flatnonzero(~np.isnat(self._times))
        times = self._times[at]
        wait = times - self._logged.times[at]
        late = wait > np.timedelta64(waited) if waited is not None else np.zeros(len(at), bool)
        late &= times != _LAST
        names = ("joined", "repeated", "replaced", "invalid", "elsewhere", "thinned", "unknown")
        counts = {"received": self._counts["received"]}
        counts |= {name: self._counts[name] for name in names}
        return LabelledRows(
            at, self._target[at], counts | {"joined": len(at), "late": int(late.sum())}
        )

    def _count_others(self, requests: Sequence[str]) -> None:
        """Count the labels without a logged request, by reason."""
        thinned = ~sample_mask(requests, self._logged.one_in)
        elsewhere = (_find(self._logged.elsewhere, id_hashes(requests)) >= 0) & ~thinned
        self._counts["thinned"] += int(thinned.sum())
        self._counts["elsewhere"] += int(elsewhere.sum())
        self._counts["unknown"] += int((~thinned & ~elsewhere).sum())

    def _keep_last(
        self, at: NDArray[np.int64], times: NDArray[np.datetime64], target: NDArray[Any]
    ) -> None:
        """Keep the last label of each row, of these (by row, then time) and the one it had."""
        last = np.append(at[1:] != at[:-1], True)
        rows, times, last_target = at[last], times[last], target[last]
        before = self._times[rows]
        newer = np.isnat(before) | (times >= before)
        standing = np.where(newer, last_target, self._target[rows])
        of_row = np.cumsum(last) - last
        equal = target == standing[of_row]
        had = ~np.isnat(before)
        kept_before = self._target[rows] == standing
        repeated = int(equal.sum()) + int((had & kept_before).sum()) - len(rows)
        everything = len(at) + int(had.sum()) - len(rows)
        self._counts["repeated"] += repeated
        self._counts["replaced"] += everything - repeated
        self._times[rows[newer]] = times[newer]
        self._target[rows] = standing


def _find(ascending: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each value in an ascending array; -1 where it is not there."""
    if not len(ascending):
        return np.full(len(values), -1)
    at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return np.where(ascending[at] == values, at, -1)


def _encoded(actual: Sequence[Any], boundary: Boundary) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Labels as class numbers or values, and which of them are valid."""
    if boundary.classes:
        codes = {name: code for code, name in enumerate(boundary.classes)}
        classes = np.array([_class(codes, value) for value in actual], dtype=np.int64)
        return classes, classes >= 0
    values = np.array([_number(value) for value in actual], dtype=np.float64)
    return values, np.abs(values) <= FLOAT32_MAX


def _class(codes: dict[str, int], value: Any) -> int:
    try:
        text = cell_text(value)
        return codes.get(text.lower() if codes.keys() == {"false", "true"} else text, -1)
    except ValueError:  # nested, or a number of thousands of digits
        return -1


def _number(value: Any) -> float:
    """A label of a regression; NaN for what the service would not take, but for text of a file."""
    try:
        if type(value) in (int, float):
            return float(value)
        return read_number(value) if isinstance(value, str) else math.nan
    except (ValueError, OverflowError):
        return math.nan
