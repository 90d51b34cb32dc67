"""How a new model's files get into place: proved first, all or none."""

import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import check_model_name
from tagship.data.splitting import check_leakage, split_table
from tagship.data.table import Table, load_table
from tagship.errors import TagshipError
from tagship.files import explain_os_error, only_one, write_atomically
from tagship.new_model.file_texts import NewFile
from tagship.training.boosting import LIBRARIES

Revise = Callable[[ModelFiles, Table], Mapping[str, str]]
"""From a model and its table to texts by path."""


def declared_boosters(root: Path) -> tuple[str, ...]:
    """The boosting libraries that the project's pyproject.toml names among its dependencies, and
    that are installed: a candidate must be importable wherever the project is set up."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needed = " ".join(project.get("dependencies", [])).lower()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    every = bool(re.search(r"tagship\[[^]]*\bboost\b", needed))
    return tuple(
        library
        for library in LIBRARIES
        if (every or re.search(rf"\b{library}\b", needed)) and find_spec(library)
    )


def refuse_taken(root: Path, name: str) -> None:
    """Refuse a name that is none, or that a model already has.

    Raises:
        TagshipError: names the rule, or the folder.
    """
    check_model_name(name)
    folder = root / "config" / name
    if folder.exists():
        raise TagshipError(
            f"config/{name} exists already and is left as it is",
            "choose another name, or remove the folder if it is of no use",
        )


def add_model(
    root: Path, name: str, files: Sequence[NewFile], revise: Revise = lambda *_: {}
) -> ModelFiles:
    """Check the files against each other and against the data, then put them into place.

    ``revise`` sees the model and its table before, and gives the texts that become others.

    They are staged under ``.tagship/new``; each folder then moves whole, ``config/<model>`` last,
    since it is what makes a model. A failure takes back what had moved.

    Raises:
        TagshipError: the name is taken, the files do not fit, or they cannot be written.
    """
    with only_one(root, name):
        refuse_taken(root, name)
        with _staged(root, name, files, revise) as (staging, revised):
            loaded = replace(load_model(staging, name), root=root)
            _move(staging, root, name, revised)
        return loaded


def compare_model(
    root: Path, name: str, files: Sequence[NewFile], revise: Revise = lambda *_: {}
) -> dict[str, tuple[str, str]]:
    """What a model's files say, and what they would say if it were made now; by path, and only
    where that differs.

    Raises:
        TagshipError: the files do not fit the data, or cannot be staged.
    """
    with only_one(root, name), _staged(root, name, files, revise) as (_, revised):
        pairs = {path: (_read(root / path), text) for path, text in revised}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@contextmanager
def _staged(
    root: Path, name: str, files: Sequence[NewFile], revise: Revise
) -> Iterator[tuple[Path, list[NewFile]]]:
    """A folder with the files, checked against the data and revised; it is gone afterwards."""
    area = root / ".tagship" / "new"
    try:
        area.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=area, prefix=f"{name}-"))
    except OSError as error:
        raise explain_os_error(error, area) from error
    try:
        for path, text in files:
            write_atomically(staging / path, text)
        loaded = replace(load_model(staging, name), root=root)
        texts = revise(loaded, prove(loaded))
        for path, text in texts.items():
            write_atomically(staging / path, text)
        yield staging, [(path, texts.get(path, text)) for path, text in files]
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def prove(files: ModelFiles) -> Table:
    """The table; a contract that it breaks, or a split that cannot be made or leaks, is refused.

    Raises:
        TagshipError: the first of these.
    """
    table = load_table(files)
    check_leakage(table.frame, split_table(table.frame, files.data, files.model), files.data)
    return table


def _move(staging: Path, root: Path, name: str, files: Sequence[NewFile]) -> None:
    folders = dict.fromkeys("/".join(PurePosixPath(path).parts[:2]) for path, _ in files)
    moved: list[Path] = []
    try:
        for folder in sorted(folders, key=lambda folder: folder == f"config/{name}"):
            target = root / folder
            if target.exists():
                _refuse_other(staging, root, folder, files)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / folder).rename(target)
            moved.append(target)
    except BaseException as error:
        for target in moved:
            shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError):
            raise explain_os_error(error, root / f"config/{name}") from error
        raise


def _refuse_other(staging: Path, root: Path, folder: str, files: Sequence[NewFile]) -> None:
    """A folder left by a killed run may stay; one that says something else is not touched."""
    expected = {path: text for path, text in files if path.startswith(f"{folder}/")}
    for path, text in expected.items():
        target = root / path
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            raise TagshipError(
                f"{folder} exists already and {path} is not what it would be",
                "choose another name, or remove the folder if it is of no use",
            )
