"""A process of its own that scores raw rows with a release's artifact, in a work tree of it: the
engine is today's, the contract and the feature functions are the release's own.

``python -m tagship.gates.champion_process MODEL ROWS SAMPLE OUT KEPT``: ``ROWS`` is a Parquet file
of raw values, ``SAMPLE`` an npz file of the rows whose columns are shuffled and of their order,
``OUT`` the npz file to write, and ``KEPT`` the folder with artifact and boundary.
"""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import offer_own_code
from tagship.contract.boundary import Boundary
from tagship.contract.table_columns import declared_field, read_cells
from tagship.contract.values import expected
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.reports.importance import shuffled_scores
from tagship.training.export import artifact_scorer


def main(model: str, rows: str, sample: str, out: str, folder: str) -> None:
    """Score the rows and write what the champion says of them.

    Raises:
        TagshipError: the rows lack a column that it needs, or its files are of another form.
    """
    files = load_model(Path.cwd(), model)
    offer_own_code(files.root)
    boundary = _read_boundary(Path(folder) / "boundary.json")
    matrix = boundary.matrix(raw_columns(pd.read_parquet(rows), files))
    score = artifact_scorer(Path(folder) / "model.onnx", files.model.task)
    with np.load(sample, allow_pickle=False) as arrays:
        shuffled = shuffled_scores(score, boundary, matrix[arrays["rows"]], arrays["order"])
    stream = io.BytesIO()
    np.savez(
        stream,
        scores=score(matrix),
        threshold=boundary.threshold,
        classes=np.array(boundary.classes, dtype=np.str_),
        names=np.array([name for name, _ in boundary.inputs], dtype=np.str_),
        shuffled=np.array(shuffled),
    )
    write_atomically(Path(out), stream.getvalue())


def _read_boundary(path: Path) -> Boundary:
    try:
        return Boundary.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError):
        raise TagshipError("its boundary.json is of another form than this engine's") from None


def raw_columns(frame: pd.DataFrame, files: ModelFiles) -> dict[str, NDArray[Any]]:
    """Raw values as the boundary takes them, by the contract's types but not by its limits.

    A category that the contract does not know is missing; a value out of range stays.

    Raises:
        TagshipError: a column is absent, or holds what is not of its type.
    """
    columns: dict[str, NDArray[Any]] = {}
    for name, column in files.data.request.items():
        if name not in frame.columns:
            raise TagshipError(f"it needs the column '{name}', which the data has no more")
        field = declared_field(name, column)
        cells = read_cells(field, frame[name])
        if cells.unread.any() and column.dtype != "category":
            raise TagshipError(f"its column '{name}' now holds what is not {expected(field)}")
        columns[name] = cells.values
    return columns


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except TagshipError as refusal:
        sys.exit(str(refusal))
