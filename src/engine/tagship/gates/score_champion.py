"""Score raw rows with the model of this work tree; it runs in a champion's release, by its code.

``python -m tagship.gates.score_champion MODEL ROWS OUT KEPT HOME``: ``ROWS`` is a Parquet file of
raw values, ``OUT`` the npz file to write, ``KEPT`` the folder that keeps the champion's artifact,
``HOME`` the project whose data files a work tree may lack.
"""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles, load_model
from tagship.data.boundary import Boundary
from tagship.data.contract_check import typed
from tagship.data.table import request_columns
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.training.bundle import Bundle
from tagship.training.export import artifact_scorer
from tagship.training.fingerprint import changes
from tagship.training.lock import read_lock
from tagship.training.train import train
from tagship.training.verification import compare


def main(model: str, rows: str, out: str, kept: str, home: str) -> None:
    """Train the champion unless its artifact is kept, score the rows, write what it says.

    Raises:
        TagshipError: it cannot be trained again, or the rows lack a column that it needs.
    """
    files = load_model(Path.cwd(), model)
    if not (Path(kept) / "model.onnx").is_file():
        borrow_data(files, Path(home))
        keep(Path(kept), _trained_again(files))
    boundary = Boundary.from_json((Path(kept) / "boundary.json").read_text(encoding="utf-8"))
    matrix = boundary.matrix(raw_columns(pd.read_parquet(rows), files))
    stream = io.BytesIO()
    np.savez(
        stream,
        scores=artifact_scorer(Path(kept) / "model.onnx", files.model.task)(matrix),
        threshold=files.model.threshold,
        classes=np.array(boundary.classes, dtype=np.str_),
    )
    write_atomically(Path(out), stream.getvalue())


def keep(folder: Path, bundle: Bundle) -> None:
    """Keep what scoring needs of a champion; the artifact goes last and says that all is there."""
    write_atomically(folder / "boundary.json", bundle.boundary.to_json())
    write_atomically(folder / "model.onnx", bundle.artifact)


def raw_columns(frame: pd.DataFrame, files: ModelFiles) -> dict[str, NDArray[Any]]:
    """Raw values as the boundary takes them, by the contract's types but not by its limits.

    A category that the contract does not know is missing; a value out of range stays.

    Raises:
        TagshipError: a column is absent, or holds what is not of its type.
    """
    made: dict[str, Any] = {}
    for name, column in files.data.request.items():
        if name not in frame.columns:
            raise TagshipError(f"it needs the column '{name}', which the data has no more")
        values, broken = typed(name, frame[name], column)
        if broken:
            raise TagshipError(f"its column '{name}' now holds what is not {broken[0].rule}")
        if column.dtype == "category":
            known = [str(value) for value in column.values or []]
            values = pd.Series(pd.Categorical(values.where(values.isin(known)), categories=known))
        made[name] = values
    return request_columns(pd.DataFrame(made), files.data)


def _trained_again(files: ModelFiles) -> Bundle:
    bundle, lock = train(files), read_lock(files.lock_path)
    if compare(lock, bundle.lock) == "different":
        why = changes(lock, bundle.lock.inputs, bundle.lock.data.sha256)
        raise TagshipError(
            "trained again it is another model than its lock names"
            + (f" ({'; '.join(why)})" if why else "")
        )
    return bundle


def borrow_data(files: ModelFiles, home: Path) -> Path | None:
    """Let a work tree see ``home``'s data file where Git does not have it; gives its path."""
    path = Path(getattr(files.data.source, "path", "") or ".")
    if path.is_absolute() or not (home / path).is_file() or (files.root / path).exists():
        return None
    (files.root / path).parent.mkdir(parents=True, exist_ok=True)
    (files.root / path).symlink_to((home / path).resolve())
    return path


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except TagshipError as refusal:
        sys.exit(str(refusal))
