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
from tagship.gates.behaviour import shuffled_sample
from tagship.gates.champion import read_champion
from tagship.gates.champion_artifact import bring, drop_oldest
from tagship.gates.holdout import ChampionScores, HoldoutScores
from tagship.gitops.git import Git
from tagship.subprocesses import run_program
from tagship.training.bundle import Bundle

if TYPE_CHECKING:
    import pandas as pd


def scores_of(
    root: Path, files: ModelFiles, bundle: Bundle, release: str | None, say: Callable[[str], None]
) -> ChampionScores | None:
    """How a release scores the holdout rows of ``bundle``, by its own feature functions; None
    without a release.
    """
    if release is None:
        return None
    return ChampionScores(release, lambda: _score(Git(root), files, bundle, release, say))


def _score(
    git: Git, files: ModelFiles, bundle: Bundle, release: str, say: Callable[[str], None]
) -> HoldoutScores:
    champion = read_champion(git, files.name, release)
    stream = io.BytesIO()
    holdout_rows(files, bundle).to_parquet(stream, index=False)
    rows, home = stream.getvalue(), champion.folder
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **shuffled_sample(bundle))
    sample = stream.getvalue()
    cached = home / f"scores-{sha256_of_bytes(rows + sample)[:16]}.npz"
    if not cached.is_file():
        with git.checkout(champion.commit) as tree, tempfile.TemporaryDirectory() as folder:
            bring(champion, tree, say)
            inputs = [Path(folder) / name for name in ("rows.parquet", "sample.npz")]
            for path, content in zip(inputs, (rows, sample), strict=True):
                path.write_bytes(content)
            module = (sys.executable, "-P", "-m", "tagship.gates.champion_process")
            arguments = (files.name, *map(str, inputs), str(cached), str(home))
            run_program(tree, (*module, *arguments), ("PYTHONPATH",))
        drop_oldest(home.parent)
    with np.load(cached, allow_pickle=False) as arrays:
        classes, threshold = tuple(arrays["classes"].tolist()), float(arrays["threshold"])
        scores: NDArray[Any] = arrays["scores"]
        names, shuffled = tuple(arrays["names"].tolist()), arrays["shuffled"]
    if classes != bundle.boundary.classes:
        raise TagshipError(
            f"it predicts {_names(classes)}; this model predicts {_names(bundle.boundary.classes)}"
        )
    if scores.shape != bundle.evidence.scores.shape:
        raise TagshipError("its task is another one")
    return HoldoutScores(scores, threshold, names, shuffled)


def holdout_rows(files: ModelFiles, bundle: Bundle) -> "pd.DataFrame":
    """The raw values of the holdout rows, personal data dropped or hashed by today's contract.

    Raises:
        TagshipError: the data is no longer that of the bundle.
    """
    from tagship.contract.table_columns import as_text
    from tagship.data.splitting import split_table
    from tagship.data.table import check_table, encode_target, read_raw
    from tagship.data.validation import protect

    raw = read_raw(files, expected=bundle.lock.data.identity)
    table = check_table(files, raw)
    test = split_table(table.frame, files.data, files.model).test
    target = encode_target(table.frame.iloc[test], files.data, bundle.boundary)
    same_target = np.array_equal(target, bundle.evidence.target)
    if table.sha256 != bundle.lock.data.sha256 or not same_target:
        raise TagshipError("the data or its split changed since the training: train again")
    rows = protect(raw.frame, files.data).iloc[test].reset_index(drop=True)
    for name in rows.columns:
        if rows[name].dtype == object:  # of mixed types, which Parquet refuses
            rows[name] = as_text(rows[name])
    return rows


def _names(classes: tuple[str, ...]) -> str:
    return ", ".join(classes) or "a number"
