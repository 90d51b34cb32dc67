"""What breaks a contract: each rule with its column, its count and the first rows."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.errors import TagshipError

MISSING_COLUMN = "column is missing"
_SHOWN = 3


@dataclass(frozen=True)
class Failure:
    """One rule that a column breaks."""

    column: str
    rule: str
    count: int
    examples: tuple[str, ...]
    rows: tuple[int, ...]
    """The first rows that break it, counted from 1 without the header."""


class ContractError(TagshipError):
    """The data breaks its contract; ``failures`` says where."""

    def __init__(self, failures: list[Failure], rows: int, where: str = "") -> None:
        """``where`` says more of the rows."""
        self.failures = failures
        super().__init__(
            f"the data breaks its contract in {len(failures)} place{'s'[:len(failures) - 1]}"
            f" ({rows:,} rows):\n" + failure_table(failures) + where,
            "mend the data at its source, or change data.yaml if the contract is wrong",
        )

    def without_data(self) -> TagshipError:
        """The same refusal, which shows no data where columns of the contract are missing."""
        missing = [f.column for f in self.failures if f.rule == MISSING_COLUMN]
        if not missing:
            return self
        return TagshipError(
            f"the data is no table of the contract: it lacks {', '.join(missing)}", self.hint
        )

    def to_json(self) -> str:
        """The failures as JSON."""
        return json.dumps([asdict(failure) for failure in self.failures], indent=2)


def failure_table(failures: list[Failure]) -> str:
    """The failures as aligned text."""
    header = ("column", "rule", "count", "examples", "first rows")
    cells = [
        (f.column, f.rule, f"{f.count:,}", ", ".join(f.examples), ", ".join(map(str, f.rows)))
        for f in failures
    ]
    widths = [max(len(row[i]) for row in [header, *cells]) for i in range(len(header))]
    lines = [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *cells]
    ]
    return "\n".join(lines)


def make_failure(name: str, rule: str, raw: pd.Series, bad: NDArray[np.bool_]) -> Failure:
    """The failure of a column's rule where ``bad`` is true, shape (rows,), with some examples."""
    rows = np.flatnonzero(bad)
    broken = raw.iloc[rows[:1000]]
    texts = dict.fromkeys(repr(value) for value in broken[broken.notna()].tolist())
    examples = tuple(text if len(text) < 40 else text[:37] + "…'" for text in texts)
    first_rows = tuple(int(row) + 1 for row in rows[:_SHOWN])
    return Failure(name, rule, len(rows), examples[:_SHOWN], first_rows)


def merge_failures(blocks: Iterable[tuple[int, list[Failure]]]) -> list[Failure]:
    """The failures of blocks as those of the whole.

    Args:
        blocks: each with the number of rows before it.
    """
    merged: dict[tuple[str, str], Failure] = {}
    for before, failures in blocks:
        for new in failures:
            old = merged.setdefault((new.column, new.rule), replace(new, count=0, rows=()))
            merged[new.column, new.rule] = replace(
                old,
                count=old.count + new.count,
                examples=tuple(dict.fromkeys([*old.examples, *new.examples]))[:_SHOWN],
                rows=(*old.rows, *(before + row for row in new.rows))[:_SHOWN],
            )
    return list(merged.values())
