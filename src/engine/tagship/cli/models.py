"""Which models a command works on, and the progress it shows meanwhile."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tagship.config.project_files import ModelFiles

_STARTED = time.perf_counter()
LOADING = "loading the libraries"


def complete_models(incomplete: str) -> list[str]:
    """The names of models that begin so, for the shell's completion."""
    from tagship.config.root import find_root, model_names
    from tagship.errors import TagshipError

    try:
        return [name for name in model_names(find_root()) if name.startswith(incomplete)]
    except TagshipError:  # outside a project there are no models
        return []


Models = Annotated[
    list[str] | None,
    typer.Argument(
        help="The models, by their folders under config/; all of them when none is named.",
        autocompletion=complete_models,
    ),
]
Model = Annotated[
    str,
    typer.Argument(help="The model: a folder under config/.", autocompletion=complete_models),
]


def load(names: list[str] | None) -> "list[ModelFiles]":
    """The config of the named models, or of all.

    Raises:
        TagshipError: no such model, or what trainings leave here was committed: whoever committed
            it would decide what gates believe.
    """
    import shutil

    from tagship.config.project_files import load_model
    from tagship.config.root import find_root, model_names
    from tagship.errors import TagshipError
    from tagship.gitops.git import Git

    root = find_root()
    results = root / ".tagship"
    if results.exists() and shutil.which("git") and Git(root).tracks(results.name):
        raise TagshipError(
            f"{results}: files of it are committed, and committed results are not believed",
            f"git rm -r --cached {results.name}, and keep it in .gitignore",
        )
    chosen = names or model_names(root)
    if not chosen:
        raise TagshipError(
            f"{root / 'config'}: no models yet", "make one: tagship new NAME --data … --target …"
        )
    return [load_model(root, name) for name in dict.fromkeys(chosen)]


def announce(text: str) -> None:
    """Print, beside the answer, what is done before anything that takes seconds, imports too."""
    typer.echo(f"{time.perf_counter() - _STARTED:6.1f} s  {text}", err=True)


def progress(model: str, err: bool = False) -> Callable[[str], None]:
    """A function that prints a step with the seconds since the first; ``err`` beside the answer."""
    started = time.perf_counter()

    def say(text: str) -> None:
        typer.echo(f"{time.perf_counter() - started:6.1f} s  {model}: {text}", err=err)

    return say
