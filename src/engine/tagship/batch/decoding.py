"""From a block of a file to the boundary's columns, read by the rules of the service."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tagship.contract.boundary import Boundary
from tagship.contract.table_columns import broken_rules, read_cells
from tagship.contract.values import Mask

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BrokenRows:
    """The rows of a block in which one column breaks one rule."""

    column: str
    """A column of the input, one that is derived from several, or empty."""
    problem: str
    rows: NDArray[np.intp]
    """Positions in the block."""


@dataclass(frozen=True)
class DecodedBlock:
    """A block as the boundary takes it, without the rows that break the contract."""

    columns: dict[str, NDArray[Any]]
    good: Mask
    """Shape (rows of the block,): which rows ``columns`` holds."""
    broken: list[BrokenRows]


def decode(
    boundary: Boundary, block: "pa.RecordBatch | pd.DataFrame", decimal: str = "."
) -> DecodedBlock:
    """Read and judge every field's column; one that the block lacks is missing in every row.

    Args:
        decimal: the decimal separator of numbers that are text.
    """
    good = np.ones(len(block), dtype=bool)
    broken = []
    values = {}
    names = block.schema.names if isinstance(block, pa.RecordBatch) else list(block.columns)
    for field in boundary.fields:
        present = field.name in names
        cells = read_cells(field, block[field.name] if present else pa.nulls(len(good)), decimal)
        for problem, rows in broken_rules(field, cells):
            good &= ~rows
            broken.append(BrokenRows(field.name, problem, np.flatnonzero(rows)))
        values[field.name] = cells.values
    return DecodedBlock({name: column[good] for name, column in values.items()}, good, broken)
