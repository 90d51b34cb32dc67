"""The champion: what production runs now, and its scores on the rows that judge a new model."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles, load_project
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.gates.evaluate import ChampionScores, Scored
from tagship.gates.score_champion import keep
from tagship.gitops.git import MIRROR, Git
from tagship.gitops.reading import read_ledger
from tagship.gitops.records import parse_record, record_path
from tagship.training.bundle import Bundle

if TYPE_CHECKING:
    import pandas as pd

_KEPT = 8
"""How many champions a machine keeps; each is one artifact and its boundary."""


def champion_here(root: Path, model: str) -> str | None:
    """The release that the last environment runs, by the tags of this clone; no network.

    None outside a repository, and before the first deployment.

    Raises:
        TagshipError: the deployment record names a release, and this clone has no tag of it: a
            shallow clone, or one without tags, must not pass for a first release.
    """
    if not (root / ".git").exists():
        return None
    git = Git(root)
    tags = {raw.name: raw for raw in (*git.tags("refs/tags/"), *git.tags())}
    last = load_project(root).environments[-1]
    current = read_ledger(tags.values(), [model], [last]).current(model, last)
    if current is not None:
        return current.release
    path = record_path(model, last)
    if (root / path).is_file():
        record = parse_record((root / path).read_text(encoding="utf-8"), path)
        if record.deployed:
            unshallow = " --unshallow" if git.is_shallow() else ""
            raise TagshipError(
                f"{path}: {last} runs {record.release}, but this clone has no tag of that: the"
                " champion is unknown",
                f"git fetch --tags{unshallow}",
            )
    return None


def champion_scores(git: Git, files: ModelFiles, bundle: Bundle, release: str) -> ChampionScores:
    """How a release scores the holdout rows of ``bundle``, in a work tree of its own code."""
    return ChampionScores(release, lambda: _score(git, files, bundle, release))


def keep_champion(root: Path, files: ModelFiles, bundle: Bundle) -> None:
    """Keep a proven artifact, so that it need not be trained again once it is the champion."""
    folder = _folder(root, files.lock_path.read_text(encoding="utf-8"))
    if not (folder / "model.onnx").is_file():
        keep(folder, bundle)
    _drop_oldest(folder.parent)


def _score(git: Git, files: ModelFiles, bundle: Bundle, release: str) -> Scored:
    commit = git.resolve(f"{MIRROR}{release}") or git.resolve(f"refs/tags/{release}")
    if commit is None:
        raise TagshipError("its tag is not in this clone: git fetch --tags --unshallow")
    lock = git.show(commit, f"config/{files.name}/model.lock.yaml")
    if lock is None:
        raise TagshipError("its commit has no lock")
    rows = io.BytesIO()
    holdout_rows(files, bundle).to_parquet(rows, index=False)
    kept = _folder(git.root, lock)
    found = kept / f"scores-{sha256_of_bytes(rows.getvalue())[:16]}.npz"
    if not found.is_file():
        with git.checkout(commit) as tree, tempfile.TemporaryDirectory() as folder:
            given = Path(folder) / "rows.parquet"
            given.write_bytes(rows.getvalue())
            _run(tree, files.name, str(given), str(found), str(kept), str(git.root))
        _drop_oldest(kept.parent)
    with np.load(found, allow_pickle=False) as said:
        classes, threshold = tuple(said["classes"].tolist()), float(said["threshold"])
        scores: NDArray[Any] = said["scores"]
    if classes != bundle.boundary.classes:
        raise TagshipError(
            f"it predicts {_names(classes)}; this model predicts {_names(bundle.boundary.classes)}"
        )
    return Scored(scores, threshold)


def holdout_rows(files: ModelFiles, bundle: Bundle) -> "pd.DataFrame":
    """The raw values of the holdout rows, personal data dropped or hashed by today's contract.

    Raises:
        TagshipError: the data is no longer that of the bundle.
    """
    from tagship.data.contract_check import as_text, protect
    from tagship.data.splitting import split_table
    from tagship.data.table import check_table, encode_target, read_raw

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


def _run(tree: Path, *arguments: str) -> None:
    module = "tagship.gates.score_champion"
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    said = done.stderr.strip()
    if "No module named" in said and module in said:
        raise TagshipError("its engine is older than the scoring of champions")
    if "Traceback" in said:
        said = said.splitlines()[-1]
    raise TagshipError(said or f"its code ended with {done.returncode}")


def _names(classes: tuple[str, ...]) -> str:
    return ", ".join(classes) or "a number"


def _folder(root: Path, lock: str) -> Path:
    """Where a champion is kept: by its lock, which names the artifact and all that decides it."""
    return root / ".tagship" / "champions" / sha256_of_bytes(lock.encode())[:16]


def _drop_oldest(folder: Path) -> None:
    for old in sorted(folder.iterdir(), key=lambda path: -path.stat().st_mtime)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
