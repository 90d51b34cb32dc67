"""What rows give to the rules of the whole table: it adds up, and is kept for each row group.

Ids are known by 64 bits of a hash each.
"""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import tagship
from tagship.config.contract import DataConfig
from tagship.config.model import Task
from tagship.config.project_files import ModelFiles
from tagship.contract.values import EXACT_WHOLE
from tagship.data.failures import Failure, make_failure, merge_failures
from tagship.data.hashing import hash_table
from tagship.data.target_rows import OTHER
from tagship.data.validation import (
    UNIQUE_ID,
    allowed_missing,
    column_failures,
    equal_numbers,
    read_rows,
    target_failures,
    weight_failures,
)
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes, write_atomically

_GAPS = "missing values"
"""The rule of missing values in a tally, before their share is known."""


@dataclass(frozen=True)
class Tally:
    """Some rows: a block, a row group, or all of them."""

    rows: int
    sha256: str
    """Of a block's values, or of the hashes of what was added up."""
    failures: list[Failure]
    """The rules that rows break by themselves, and missing values, which may be allowed; rows count
    from 1."""
    labels: dict[str, int]
    """Rows of each label; of a regression, the smallest and the largest value."""
    weighted: bool
    """Whether a row has a weight above 0."""
    ids: NDArray[np.uint64]
    """The id of each row, 0 where it is missing."""
    large: dict[str, NDArray[np.float64]]
    """The distinct numbers of features of whole ones, where any is beyond float32."""
    left_out: int = 0
    """Rows beside these that have no target."""


def read_tally(raw: pd.DataFrame, data: DataConfig, task: Task) -> Tally:
    """Check and hash a block of rows by the contract."""
    table, failures = read_rows(raw, data, task)
    missing = {str(name): table[name].isna().to_numpy() for name in table}
    target, numbers = data.target.column, {}
    for name in data.features:
        if data.columns[name].dtype == "int" and name in table:
            values = table[name].to_numpy()
            if (np.abs(values) > EXACT_WHOLE).any():
                numbers[name] = np.unique(values[~missing[name]])
    for name, gaps in missing.items():
        if name != target and gaps.any():
            failures.append(make_failure(name, _GAPS, table[name], gaps))
    return Tally(
        rows=len(table),
        sha256=hash_table(table, leave_out=data.personal_columns),
        failures=failures,
        labels=_labels(table[target].dropna(), task) if target in table else {},
        weighted=data.weight not in table or bool((table[data.weight] > 0).any()),
        ids=_hash_ids(table[data.id]) if data.id in table else np.empty(0, np.uint64),
        large=numbers,
    )


def add_tallies(tallies: Sequence[Tally], left_out: int = 0) -> Tally:
    """Rows that follow one another, as one."""
    before = [0, *accumulate(tally.rows for tally in tallies)]
    labels: Counter[str] = Counter()
    large: dict[str, list[NDArray[np.float64]]] = {}
    for tally in tallies:
        labels.update(tally.labels)
        for name, numbers in tally.large.items():
            large.setdefault(name, []).append(numbers)
    return Tally(
        rows=before[-1],
        sha256=sha256_of_bytes("".join(tally.sha256 for tally in tallies if tally.rows).encode()),
        failures=merge_failures((n, t.failures) for n, t in zip(before, tallies, strict=False)),
        labels=dict(labels),
        weighted=any(tally.weighted for tally in tallies),
        ids=np.concatenate([np.empty(0, np.uint64), *(tally.ids for tally in tallies)]),
        large={name: np.unique(np.concatenate(numbers)) for name, numbers in large.items()},
        left_out=left_out + sum(tally.left_out for tally in tallies),
    )


