"""``tagship record``: the last training in MLflow, and its report."""

import typer

from tagship.cli.models import LOADING, Models, announce, load
from tagship.cli.options import Json


def command(models: Models = None, json: Json = False) -> None:
    """Record the last training in MLflow with its plots, and write its report.

    `tagship run` does this too. The training must be judged, by `tagship gate`; a verdict that
    fails is recorded as such.
    """
    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.files import only_one
    from tagship.pipeline import record_judged

    answers = []
    for files in load(models):
        with only_one(files.root, files.name):
            report, verdict = record_judged(files)
        where = report.relative_to(files.root)
        if json:
            answer = {"verdict": verdict.status, "report": str(where)}
            answers.append({"model": files.name, **answer})
            continue
        typer.echo(f"{files.name}: recorded, its verdict is {verdict.status}; {where}")
    if json:
        as_json(answers)
