"""The gate on leaks: columns that give the target away are named, and fail unless allowed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.bound import Bound
from tagship.config.project_files import ModelFiles
from tagship.config.thresholds import Leakage
from tagship.contract.boundary import Field
from tagship.errors import suggest
from tagship.formatting import brief
from tagship.gates.judging import judge, not_computed
from tagship.gates.relations import Relation, Relations, Side
from tagship.training import metrics
from tagship.training.bundle import Bundle
from tagship.training.prepared_table import LEAK_ROWS, balanced_rows
from tagship.verdict import GateResult

_ALL = "every column"
_LATER = 0.95
"""A date after its row's time in more than this share of rows is of the future."""
_LEAST_MISSING = 5


def leakage_gate(gate: Leakage, files: ModelFiles, bundle: Bundle) -> Iterator[GateResult]:
    """A result for each leak; one of the best column where there is none."""
    bound, names = Bound(fail_above=gate.fail_above), bundle.boundary.names
    declared = {*files.data.columns, *names}
    unknown = sorted(gate.allow.keys() - declared)
    if unknown:
        why = f"no such column is declared or derived; {suggest(unknown[0], declared)}"
        yield not_computed("leakage", f"allow.{unknown[0]}", bound.limits, why)
    leaks = [*_future(gate, bundle), *_missing(gate, files, bundle)]
    metric = "r2" if files.model.task == "regression" else "roc_auc"
    relations = _relations(files, bundle)
    singles = relations.singles() if relations else []
    if relations is None or not all(np.isfinite(single.score) for single in singles):
        why = f"{metric} is undefined on the rows that were kept: enlarge the holdout"
        yield from leaks
        yield not_computed("leakage", _ALL, bound.limits, why if relations else "train again")
        return
    evidence = bundle.evidence
    winner = metrics.value(
        metric, files.model.task, evidence.target, evidence.scores, bundle.boundary.classes
    )
    suspects = {names.index(leak.subject) for leak in leaks if leak.subject in names}
    alone = [s for s in singles if s.score > gate.fail_above and s.columns[0] not in suspects]
    suspects |= {single.columns[0] for single in alone}
    near_perfect, pairs = winner > gate.fail_above, list[Relation]()
    if metric == "r2" or near_perfect:
        candidates = [single for single in singles if single.columns[0] not in suspects]
        pairs = relations.pairs(gate.fail_above, candidates)
    total = relations.weighted_sum() if metric == "r2" else None
    if total and not suspects.union(*(pair.columns for pair in pairs)).issuperset(total.columns):
        pairs.append(total)
    score = f"the winner's {metric} is {brief(winner)}"
    rows, target = sum(len(side.y) for side in relations.sides), files.data.target.column
    for relation in (*alone, *pairs):
        columns = [names[column] for column in relation.columns]
        detail = f"{_words(relation, columns, target, rows)}; {score}"
        leaks.append(_result(gate, columns, relation.score, bound, detail))
    best = max(singles, key=lambda single: single.score)
    detail = f"{names[best.columns[0]]} is the best alone, by {metric}; {score}"
    if near_perfect:
        detail += ", which no column or pair explains"
    yield from leaks or [judge("leakage", _ALL, best.score, bound, detail)]


def _result(
    gate: Leakage, columns: list[str], value: float, bound: Bound, detail: str
) -> GateResult:
    """What is allowed passes with its reasons; a relation only where all of its columns are."""
    result = judge("leakage", ", ".join(columns), value, bound, detail)
    reasons = [f"{name} is allowed: {gate.allow[name]}" for name in columns if name in gate.allow]
    missing = [name for name in columns if name not in gate.allow]
    detail = "; ".join([detail, *reasons])
    if result.status == "fail" and not missing:
        return result.model_copy(update={"status": "pass", "detail": detail})
    out = f"remove {' or '.join(missing)}, or allow it in `leakage` with a reason"
    return result.model_copy(update={"detail": f"{detail}; {out}"})


def _words(relation: Relation, columns: list[str], target: str, rows: int) -> str:
    if not relation.formula:
        how = "alone gives" if len(columns) == 1 else "together give"
        return f"{' and '.join(columns)} {how} {target} in {rows:,} rows"
    formula = relation.formula.format(*columns)
    if relation.rows:
        return f"{target} = {formula} in {relation.rows:,} of {rows:,} rows"
    return f"{target} {'=' if relation.exact else 'follows'} {formula} in {rows:,} rows"


def _relations(files: ModelFiles, bundle: Bundle) -> Relations | None:
    """Training rows against the holdout; None where an older engine kept no training row."""
    evidence, boundary = bundle.evidence, bundle.boundary
    numeric = boundary.numbers.stop
    if evidence.train_rows is None or evidence.train_matrix is None:
        return None

    def side(matrix: NDArray[np.float32], target: NDArray[Any]) -> Side:
        inputs = matrix.astype(np.float64)
        codes = inputs[:, numeric:]
        codes[codes < 0] = np.nan
        return Side(inputs, target.astype(np.float64))

    rows = balanced_rows(evidence.target, files.model, LEAK_ROWS)
    first = side(evidence.train_matrix, evidence.train_target[evidence.train_rows])
    second = side(evidence.matrix[rows], evidence.target[rows])
    seed, task = files.model.select.seed, files.model.task
    return Relations(task, (first, second), numeric, len(boundary.classes), seed)


def _future(gate: Leakage, bundle: Bundle) -> Iterator[GateResult]:
    """Dates of the contract that lie after the time of their row."""
    times, bound = bundle.evidence.times, Bound(fail_above=_LATER)
    if times is None or times.dtype.kind != "M":
        return
    for name, values in bundle.evidence.columns.items():
        if values.dtype.kind != "M":
            continue
        present = ~np.isnat(values)
        later = int((values[present] > times[present]).sum())
        if later > _LATER * present.sum():
            detail = (
                f"{name} is after the row's time in {later:,} of {present.sum():,} holdout rows"
            )
            yield _result(gate, [name], later / present.sum(), bound, detail)


def _missing(gate: Leakage, files: ModelFiles, bundle: Bundle) -> Iterator[GateResult]:
    """Columns that are missing, or present, exactly where the target has one value."""
    target, bound = bundle.evidence.target, Bound(fail_above=gate.fail_above)
    fields = {field.name: field for field in bundle.boundary.fields}
    for name, values in bundle.evidence.columns.items():
        missing = _is_missing(fields[name], values)
        if min(missing.sum(), (~missing).sum()) < _LEAST_MISSING:
            continue
        for mask, word in ((missing, "missing"), (~missing, "present")):
            labels, counts = np.unique(target[mask], return_counts=True)
            label = labels[counts.argmax()]
            matches = target == label
            if matches.all():
                continue
            score = float((mask[matches].mean() + (~mask)[~matches].mean()) / 2)
            if score > gate.fail_above:
                class_name = (
                    bundle.boundary.classes[label] if bundle.boundary.classes else brief(label)
                )
                where = f"{files.data.target.column} = {class_name}"
                detail = f"{name} is {word} exactly where {where}, in {mask.sum():,} holdout rows"
                yield _result(gate, [name], score, bound, detail)
                break


def _is_missing(field: Field, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values of a request column are missing; evidence keeps a missing text as ``None``."""
    if field.dtype == "category":
        return np.asarray(values < 0)
    if field.dtype == "string":
        return np.asarray(values.astype(np.str_) == "None")
    return np.asarray(np.isnat(values) if field.dtype == "datetime" else np.isnan(values))
