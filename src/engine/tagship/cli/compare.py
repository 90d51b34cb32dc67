"""``tagship compare``: candidates, trainings and releases side by side."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, Models, announce, load
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.comparison.document import CandidateFigures, Comparison, ModelFigures


def command(
    models: Models = None,
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve", help="Also fit the winner to growing shares of the training rows."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Compare the candidates, trainings and releases of models, and say which is better.

    Writes reports/comparison.json and one page, reports/comparison.html. Nothing is asked of a
    Git remote, and nothing is trained unless a learning curve is asked for.
    """
    announce(LOADING)
    from tagship.cli.output import table
    from tagship.comparison.gather import compare_models, write_comparison
    from tagship.comparison.page import comparison_html
    from tagship.reports.html import write_html

    chosen = load(models)
    comparison = compare_models(chosen, learning_curve, announce)
    written = [write_comparison(chosen[0].root, comparison)]
    written.append(write_html(chosen[0].root, "comparison", comparison_html(comparison)))
    if json:
        return typer.echo(comparison.model_dump_json(indent=2))
    head = (
        "model", "candidate", "metric", "over the folds", "behind", "95 %", "p, rows / folds",
        "seconds", "",
    )  # fmt: skip
    table(head, (row for name, model in comparison.models.items() for row in _rows(name, model)))
    _tell(comparison)
    typer.echo("wrote " + ", ".join(str(path.relative_to(chosen[0].root)) for path in written))


def _rows(name: str, model: "ModelFigures") -> Iterator[tuple[str, ...]]:
    for candidate, figures in model.candidates.items():
        yield name, candidate, model.metric, *_cells(model, figures)


def _cells(model: "ModelFigures", figures: "CandidateFigures") -> Iterator[str]:
    from tagship.comparison.conclusion import p_text, shown_test
    from tagship.formatting import NONE, brief, plain

    folds, against = figures.metrics.get(model.metric), figures.against_best
    test = shown_test(against) if against else None
    tests = (against.rows, against.folds) if against else (None, None)
    yield f"{plain(folds.mean)} ± {brief(folds.std)}" if folds else NONE
    yield brief(test.difference) if test else NONE
    yield f"{brief(test.low)} to {brief(test.high)}" if test else NONE
    yield " / ".join(p_text(each.corrected_p_value) if each else NONE for each in tests)
    yield NONE if figures.seconds is None else f"{figures.seconds:.1f}"
    yield _state(figures)


def _state(figures: "CandidateFigures") -> str:
    apart = {True: "worse", False: "not told apart", None: ""}
    verdict = apart[figures.against_best.told_apart] if figures.against_best else ""
    words = ["winner" * figures.winner, verdict, "tuned" * figures.tuned]
    words.append(figures.state * (figures.state != "trained"))
    return ", ".join(filter(None, words))


def _tell(comparison: "Comparison") -> None:
    for name, model in comparison.models.items():
        typer.echo("")
        for sentence in model.conclusion:
            typer.echo(sentence)
        for note in model.not_recorded:
            typer.echo(f"! {name}: {note}")
    for name, count in comparison.removed.items():
        runs = "training" if count == 1 else "trainings"
        typer.echo(f"! {name}: left out, it was removed from config/; MLflow has {count} {runs}")
    for note in comparison.notes:
        typer.echo(f"! {note}")
    typer.echo(f"\n{comparison.method}")
