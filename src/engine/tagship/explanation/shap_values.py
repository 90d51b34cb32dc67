"""SHAP values (Lundberg and Lee, 2017, "A Unified Approach to Interpreting Model Predictions") of
an artifact's scores, by the permutation explainer of the library shap.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagship.errors import TagshipError
from tagship.training.export import Score

_ROWS_AT_ONCE = 50_000
_TOLERANCE = 1e-5
_EVERY = 100


@dataclass(frozen=True)
class Attribution:
    """What each feature adds to the scores of some rows."""

    values: NDArray[np.float64]
    """Shape (rows, features, outputs)."""
    base: NDArray[np.float64]
    """The mean scores of the background, shape (outputs,)."""
    scores: NDArray[np.float64]
    """The artifact's own, shape (rows, outputs)."""

    @property
    def size(self) -> NDArray[np.float64]:
        """The mean absolute value of each feature, shape (features, outputs)."""
        return np.asarray(np.abs(self.values).mean(axis=0))


def attribute(
    score: Score,
    background: NDArray[np.float32],
    matrix: NDArray[np.float32],
    seed: int,
    permutations: int,
    say: Callable[[str], None],
) -> Attribution:
    """Explain the scores of ``matrix``, shape (rows, features), against ``background``.

    A feature that is hidden takes the values of the background's rows. Each permutation is walked
    forwards and backwards; equal seeds give equal values.

    Raises:
        TagshipError: shap is not installed, or its values do not add up to the artifact's scores.
    """
    shap = _import_shap()

    class Background(shap.maskers.Masker):  # type: ignore[name-defined,misc]
        shape = background.shape
        immutable_outputs = True  # each is a new array

        def __call__(self, mask: NDArray[np.bool_], row: Any) -> tuple[NDArray[np.float32]]:
            return (np.where(mask, row, background),)

        def invariants(self, row: Any) -> NDArray[np.bool_]:
            """Where hiding a value changes nothing, so that nothing is scored again."""
            same = (background == row) | (np.isnan(background) & np.isnan(row))
            return np.asarray(same)

    def scores(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return score(rows).astype(np.float64)

    explainer = shap.explainers.Permutation(scores, Background(), seed=seed)
    steps = 2 * matrix.shape[1] + 1
    values, base = [], np.empty(0)
    for start in range(0, len(matrix), _EVERY):
        part = explainer(
            matrix[start : start + _EVERY],
            max_evals=permutations * steps,
            batch_size=max(1, _ROWS_AT_ONCE // len(background)),
            silent=True,
        )
        values.append(part.values.reshape(*part.values.shape[:2], -1))
        base = part.base_values[0].reshape(-1)
        say(f"{min(start + _EVERY, len(matrix)):,} of {len(matrix):,} rows explained")
    attribution = Attribution(np.concatenate(values), base, scores(matrix).reshape(len(matrix), -1))
    gap = np.abs(attribution.base + attribution.values.sum(axis=1) - attribution.scores)
    if not (gap <= _TOLERANCE * np.maximum(1, np.abs(attribution.scores))).all():
        raise TagshipError(
            f"the SHAP values miss the artifact's own scores by up to {np.nanmax(gap):.2g}",
            "this is a defect: please report it with the model.yaml and the version of shap",
        )
    return attribution


def _import_shap() -> Any:
    # What numba would compile is not on the path that is taken here, and takes ten seconds.
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    try:
        import shap
    except ImportError as error:
        raise TagshipError(
            f"explaining needs the library shap: {error}", 'uv add "tagship[explain]"'
        ) from None
    return shap
