"""Taking a model away whole: all of its own paths, or none."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tagship.config.model_paths import model_paths
from tagship.config.project_files import load_model
from tagship.config.root import check_model_name, model_names, unknown_model
from tagship.errors import TagshipError, nearest
from tagship.files import explain_os_error, only_one, write_atomically

CODEOWNERS = ".github/CODEOWNERS"
_MADE = (
    ".tagship/models/{model}",
    ".tagship/bentoml/bentos/{model}",
    "reports/{model}.html",
    "reports/{model}-data.html",
    "reports/{model}-contract.json",
    "reports/{model}.md",
)
"""What commands made of a model here, and could make again. Prediction logs are not of these."""


@dataclass(frozen=True)
class Removal:
    """What a model's removal takes away."""

    model: str
    paths: list[str]
    """Folders, which end in a slash, and files."""
    owners: list[str]
    """Lines of CODEOWNERS about them."""
    made: list[str]
    """What commands made of it here, such as its report; never committed."""


def plan_removal(root: Path, model: str) -> Removal:
    """What there is of a model.

    Raises:
        TagshipError: not a model's name, nothing of it where another has nearly its name, or a
            module that another model uses too.
    """
    models = model_names(root)
    if model not in models and nearest(model, models):
        raise unknown_model(model, models)
    check_model_name(model)
    paths = [path for path in model_paths(model) if (root / path).exists()]
    for path in paths:
        if path.startswith("src/") and (users := _users(root, path, model)):
            raise TagshipError(
                f"{path} is used by {', '.join(users)} too",
                "move what they share into a module of another name, then run this again",
            )
    owners = [line for line in _owners(root) if _is_about(line, paths)]
    results = [path for pattern in _MADE if (root / (path := pattern.format(model=model))).exists()]
    return Removal(model, paths, owners, results)


def remove_model(root: Path, removal: Removal) -> None:
    """Take the paths away, ``config/<model>`` first, since it is what makes a model.

    Everything is moved aside and then deleted; a failure puts back what had moved.

    Raises:
        TagshipError: another command works on the model or removes one, or a path cannot be moved.
    """
    with only_one(root, removal.model), only_one(root, "CODEOWNERS"):
        area = root / ".tagship" / "removed"
        moved: list[tuple[Path, Path]] = []
        try:
            area.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(dir=area, prefix=f"{removal.model}-"))
            for number, path in enumerate((*removal.paths, *removal.made)):
                if (root / path).exists():
                    (root / path).rename(aside / str(number))
                    moved.append((root / path, aside / str(number)))
            if removal.owners:
                owners = [line for line in _owners(root) if line not in removal.owners]
                write_atomically(root / CODEOWNERS, "".join(owners))
        except BaseException as error:
            _put_back(moved)
            if isinstance(error, OSError):
                raise explain_os_error(error, root / f"config/{removal.model}") from error
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _put_back(moved: list[tuple[Path, Path]]) -> None:
    """Undo each move that can be undone, and say where the rest lies."""
    stuck = []
    for place, at in reversed(moved):
        try:
            at.rename(place)
        except OSError as error:
            stuck.append((place, at, error.strerror or str(error)))
    if stuck:
        place, at, why = stuck[0]
        raise TagshipError(
            f"{place}: could not be put back: {why}",
            "; ".join(f"move {at} to {place}" for place, at, _ in stuck),
        )


def _users(root: Path, path: str, model: str) -> list[str]:
    module = ".".join(Path(path).with_suffix("").parts[1:])
    users = []
    for name in model_names(root):
        if name != model:
            files = load_model(root, name)
            references = [files.model.features or "", getattr(files.data.source, "function", "")]
            references += [candidate.estimator for candidate in files.model.parts]
            if any(text.startswith((f"{module}:", f"{module}.")) for text in references):
                users.append(name)
    return users


def _owners(root: Path) -> list[str]:
    path = root / CODEOWNERS
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []


def _is_about(line: str, paths: list[str]) -> bool:
    pattern = line.split()[0].lstrip("/") if line.strip() else ""
    return any(pattern == path.rstrip("/") or pattern.startswith(path) for path in paths)
