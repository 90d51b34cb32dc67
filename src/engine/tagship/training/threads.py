"""How many threads a fit uses."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALL = 1_000_000
"""Values of a matrix; benchmarks/busy_machine.py measures what threads cost."""


def quick_threads(matrix: NDArray[np.float32]) -> AbstractContextManager[Any]:
    """A context in which OpenMP uses one thread for a small matrix: two would wait for each other
    longer than they work. The same comes out."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(
        1 if matrix.size < _SMALL else None, user_api="openmp"
    )
    return limits
