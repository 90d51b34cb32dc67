"""``tagship run``: the whole path from config to a built bento."""

from typing import TYPE_CHECKING

import typer

from tagship.cli.models import LOADING, Models, announce, load, progress
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.pipeline import RunResult


def command(models: Models = None, json: Json = False) -> None:
    """Validate, train, judge, lock, report and build: every step, in order."""
    announce(LOADING)
    from tagship.bento.store import store_hint
    from tagship.cli.output import as_json, tell_error
    from tagship.compute.tasks import open_compute
    from tagship.errors import TagshipError
    from tagship.pipeline import run_model

    results: list[RunResult] = []
    stopped: dict[str, TagshipError] = {}
    chosen = load(models)
    with open_compute(chosen[0].root, progress("compute", err=json)) as compute:
        for files in chosen:
            try:
                results.append(run_model(files, progress(files.name, err=json), compute))
            except TagshipError as error:
                tell_error(error)
                stopped[files.name] = error
    if json:
        stops = [{"model": name, "problem": str(error)} for name, error in stopped.items()]
        as_json([*map(_plain, results), *stops])
    else:
        _close(results)
    failed = [result for result in results if result.verdict.status == "fail"]
    for result in failed:
        _tell_failure(result, err=json)
    if stopped or failed:
        raise typer.Exit(1)
    if json:
        return
    if any(result.lock in ("new", "renewed") for result in results):
        typer.echo(
            "\nNext: git add --all, review the lock (git diff --staged config/), commit, and open a"
            " pull request."
        )
    else:
        typer.echo(f"\nNext: tagship serve {results[0].model}    or open {_relative(results[0])}")
    typer.echo(store_hint(chosen[0].root))


def _tell_failure(result: "RunResult", err: bool) -> None:
    """Every gate that failed, and what to do."""
    from tagship.formatting import brief

    name = result.model
    for gate in result.verdict.results:
        if gate.status == "fail":
            value = "not computed" if gate.value is None else brief(gate.value)
            detail = f" ({gate.detail})" if gate.detail else ""
            message = f"{name}: {gate.gate} {gate.subject}: {value}, wanted {gate.limit}{detail}"
            typer.echo(message, err=err)
    typer.echo(
        f"{name}: a gate failed, so nothing was locked or built: change config/{name}/; every gate:"
        f" tagship gate {name}",
        err=err,
    )


def _plain(result: "RunResult") -> dict[str, object]:
    lock = result.bundle.lock.model_dump(mode="json")
    return {
        "model": result.model,
        "verdict": result.verdict.status,
        "winner": lock["winner"],
        "metrics": lock["metrics"],
        "lock": result.lock or "not written",
        "bento": result.bento.tag if result.bento else "",
        "report": _relative(result),
        "seconds": round(result.seconds, 3),
        "problem": "",
    }


def _close(results: "list[RunResult]") -> None:
    from tagship.cli.output import table
    from tagship.formatting import brief

    if not results:
        return
    typer.echo("")
    rows = []
    for r in results:
        measured = r.bundle.lock.metrics
        selected = r.bundle.lock.inputs.model["select"]["metric"]
        metric = selected if selected in measured else next(iter(measured))
        interval = measured[metric]
        bounds = f"{brief(interval.low)} to {brief(interval.high)}"
        rows.append(
            (
                r.model,
                r.verdict.status,
                r.bundle.lock.winner.candidate,
                f"{metric} {brief(interval.value)} ({bounds})",
                r.lock or "not written",
                r.bento.tag if r.bento else "not built",
                f"{r.seconds:.1f} s",
            )
        )
    table(("model", "verdict", "winner", "on the holdout", "lock", "bento", "time"), rows)


def _relative(result: "RunResult") -> str:
    return "/".join(result.report.parts[-2:])
