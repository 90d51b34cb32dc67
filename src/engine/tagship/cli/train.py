"""``tagship train``: train without judging or locking."""

import typer

from tagship.cli.models import Models, load, progress


def command(models: Models = None) -> None:
    """Cross-validate the candidates, refit the winner, export it; keep it for `tagship gate`."""
    from tagship.cli.output import table
    from tagship.files import only_one
    from tagship.numbers import brief
    from tagship.pipeline import train_model

    for files in load(models):
        with only_one(files.root, files.name):
            bundle = train_model(files, progress(files.name))
        metrics = bundle.lock.metrics.items()
        rows = [(n, brief(m.value), f"{brief(m.low)} to {brief(m.high)}") for n, m in metrics]
        table((f"{files.name}: {bundle.lock.winner.candidate}", "holdout", "95 % interval"), rows)
        typer.echo(f"{bundle.cost.seconds:.1f} s, peak memory {bundle.cost.memory}")
    typer.echo("\nNext: tagship gate")
