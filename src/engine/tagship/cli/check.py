"""``tagship check``: is the config sound?"""

import typer

from tagship.cli.models import LOADING, Models, announce
from tagship.cli.options import Json


def command(models: Models = None, json: Json = False) -> None:
    """Check the config files: keys, types, names across files, estimators and parameters."""
    announce(LOADING)
    from tagship.cli.output import as_json, tell_error
    from tagship.config.project_files import load_model, load_project
    from tagship.config.root import find_root, model_names
    from tagship.config.schemas import stale_schemas
    from tagship.errors import TagshipError
    from tagship.training.candidate_checks import check_imports

    root = find_root()
    problems: list[str] = []
    names = models or model_names(root)
    for name, load in [("", lambda: load_project(root)), *((n, None) for n in names)]:
        try:
            load() if load else check_imports(load_model(root, name))
        except TagshipError as error:
            problems.append(str(error))
    problems += [
        f"{path.relative_to(root)}: not what the engine generates: run `tagship schema`"
        for path in stale_schemas(root)
    ]
    for problem in problems:
        tell_error(problem)
    if json:
        as_json({"models": list(names), "problems": problems})
    if problems:
        raise typer.Exit(1)
    if json:
        return None
    if not names:
        return typer.echo("no models yet: tagship new NAME --data … --target …")
    typer.echo(
        f"{len(names)} {'model is' if len(names) == 1 else 'models are'} sound: {', '.join(names)}"
    )
