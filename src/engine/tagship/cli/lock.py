"""``tagship lock``: write and verify the locks."""

from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.models import LOADING, Models, announce, load, progress
from tagship.cli.options import Json

app = typer.Typer(help="Check, verify, renew or write the locks.", no_args_is_help=True)


@app.command("check")
def check(models: Models = None, json: Json = False) -> None:
    """Say which locks are current and which are stale, without training."""
    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.cli.verifier import lock_current
    from tagship.errors import TagshipError

    problems: dict[str, str] = {}
    for files in load(models):
        problems[files.name] = ""
        try:
            lock_current(files.root, files.name)
        except TagshipError as error:
            problems[files.name] = str(error)
            typer.echo(f"{files.name}: {error}", err=True)
        else:
            if not json:
                typer.echo(f"{files.name}: current")
    if json:
        as_json([{"model": name, "problem": problem} for name, problem in problems.items()])
    if any(problems.values()):
        raise typer.Exit(1)


@app.command("verify")
def verify(
    models: Models = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Append what came out as Markdown to this file.")
    ] = None,
    json: Json = False,
) -> None:
    """Train again and compare with the lock: identical, equivalent or different.

    What came out is kept for `tagship gate`, `record` and `build`.
    """
    announce(LOADING)
    from tagship.cli.output import append, as_json, quoted, tell_error
    from tagship.compute.tasks import open_compute
    from tagship.errors import TagshipError
    from tagship.gates.lock_verifier import retrain_and_keep

    wrong = False
    answers: list[dict[str, str]] = []
    chosen = load(models)
    with open_compute(chosen[0].root, progress("compute", err=json)) as compute:
        for files in chosen:
            try:
                proof = retrain_and_keep(files, progress(files.name, err=json), compute)
            except TagshipError as error:
                tell_error(error)
                answers.append({"model": files.name, "outcome": "refused", "problem": str(error)})
                message = str(error).replace(f"{files.root}/", "")
                append(markdown, f"The lock of `{files.name}` is refused.\n\n{quoted(message)}\n")
                wrong = True
                continue
            explanations = {
                "identical": "identical: the same bytes",
                "equivalent": "equivalent: other bits, the same predictions within 1e-4",
                "different": f"different: {files.lock_path.name}: {proof.difference}",
            }
            message = f"{files.name}: {explanations[proof.outcome]}"
            answers.append(
                {"model": files.name, "outcome": proof.outcome, "problem": proof.difference}
            )
            if not json:
                typer.echo(message)
            append(markdown, f"Trained again, compared with its lock:\n\n{quoted(message)}\n")
            wrong |= proof.outcome == "different"
    if json:
        as_json(answers)
    if wrong:
        raise typer.Exit(1)


@app.command("renew")
def renew(models: Models = None, json: Json = False) -> None:
    """Renew, after new libraries or a new engine, the locks of models that stay the same.

    A model that does not stay the same needs `tagship run`, and a review of its new lock.
    """
    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.files import only_one
    from tagship.training.lock_renewal import renew_lock

    renewals = []
    for files in load(models):
        with only_one(files.root, files.name):
            renewals.append(renew_lock(files, progress(files.name, err=json)))
    if json:
        as_json(renewals)
    else:
        for renewal in renewals:
            why = f": {renewal.why}" if renewal.why else ""
            typer.echo(f"{renewal.model}: {renewal.state}{why}")
    if any(renewal.state == "review" for renewal in renewals):
        raise typer.Exit(1)


@app.command("write")
def write(models: Models = None, json: Json = False) -> None:
    """Write the lock of the last training, if its verdict does not fail."""
    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.files import only_one
    from tagship.pipeline import lock_gated

    answers = []
    for files in load(models):
        with only_one(files.root, files.name):
            change = lock_gated(files)
        answers.append({"model": files.name, "lock": change})
        if not json:
            typer.echo(f"{files.lock_path.relative_to(files.root)}: {change}")
    if json:
        as_json(answers)
