"""``tagship explain``: why a model predicts what it does."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, Model, announce, load, progress
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.config.project_files import ModelFiles
    from tagship.explanation.model import RowReasons

_MOST_FEATURES = 40
_MOST_REASONS = 10


def command(
    model: Model,
    source: Annotated[
        str | None,
        typer.Option(
            "--input", help="Explain the rows of this file or URL: csv, Excel, Parquet and so on."
        ),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(help="Explain this row of the file, or of the model's table; 1 is the first."),
    ] = None,
    json: Json = False,
) -> None:
    """Explain the last training by SHAP values: what each feature adds to the scores.

    Without --input and --row: over the holdout, as a table, as reports/<model>-explain.html and as
    plots in MLflow. With them: row by row. Needs the extra `explain`.
    """
    announce(LOADING)
    from tagship.explanation.model import explain_rows

    files = load([model])[0]
    if source is None and row is None:
        _explain_model(files, json)
        return
    answers = explain_rows(files, source, row, progress(model, err=True))
    if json:
        from tagship.cli.output import as_json

        as_json(list(answers))
    else:
        for answer in answers:
            _show(answer)


def _explain_model(files: "ModelFiles", json: bool) -> None:
    from tagship.cli.output import as_json, table
    from tagship.errors import TagshipError
    from tagship.explanation.model import explain_model
    from tagship.explanation.page import draw_explanation, explanation_html
    from tagship.formatting import plain
    from tagship.reports.html import write_html
    from tagship.training.tracking import log_plots

    overview = explain_model(files, progress(files.name, err=True))
    plots = draw_explanation(overview)
    html = explanation_html(files.name, overview, plots)
    page = write_html(files.root, f"{files.name}-explain", html).relative_to(files.root)
    sha256 = overview.bundle.lock.artifact.sha256
    try:
        images = {name: png for name, (_, png) in plots.items()}
        logged = log_plots(files, sha256, images, "explain")
    except TagshipError as error:  # the page is there; a record is not needed to read it
        logged = f"not in MLflow: {error.args[0]}"
    if json:
        bases = zip(overview.outputs, overview.attribution.base.tolist(), strict=True)
        features = [{"feature": name, "mean_abs_shap": size} for name, size in overview.ranking]
        as_json({
            "model": files.name, "artifact_sha256": sha256, "rows": len(overview.matrix),
            "background_rows": overview.background, "base": dict(bases), "features": features,
        })  # fmt: skip
    else:
        shown = overview.ranking[:_MOST_FEATURES]
        table(("feature", "mean |SHAP|"), [(n, plain(size, 3)) for n, size in shown])
        if others := len(overview.ranking) - len(shown):
            typer.echo(f"and {others} others, on the page")
    typer.echo(f"\n{page}; plots {logged}", err=json)


def _show(answer: "RowReasons") -> None:
    """One row's score, and the features that make it."""
    from tagship.formatting import brief, signed

    typer.echo(
        f"row {answer.row}: {answer.prediction}; {answer.of} = {brief(answer.score)},"
        f" from a base of {brief(answer.base)}"
    )
    reasons, remainder = answer.reasons[:_MOST_REASONS], answer.reasons[_MOST_REASONS:]
    lines = [(signed(reason.shap, 2), f"{reason.feature} = {reason.value}") for reason in reasons]
    if remainder:
        lines.append(
            (signed(sum(reason.shap for reason in remainder), 2), f"{len(remainder)} others")
        )
    width = max(len(number) for number, _ in lines)
    for number, text in lines:
        typer.echo(f"  {number.rjust(width)}  {text}")
    typer.echo("")
