"""How well one column, an arithmetic of two or a sum of many gives the target of other rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tagship.config.model import Task
from tagship.training.metrics import value

Floats = NDArray[np.float64]

_EXACT = 1 - 1e-6
"""The r2 of a relation that holds but for rounding."""
_FLOAT32 = 1e-6
_MOST_COLUMNS = 40
_MOST_TREE_PAIRS = 8
_PROBE = 400


@dataclass(frozen=True)
class Side:
    """Rows of a table: columns, NaN where they are missing, and the target."""

    x: Floats
    y: Floats


@dataclass(frozen=True)
class Relation:
    """Columns that give the target, and how well."""

    columns: tuple[int, ...]
    score: float
    """roc_auc, for regression r2."""
    formula: str = ""
    """With the columns as ``{0}``, ``{1}``; empty where there is none."""
    rows: int = 0
    """In how many rows of both sides the formula holds but for rounding."""
    exact: bool = False
    """Whether a sum leaves nothing but rounding."""


@dataclass(frozen=True)
class Relations:
    """Relations between columns and target: fitted to each side, judged on the other.

    The lower of the two scores counts.
    """

    task: Task
    sides: tuple[Side, Side]
    numeric: int
    """How many columns are numbers, which come first; the others are codes of categories."""
    classes: int
    seed: int

    def singles(self) -> list[Relation]:
        """Each column alone; its score is NaN where it is undefined."""
        return [
            Relation((k,), self._score([side.x[:, [k]] for side in self.sides], k >= self.numeric))
            for k in range(self.sides[0].x.shape[1])
        ]

    def pairs(self, beyond: float, singles: list[Relation]) -> list[Relation]:
        """Pairs of numbers, among ``singles``, that score more than ``beyond``: the best first.

        No column comes twice. More than 40 columns are tried from the best alone on.
        """
        ranked = sorted(singles, key=lambda single: -single.score)
        names = [s.columns[0] for s in ranked if s.columns[0] < self.numeric][:_MOST_COLUMNS]
        relations = [
            r for pair in combinations(sorted(names), 2) for r in self._tried(pair, beyond)
        ]
        if self.task != "regression":
            for pair in combinations(sorted(names[:_MOST_TREE_PAIRS]), 2):
                score = self._score([side.x[:, pair] for side in self.sides])
                relations.append(Relation(pair, score))
        chosen: list[Relation] = []
        for relation in sorted(relations, key=lambda r: (-r.rows, -round(r.score, 6))):
            used_columns = {column for other in chosen for column in other.columns}
            if relation.score > beyond and used_columns.isdisjoint(relation.columns):
                chosen.append(relation)
        return chosen

    def weighted_sum(self) -> Relation | None:
        """The sum of numbers that a regression's target is, but for rounding."""
        x, y = np.vstack([s.x[:, : self.numeric] for s in self.sides]), self._targets
        complete_columns = np.isfinite(x).mean(axis=0) > 0.9
        x = x[:, complete_columns]
        complete, fitted = np.isfinite(x).all(axis=1), np.arange(len(y)) < len(self.sides[0].y)
        fit, judge = complete & fitted, complete & ~fitted
        if complete_columns.sum() < 2 or fit.sum() < complete_columns.sum() + 5 or judge.sum() < 5:
            return None
        spread, mean = x[fit].std(axis=0), y[fit].mean()
        spread[spread == 0] = np.inf
        standard = (x - x[fit].mean(axis=0)) / spread
        effects = np.linalg.lstsq(standard[fit], y[fit] - mean, rcond=_FLOAT32)[0]
        score = _r2(y[judge], standard[judge] @ effects + mean)
        counted = np.abs(effects) > 1e-3 * y.std()
        if score < _EXACT:
            return None
        weights = (effects / spread)[counted]
        terms = [_term(weight, place) for place, weight in enumerate(weights)]
        columns = tuple(np.flatnonzero(complete_columns)[counted].tolist())
        return Relation(columns, score, " ".join(terms).removeprefix("+ "), exact=True)

    @property
    def _targets(self) -> Floats:
        return np.concatenate([side.y for side in self.sides])

    def _tried(self, pair: tuple[int, int], beyond: float) -> Iterator[Relation]:
        """The operations on two numbers that a few rows do not rule out."""
        few = self.sides[0].y[:_PROBE]
        for formula, probe in _operations(self.sides[0].x[:_PROBE, pair]):
            if self._promising(probe, few) <= beyond - 0.01:
                continue
            predictions = [dict(_operations(side.x[:, pair]))[formula] for side in self.sides]
            score = self._score([values[:, None] for values in predictions])
            size = np.abs(np.vstack([side.x[:, pair] for side in self.sides])).sum(axis=1)
            slack = _FLOAT32 * (size if "+" in formula or "-" in formula else 0)
            y = self._targets
            equal = np.abs(np.concatenate(predictions) - y) <= slack + _FLOAT32 * np.abs(y)
            yield Relation(pair, score, formula, int(equal.sum()) if equal.mean() > 0.9 else 0)

    def _promising(self, x: Floats, y: Floats) -> float:
        finite = np.isfinite(x)
        if finite.mean() < 0.5 or np.ptp(x[finite]) == 0 or np.ptp(y[finite]) == 0:
            return 0.0
        if self.task == "regression":
            return float(np.corrcoef(x[finite], y[finite])[0, 1] ** 2)
        if self.task == "multiclass":
            return 0.0
        area = self._auc(y[finite], x[finite])
        return max(area, 1 - area)

    def _score(self, columns: list[Floats], categories: bool = False) -> float:
        first, second = (Side(x, s.y) for x, s in zip(columns, self.sides, strict=True))
        judge = self._regression if self.task == "regression" else self._classification
        return float(
            np.min([judge(*way, categories) for way in ((first, second), (second, first))])
        )

    def _regression(self, fit: Side, judge: Side, categories: bool) -> float:
        from sklearn.isotonic import IsotonicRegression

        if categories:
            return _r2(judge.y, _means(fit, judge, fit.y))
        fit_rows, judge_rows = (np.isfinite(side.x[:, 0]) for side in (fit, judge))
        x, y = fit.x[fit_rows, 0], fit.y[fit_rows]
        if min(fit_rows.mean(), judge_rows.mean()) < 0.5 or np.ptp(x) == 0:
            return 0.0
        target, at = judge.y[judge_rows], judge.x[judge_rows, 0]
        slope, offset = np.polyfit(x - x.mean(), y, 1)
        curve = IsotonicRegression(increasing=slope >= 0, out_of_bounds="clip").fit(x, y)
        return max(_r2(target, slope * (at - x.mean()) + offset), _r2(target, curve.predict(at)))

    def _classification(self, fit: Side, judge: Side, categories: bool) -> float:
        from sklearn.tree import DecisionTreeClassifier

        if categories:
            shares = [_means(fit, judge, fit.y == label) for label in range(self.classes)]
            return self._auc(judge.y, np.stack(shares, axis=1))
        lowest = np.nanmin(np.vstack([fit.x, judge.x, np.zeros_like(fit.x[:1])]), axis=0) - 1
        x, asked = (np.where(np.isfinite(side.x), side.x, lowest) for side in (fit, judge))
        tree = DecisionTreeClassifier(max_leaf_nodes=2 * self.classes + 4, random_state=self.seed)
        scores = np.zeros((len(asked), self.classes))
        scores[:, np.unique(fit.y).astype(int)] = tree.fit(x, fit.y).predict_proba(asked)
        score = self._auc(judge.y, scores)
        if self.task == "binary" and x.shape[1] == 1:
            sign = 1 if self._auc(fit.y, x[:, 0]) >= 0.5 else -1
            score = max(score, self._auc(judge.y, sign * asked[:, 0]))
        return score

    def _auc(self, y: Floats, scores: Floats) -> float:
        of_positive = scores[:, 1] if self.task == "binary" and scores.ndim == 2 else scores
        return value("roc_auc", self.task, y, of_positive)


