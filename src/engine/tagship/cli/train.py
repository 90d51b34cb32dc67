"""``tagship train``: train without judging or locking."""

import typer

from tagship.cli.models import LOADING, Models, announce, load, progress
from tagship.cli.options import Json


def command(models: Models = None, json: Json = False) -> None:
    """Cross-validate the candidates, refit the winner, and export it for `tagship gate`."""
    announce(LOADING)
    from tagship.cli.output import as_json, table
    from tagship.compute.tasks import open_compute
    from tagship.files import only_one
    from tagship.formatting import brief
    from tagship.pipeline import train_model

    answers = []
    chosen = load(models)
    with open_compute(chosen[0].root, progress("compute", err=json)) as compute:
        for files in chosen:
            with only_one(files.root, files.name):
                bundle = train_model(files, progress(files.name, err=json), compute)
            if json:
                lock = bundle.lock.model_dump(mode="json")
                parts = {key: lock[key] for key in ("winner", "metrics", "artifact")}
                answers.append({"model": files.name, **parts, "cost": vars(bundle.cost)})
                continue
            metrics = bundle.lock.metrics.items()
            rows = [(n, brief(m.value), f"{brief(m.low)} to {brief(m.high)}") for n, m in metrics]
            winner = bundle.lock.winner.candidate
            table((f"{files.name}: {winner}", "holdout", "95 % interval"), rows)
            typer.echo(f"{bundle.cost.seconds:.1f} s, peak memory {bundle.cost.memory}")
    if json:
        return as_json(answers)
    typer.echo("\nNext: tagship gate")
