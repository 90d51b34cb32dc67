"""A champion's scores on the rows that judge a new model."""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.gates.champion import read_champion
from tagship.gates.champion_artifact import bring, drop_oldest
from tagship.gates.evaluate import ChampionScores, HoldoutScores
from tagship.gitops.git import Git
from tagship.subprocesses import run_program
from tagship.training.bundle import Bundle

if TYPE_CHECKING:
    import pandas as pd


def champion_scores(
    git: Git, files: ModelFiles, bundle: Bundle, release: str, say: Callable[[str], None]
) -> ChampionScores:
    """How a release scores the holdout rows of ``bundle``, by its own feature functions."""
    return ChampionScores(release, lambda: _score(git, files, bundle, release, say))


def _score(
    git: Git, files: ModelFiles, bundle: Bundle, release: str, say: Callable[[str], None]
) -> HoldoutScores:
    champion = read_champion(git, files.name, release)
    stream = io.BytesIO()
    holdout_rows(files, bundle).to_parquet(stream, index=False)
    rows, kept = stream.getvalue(), champion.folder
    cached = kept / f"scores-{sha256_of_bytes(rows)[:16]}.npz"
    if not cached.is_file():
        with git.checkout(champion.commit) as tree, tempfile.TemporaryDirectory() as folder:
            bring(champion, tree, say)
            given = Path(folder) / "rows.parquet"
            given.write_bytes(rows)
            module = (sys.executable, "-P", "-m", "tagship.gates.champion_process")
            run_program(
                tree, (*module, files.name, str(given), str(cached), str(kept)), ("PYTHONPATH",)
            )
        drop_oldest(kept.parent)
    with np.load(cached, allow_pickle=False) as said:
        classes, threshold = tuple(said["classes"].tolist()), float(said["threshold"])
        scores: NDArray[Any] = said["scores"]
    if classes != bundle.boundary.classes:
        raise TagshipError(
            f"it predicts {_names(classes)}; this model predicts {_names(bundle.boundary.classes)}"
        )
    return HoldoutScores(scores, threshold)


def holdout_rows(files: ModelFiles, bundle: Bundle) -> "pd.DataFrame":
    """The raw values of the holdout rows, personal data dropped or hashed by today's contract.

    Raises:
        TagshipError: the data is no longer that of the bundle.
    """
    from tagship.contract.table_columns import as_text
    from tagship.data.splitting import split_table
    from tagship.data.table import check_table, encode_target, read_raw
    from tagship.data.validation import protect

    raw = read_raw(files)
    table = check_table(files, raw)
    test = split_table(table.frame, files.data, files.model).test
    target = encode_target(table.frame.iloc[test], files.data, bundle.boundary)
    same = np.array_equal(target, bundle.evidence.target)
    if table.sha256 != bundle.lock.data.sha256 or not same:
        raise TagshipError("the data or its split changed since the training: train again")
    rows = protect(raw, files.data).iloc[test].reset_index(drop=True)
    for name in rows.columns:
        if rows[name].dtype == object:  # of mixed types, which Parquet refuses
            rows[name] = as_text(rows[name])
    return rows


def _names(classes: tuple[str, ...]) -> str:
    return ", ".join(classes) or "a number"