def _operations(pair: Floats) -> Iterator[tuple[str, Floats]]:
    a, b = pair.T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        results = {"{0} + {1}": a + b, "{0} - {1}": a - b, "{1} - {0}": b - a}
        results |= {"{0} \u00d7 {1}": a * b, "{0} / {1}": a / b, "{1} / {0}": b / a}
    for formula, values in results.items():
        yield formula, np.where(np.isfinite(values), values, np.nan)


def _means(fit: Side, judge: Side, values: NDArray[np.float64 | np.bool_]) -> Floats:
    """For each row to judge, the mean of its category; of all rows where that is new."""
    codes, asked = (np.nan_to_num(side.x[:, 0], nan=-1).astype(int) + 1 for side in (fit, judge))
    size = int(max(codes.max(), asked.max())) + 1
    counts, sums = np.bincount(codes, minlength=size), np.bincount(codes, values, minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), values.mean())
    return np.asarray(means[asked])


def _r2(y: Floats, predictions: Floats) -> float:
    variance = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - predictions) ** 2).sum()) / variance if variance > 0 else float("nan")


def _term(weight: float, place: int) -> str:
    size = "" if abs(abs(weight) - 1) < 1e-3 else f"{abs(weight):.4g} \u00d7 "
    return f"{'-' if weight < 0 else '+'} {size}{{{place}}}"
