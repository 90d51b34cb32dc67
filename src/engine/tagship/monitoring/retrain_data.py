"""New data: where it is, and how much of it the champion has not seen."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tagship.config.project_files import ModelFiles, load_model
from tagship.config.sources import FileSource
from tagship.config.yaml_edit import replace_values
from tagship.errors import TagshipError
from tagship.files import kind_of_path, sha256_of_file, write_atomically
from tagship.gitops.git import Git
from tagship.sources.fetching import borrow_data
from tagship.training.lock import Lock

if TYPE_CHECKING:
    import pandas as pd

    from tagship.data.table import Table
    from tagship.monitoring.verdicts import DriftVerdict


def refuse_fixed(files: ModelFiles) -> None:
    """Refuse a source that can never have other rows.

    Raises:
        TagshipError: it is one of scikit-learn's tables.
    """
    kind = files.data.source.kind
    if kind == "sklearn":
        raise TagshipError(
            f"config/{files.name}/data.yaml: a {kind} source has no new data",
            "retraining needs a source that changes: a file, sql, kafka or python",
        )


def newest_place(template: str | None, files: ModelFiles, today: date) -> str | None:
    """Where ``retrain.data`` of project.yaml says that a model's newest file is."""
    if template is None or not isinstance(files.data.source, FileSource):
        return None
    values = {
        "model": files.name,
        "year": f"{today:%Y}",
        "month": f"{today:%m}",
        "day": f"{today:%d}",
    }
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def point_at(files: ModelFiles, home: Path, data: str | None) -> list[str]:
    """Let the contract of a work tree read the new data, and pin it where it pinned the old.

    ``home`` is the user's project: a file that only it has is borrowed from there, and copied if
    Git is to have it. Gives the paths of data files that Git is to have.

    Raises:
        TagshipError: the contract reads no file, or there is no such file.
    """
    from tagship.sources.fetching import local_file

    source = files.data.source
    if not isinstance(source, FileSource):
        if data is not None:
            raise TagshipError(
                f"--data: {files.name} reads no file but {source.kind}", "leave --data out"
            )
        return []
    borrow_data(files, home)
    data_files = _bring(files.root, home, data) if data is not None else []
    values = {("source", "path"): data} if data not in (None, source.path) else {}
    if source.sha256 is not None:
        sha256 = sha256_of_file(local_file(data or source.path, files.root))
        if sha256 != source.sha256:
            values["source", "sha256"] = sha256
    if values:
        path = files.folder / "data.yaml"
        text = path.read_text(encoding="utf-8")
        write_atomically(path, replace_values(text, {k: v for k, v in values.items() if v}))
    return data_files


def _bring(tree: Path, home: Path, data: str) -> list[str]:
    if "://" in data or Path(data).is_absolute():
        return []
    source, target = home / data, tree / data
    real = Path(os.path.realpath(source))
    if not real.is_relative_to(home.resolve()):
        raise TagshipError(
            f"--data: {data} is outside of the project", "give a path inside it, or a URL"
        )
    if kind_of_path(real) != "file":
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    if Git(home).succeeds("check-ignore", "--quiet", "--", data):
        if not target.exists():
            target.symlink_to(real)
        return []
    shutil.copyfile(source, target)
    return [data]


def read_seen_rows(tree: Path, home: Path, model: str) -> "pd.DataFrame | None":
    """The rows that a work tree's lock was trained on; None when they are not to be had any more.

    An overwritten file, a database that moved on or an older engine's hash are no errors.
    """
    from tagship.data.table import load_table
    from tagship.training.lock import read_lock

    try:
        files = load_model(tree, model)
        borrow_data(files, home)
        locked = read_lock(files.lock_path).data
        table = load_table(files, expected=locked.identity)
        same_data = table.sha256 == locked.sha256
    except TagshipError:
        return None
    return table.frame if same_data else None


def count_new(
    files: ModelFiles, table: "Table", seen_rows: "pd.DataFrame | None", lock: Lock
) -> tuple[int, bool]:
    """How many rows of a table are new, and whether that is exact.

    Without the rows seen, a table that begins with the lock's own rows, by their hash, is still
    exact; any other has at least as many new rows as it has more.
    """
    from tagship.data.hashing import hash_table

    personal = {name for name, column in files.data.columns.items() if column.pii}
    if seen_rows is not None:
        columns = sorted((set(table.frame.columns) & set(seen_rows.columns)) - personal)
        new = Counter(_hashes(table.frame[columns])) - Counter(_hashes(seen_rows[columns]))
        return sum(new.values()), True
    more = rows_read(table.identity, len(table.frame)) - rows_read(
        lock.data.identity, lock.data.rows
    )
    begin = table.frame.head(lock.data.rows)
    exact = more >= 0 and hash_table(begin, frozenset(personal)) == lock.data.sha256
    return max(more, 0), exact


def compare(
    files: ModelFiles, raw: "pd.DataFrame", show: Callable[[str], str | None], against: str
) -> "DriftVerdict | str":
    """The drift of the new data against the reference of what it replaces, or why that is unknown.

    ``show`` gives a file's text at the commit of what is replaced.
    """
    from tagship.monitoring.current_data import from_table
    from tagship.monitoring.drift import judge_drift
    from tagship.monitoring.running_models import released_reference

    drift, data = files.thresholds.drift, files.data
    if drift is None:
        return "thresholds.yaml has no section `drift`."
    try:
        reference = released_reference(show, files.name, against)
    except TagshipError as error:
        return f"{error.args[0]}."
    declared = {*data.request, *data.ignored}
    current = from_table(reference, raw, data.target.column, declared)
    return judge_drift(reference, drift, current)


def rows_read(identity: Mapping[str, str], rows: int) -> int:
    """Of a data set all rows, of which a sample may have been trained on."""
    return int(identity.get("rows", str(rows)).replace(",", ""))


def _hashes(frame: "pd.DataFrame") -> list[int]:
    import pandas as pd

    text = {n: frame[n].astype(str) for n in frame.columns if frame[n].dtype == "category"}
    hashed = pd.util.hash_pandas_object(frame.assign(**text), index=False)
    return [int(value) for value in hashed.to_numpy()]