def whole_failures(total: Tally, names: list[str], data: DataConfig, task: Task) -> list[Failure]:
    """What breaks the contract of a table with these columns."""
    gaps = [failure for failure in total.failures if failure.rule == _GAPS]
    failures = [failure for failure in total.failures if failure.rule != _GAPS]
    failures = [*column_failures(names, data, total.rows), *failures]
    for name, numbers in total.large.items():
        failures += equal_numbers(name, data, numbers)
    failures += weight_failures(data, not total.weighted, total.rows)
    if data.target.column in names:
        rare = data.target.rare.below if data.target.rare else 0
        labels = [label for label, rows in total.labels.items() if rows >= rare]
        if data.target.rare and data.target.rare.into == OTHER and len(labels) < len(total.labels):
            labels.append(OTHER)
        failures = target_failures(failures, labels, data, task, total.rows)
    unread = {failure.column for failure in failures}
    for gap in gaps:
        most, rule = allowed_missing(gap.column, data)
        if gap.column not in unread and gap.count / total.rows > most:
            failures.append(replace(gap, rule=rule))
    return failures + (_repeated_ids(total.ids, data) if data.id not in unread else [])


def _labels(values: pd.Series, task: Task) -> dict[str, int]:
    if task != "regression":
        return {str(label): int(rows) for label, rows in values.value_counts().items()}
    return {str(value): 1 for value in (values.min(), values.max())} if len(values) else {}


def _hash_ids(ids: pd.Series) -> NDArray[np.uint64]:
    hashes = pd.util.hash_array(ids.fillna("").to_numpy(dtype=object), categorize=False)
    return np.where(ids.isna(), np.uint64(0), hashes)


def _repeated_ids(ids: NDArray[np.uint64], data: DataConfig) -> list[Failure]:
    order = np.argsort(ids, kind="stable")
    pairs = np.flatnonzero(ids[order[1:]] == ids[order[:-1]])
    repeated = np.zeros(len(ids), dtype=bool)
    repeated[order[pairs]] = repeated[order[pairs + 1]] = True
    rows = np.flatnonzero(repeated & (ids != 0)) + 1
    first = tuple(rows[:3].tolist())
    return [Failure(str(data.id), UNIQUE_ID, len(rows), (), first)] if len(rows) else []


class TallyCache:
    """What row groups gave, in ``.tagship/cache``: of as many as the last scan read."""

    def __init__(self, files: ModelFiles, base: str) -> None:
        """Those that this contract and this engine found in the files of a folder."""
        self._folder = files.root / ".tagship" / "cache" / "tallies" / files.name
        unused_keys = {"split", "rows", "window", "sample"}
        contract = files.data.model_dump(mode="json", exclude=unused_keys)
        self._known = [tagship.__version__, base, files.model.task, contract]
        self._used: set[str] = set()

    def load(self, *key: object) -> Tally | None:
        """What was kept for a key; None where nothing is."""
        try:
            with self._path(key).open("rb") as file, np.load(file, allow_pickle=False) as archive:
                about = json.loads(str(archive["about"]))
                arrays = [archive[f"large {at}"] for at in range(len(about["large"]))]
                about["large"] = dict(zip(about["large"], arrays, strict=True))
                about["failures"] = [Failure(**failure) for failure in about["failures"]]
                return Tally(**about | {"ids": archive["ids"]})
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None

    def save(self, tally: Tally, *key: object) -> None:
        """Keep what a key gave, where the folder can be written."""
        about = asdict(replace(tally, ids=tally.ids[:0], large={})) | {"large": list(tally.large)}
        del about["ids"]
        arrays: dict[str, Any] = {f"large {at}": n for at, n in enumerate(tally.large.values())}
        arrays["about"], arrays["ids"] = np.array(json.dumps(about)), tally.ids
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        with suppress(TagshipError):
            write_atomically(self._path(key), stream.getvalue())

    def _path(self, key: tuple[object, ...]) -> Path:
        content = json.dumps([*self._known, *key], sort_keys=True, default=str)
        name = f"{sha256_of_bytes(content.encode())[:32]}.npz"
        self._used.add(name)
        return self._folder / name

    def drop_others(self) -> None:
        """Forget what was not asked for."""
        for path in self._folder.glob("*.npz"):
            if path.name not in self._used:
                path.unlink(missing_ok=True)
