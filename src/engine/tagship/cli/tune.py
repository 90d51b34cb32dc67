"""``tagship tune``: search a candidate's best parameters, on training rows alone."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, Model, announce
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.tuning.tune import TuningResult


def command(
    model: Model,
    write: Annotated[
        bool, typer.Option("--write", help="Set the best parameters in model.yaml if they improve.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="How many trials run at once: one, or all threads of a Dask cluster.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="A database's URL, by which several machines work on one search."),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option("--propose", help="Tune the main branch, and commit a proposal to a branch."),
    ] = False,
    push: Annotated[
        bool, typer.Option("--push", help="With --propose: push the branch, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Search the parameters of a candidate by trials on folds, and say whether they improve it.

    What is searched stands in model.yaml under `tune`. The holdout is never looked at. A search
    that was cut off goes on. The exit code is 6 when nothing improves beyond the interval, and 3
    when what --propose trained is refused.
    """
    announce(LOADING)
    from tagship.cli.exit_codes import ExitCode
    from tagship.cli.models import load, progress
    from tagship.cli.output import as_json
    from tagship.compute.tasks import open_compute
    from tagship.files import write_json
    from tagship.tuning.record import draw_search, log_search, write_page
    from tagship.tuning.tune import result_json, result_path, tune, write_params

    say = progress(model, err=json)
    if propose or push:
        options = [
            *([f"--workers={workers}"] if workers else []),
            *([f"--storage={storage}"] if storage else []),
        ]
        return _propose(model, options, push, json)
    files = load([model])[0]
    with open_compute(files.root, progress("compute", err=json)) as compute:
        tuned, search, study = tune(files, say, workers, storage, compute)
    plots = draw_search(search, study)
    say("recording in MLflow")
    log_search(search, study, tuned, plots)
    page = write_page(search, study, tuned, plots)
    improved = tuned.state == "improved"
    if write and improved:
        write_params(files, tuned)
    write_json(result_path(files), result_json(tuned))
    if json:
        as_json(result_json(tuned))
    else:
        _show(tuned)
        typer.echo(f"page: {page.relative_to(files.root)}")
        if improved and write:
            typer.echo(f"\nNext: git diff config/{model}/model.yaml, then tagship run {model}")
        elif improved:
            typer.echo(f"\nNext: tagship tune {model} --write")
    if not improved:
        raise typer.Exit(ExitCode.UNCHANGED)


def _show(tuned: "TuningResult") -> None:
    from tagship.cli.output import table

    typer.echo("")
    rows = [(name, str(value)) for name, value in tuned.params.items()]
    table((f"trial {tuned.trial}", "best"), rows)
    ended = f"{tuned.trials} trials: {tuned.pruned} pruned, {len(tuned.failed)} failed"
    typer.echo(f"\n{ended}; {tuned.seconds:.1f} s")
    if tuned.failed:
        typer.echo(f"the first failure: {tuned.failed[0]}")
    if tuned.unrepeatable:
        typer.echo(f"another search may give other trials: {tuned.unrepeatable}")
    typer.echo(tuned.conclusion)


def _propose(model: str, options: list[str], push: bool, json: bool) -> None:
    from tagship.cli.exit_codes import ExitCode
    from tagship.cli.models import progress
    from tagship.cli.output import show_proposal
    from tagship.config.root import find_root
    from tagship.tuning.proposal import propose_tuned

    root = find_root()
    proposal = propose_tuned(root, model, options, push, progress(model, err=json))
    show_proposal(root, proposal, push, json)
    if proposal.state == "unchanged":
        raise typer.Exit(ExitCode.UNCHANGED)
