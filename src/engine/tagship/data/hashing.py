"""The data hash: SHA-256 over values, the same for every file format and order of columns."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def hash_table(table: pd.DataFrame, leave_out: frozenset[str] = frozenset()) -> str:
    """The hash of a typed table; rows count in their order, since folds depend on it.

    Numbers are hashed as little-endian float64 with one NaN and one zero, datetimes as
    microseconds, text as its distinct values in order followed by each row's index among them.
    """
    digest = hashlib.sha256(f"tagship-1 {len(table)}".encode())
    for name in sorted(set(table.columns) - leave_out):
        column = table[name]
        digest.update(f"\0{name}\0".encode())
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            digest.update(b"time")
            digest.update(column.to_numpy().astype("datetime64[us]").astype("<i8").tobytes())
        elif pd.api.types.is_numeric_dtype(column.dtype):
            digest.update(b"number")
            values = column.to_numpy(dtype="<f8", copy=True)
            values[np.isnan(values)] = np.nan
            digest.update((values + 0.0).tobytes())
        else:
            digest.update(b"text")
            codes, distinct = _codes(column)
            digest.update("".join(f"{len(text)}:{text}" for text in distinct).encode())
            digest.update(codes.astype("<i4").tobytes())
    return digest.hexdigest()


def _codes(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Each row's index among the sorted distinct values that occur, -1 for missing."""
    texts = column.astype("str").where(column.notna()) if column.dtype == "category" else column
    codes, distinct = pd.factorize(texts, sort=False)
    names = pa.array(distinct, pa.large_string())
    order = pc.array_sort_indices(names)  # by code points, as Python sorts
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    rank[-1] = -1
    return rank[codes], names.take(order).to_pylist()
