"""How many threads a fit uses."""

from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_SMALL = 1_000_000
"""Values of a matrix; benchmarks/busy_machine.py measures what threads cost."""
_TINY = 20_000
"""Values of a matrix on which no thread is worth its start."""


def quick_threads(matrix: NDArray[np.float32], estimator: str) -> AbstractContextManager[Any]:
    """A context in which OpenMP uses one thread for a small matrix, and linear algebra for a tiny
    one: two would wait for each other longer than they work. The same comes out.

    ``estimator`` is the import path of what is fitted, and imported by now.
    """
    limits: dict[str, int] = {}
    if matrix.size < _SMALL:
        limits["openmp"] = 1
    if matrix.size < _TINY:
        limits["blas"] = 1
    context: AbstractContextManager[Any] = _pools(estimator.partition(".")[0]).limit(limits=limits)
    return context


def quick_jobs(matrix: NDArray[np.float32], estimator: str) -> int:
    """How many threads an estimator starts by itself, ``n_jobs``: -1, which is all, or 1 where that
    is quicker and the same comes out: for boosting libraries as for OpenMP."""
    least = _TINY if estimator.startswith("sklearn.") else _SMALL
    return 1 if matrix.size < least else -1


@cache
def _pools(library: str) -> "ThreadpoolController":
    """The pools of threads of all that is loaded; to list them takes as long as a tiny fit, and
    another library may bring others."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
