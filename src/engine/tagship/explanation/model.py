"""Explaining a model's last training: over its holdout, or single rows."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary
from tagship.contract.display import readable
from tagship.data.splitting import split_table
from tagship.data.table import Table, load_table, request_columns
from tagship.errors import TagshipError
from tagship.explanation.rows import rows_of_file, rows_of_table
from tagship.explanation.shap_values import Attribution, attribute
from tagship.training.bundle import Bundle, load_bundle
from tagship.training.export import artifact_scorer
from tagship.training.fingerprint import check_unchanged

BACKGROUND_ROWS = 50
HOLDOUT_ROWS = 500
_MOST_SCORED, _LEAST_ROWS = 1_500_000, 50
"""With many features fewer holdout rows are explained: each needs more rows to be scored."""
_MOST_PERMUTATIONS = 10

Say = Callable[[str], None]


@dataclass(frozen=True)
class Overview:
    """The SHAP values of a sample of the holdout."""

    bundle: Bundle
    matrix: NDArray[np.float32]
    attribution: Attribution
    outputs: tuple[str, ...]
    background: int

    @property
    def ranking(self) -> list[tuple[str, float]]:
        """Each feature and its mean absolute SHAP value, over all outputs, largest first."""
        sizes = self.attribution.size.sum(axis=1).tolist()
        return sorted(zip(self.bundle.boundary.names, sizes, strict=True), key=lambda i: -i[1])


@dataclass(frozen=True)
class Reason:
    """What one feature adds to one score."""

    feature: str
    value: str
    shap: float


@dataclass(frozen=True)
class RowReasons:
    """Why one row gets its score."""

    row: int
    prediction: str
    of: str
    """What the score is: of several classes, the probability of the predicted one."""
    base: float
    """The mean score of the background."""
    sum: float
    """The base and all reasons: it is the artifact's own score."""
    score: float
    reasons: list[Reason]
    """The largest first."""


def explain_model(files: ModelFiles, say: Say) -> Overview:
    """Explain a sample of the holdout against a sample of the training rows.

    Raises:
        TagshipError: there is no training, its inputs or data changed, or shap is missing.
    """
    bundle, _, background = _prepare(files)
    seed = files.model.select.seed
    matrix = bundle.evidence.matrix
    scored = (2 * matrix.shape[1] + 1) * len(background)
    most = min(HOLDOUT_ROWS, max(_LEAST_ROWS, _MOST_SCORED // scored))
    sample = np.random.default_rng(seed).permutation(len(matrix))[:most]
    matrix = matrix[np.sort(sample)]
    say(f"explaining {len(matrix):,} holdout rows, {matrix.shape[1]} features")
    score = artifact_scorer(bundle.artifact, files.model.task, os.cpu_count() or 1)
    attribution = attribute(score, background, matrix, seed, 1, say)
    return Overview(bundle, matrix, attribution, _outputs(files, bundle.boundary), len(background))


def explain_rows(
    files: ModelFiles, source: str | None, row: int | None, say: Say
) -> list[RowReasons]:
    """Explain the rows of a file, or row ``row`` of it, or of the model's own table.

    Raises:
        TagshipError: as ``explain_model``; or the rows cannot be read or break the contract.
    """
    bundle, table, background = _prepare(files)
    boundary, task, seed = bundle.boundary, files.model.task, files.model.select.seed
    if source is not None:
        rows = rows_of_file(files.root, files.data, boundary, source, row)
    else:
        rows = rows_of_table(table, files.data, boundary, 1 if row is None else row)
    permutations = max(1, min(_MOST_PERMUTATIONS, HOLDOUT_ROWS // len(rows.numbers)))
    score = artifact_scorer(bundle.artifact, task, os.cpu_count() or 1)
    attribution = attribute(score, background, rows.matrix, seed, permutations, say)
    outputs = _outputs(files, boundary)
    fields = {field.name: field for field in boundary.fields}
    answers = []
    for at, number in enumerate(rows.numbers):
        output = int(attribution.scores[at].argmax())
        reasons = [
            Reason(
                name,
                readable(fields.get(name), value),
                float(attribution.values[at, place, output]),
            )
            for place, (name, value) in enumerate(zip(boundary.names, rows.matrix[at], strict=True))
        ]
        base, score_of_row = float(attribution.base[output]), float(attribution.scores[at, output])
        answers.append(
            RowReasons(
                row=number,
                prediction=_prediction(boundary, score_of_row, output),
                of=outputs[output],
                base=base,
                sum=base + sum(reason.shap for reason in reasons),
                score=score_of_row,
                reasons=sorted(reasons, key=lambda reason: -abs(reason.shap)),
            )
        )
    return answers


def _prepare(files: ModelFiles) -> tuple[Bundle, Table, NDArray[np.float32]]:
    """The last training, its table, and a sample of the training rows as the model takes them."""
    bundle = load_bundle(files)
    check_unchanged(files, bundle.lock)
    table = load_table(files, expected=bundle.lock.data.identity)
    if table.sha256 != bundle.lock.data.sha256:
        raise TagshipError(
            f"{files.name}: the data changed since its last training here",
            f"run `tagship train {files.name}` first",
        )
    train = split_table(table.frame, files.data, files.model).train
    sample = np.random.default_rng(files.model.select.seed).permutation(train)[:BACKGROUND_ROWS]
    columns = request_columns(table.frame.iloc[np.sort(sample)], files.data)
    return bundle, table, bundle.boundary.matrix(columns)


def _outputs(files: ModelFiles, boundary: Boundary) -> tuple[str, ...]:
    """What the scores are."""
    if boundary.task == "regression":
        return (files.data.target.column,)
    classes = boundary.classes[1:] if boundary.task == "binary" else boundary.classes
    return tuple(f"P({label})" for label in classes)


def _prediction(boundary: Boundary, score: float, output: int) -> str:
    if boundary.task == "regression":
        return readable(None, score)
    place = int(score >= boundary.threshold) if boundary.task == "binary" else output
    return boundary.classes[place]
