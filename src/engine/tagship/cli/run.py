"""``tagship run``: the whole path from config to a built bento."""

from typing import TYPE_CHECKING

import typer

from tagship.cli.models import Models, load, progress

if TYPE_CHECKING:
    from tagship.pipeline import RunResult


def command(models: Models = None) -> None:
    """Validate, train, gate, lock, report and build: every step, in order."""
    from tagship.errors import TagshipError
    from tagship.pipeline import run_model

    results: list[RunResult] = []
    stopped: dict[str, TagshipError] = {}
    chosen = load(models)
    for files in chosen:
        try:
            results.append(run_model(files, progress(files.name)))
        except TagshipError as error:
            typer.echo(f"error: {error}", err=True)
            stopped[files.name] = error
    _close(results)
    failed = [result.model for result in results if result.verdict.status == "fail"]
    for name in failed:
        typer.echo(f"{name}: a gate failed: nothing was locked or built (tagship gate {name})")
    if stopped or failed:
        raise typer.Exit(1)
    if any(result.lock in ("new", "renewed") for result in results):
        typer.echo(
            "\nNext: review the new lock (git diff config/), commit it, open a pull request."
        )
    else:
        typer.echo(f"\nNext: tagship serve {results[0].model}    or open {_relative(results[0])}")


def _close(results: "list[RunResult]") -> None:
    from tagship.cli.output import table
    from tagship.numbers import brief

    if not results:
        return
    typer.echo("")
    rows = []
    for r in results:
        measured = r.bundle.lock.metrics
        selected = r.bundle.lock.inputs.model["select"]["metric"]
        shown = selected if selected in measured else next(iter(measured))
        found = measured[shown]
        rows.append(
            (
                r.model,
                r.verdict.status,
                r.bundle.lock.winner.candidate,
                f"{shown} {brief(found.value)} ({brief(found.low)} to {brief(found.high)})",
                r.lock or "not written",
                r.bento.tag if r.bento else "not built",
                f"{r.seconds:.1f} s",
            )
        )
    table(("model", "verdict", "winner", "on the holdout", "lock", "bento", "time"), rows)


def _relative(result: "RunResult") -> str:
    return "/".join(result.report.parts[-2:])
