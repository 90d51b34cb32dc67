"""A sample of rows that come block by block, the same whatever the size of the blocks."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray


def row_keys(seed: int, file: str, places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A key for each row, as good as random, from its file and its place there alone.

    Rows of a file that is added later move no other row's key. The keys are those of SplitMix64
    (Steele, Lea and Flood, 2014, Fast splittable pseudorandom number generators).
    """
    start = hashlib.sha256(f"{seed}\0{file}".encode()).digest()[:8]
    keys = places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    keys += np.frombuffer(start, dtype="<u8")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        keys = (keys ^ (keys >> np.uint64(shift))) * np.uint64(factor)
    return keys ^ (keys >> np.uint64(31))


class DrawnRows:
    """The rows with the smallest keys, in the order in which they came."""

    def __init__(self, most: int | None = None, seed: int = 0) -> None:
        """Keep ``most`` rows, or all."""
        self._most, self._seed = most, seed
        self._limit = np.uint64(2**64 - 1)
        self._tables: list[pa.Table] = []
        self._keys: list[NDArray[np.uint64]] = []
        self._held = 0
        self.offered = 0
        """How many rows were offered."""

    def add(self, table: pa.Table, file: str, places: NDArray[np.int64]) -> None:
        """Offer rows of a file, with their places there."""
        self.offered += len(places)
        self._keep(table, row_keys(self._seed, file, places))
        if self._most is not None and self._held > 2 * self._most:
            self._cut(self._most)

    def frame(self) -> pd.DataFrame:
        """The sample; nothing is held any more."""
        if self._most is not None and self._held > self._most:
            self._cut(self._most)
        tables, self._tables, self._keys = self._tables, [], []
        table = pa.concat_tables(tables)
        del tables
        frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
        return frame

    def _keep(self, table: pa.Table, keys: NDArray[np.uint64]) -> None:
        below_limit = keys <= self._limit
        if not below_limit.all():
            table, keys = table.filter(pa.array(below_limit)), keys[below_limit]
        self._tables.append(table)
        self._keys.append(keys)
        self._held += len(keys)

    def _cut(self, most: int) -> None:
        keys = np.concatenate(self._keys)
        self._limit = np.partition(keys, most - 1)[most - 1]
        table = pa.concat_tables(self._tables)
        self._tables, self._keys, self._held = [], [], 0
        self._keep(table, keys)
