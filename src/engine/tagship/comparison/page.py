"""``reports/comparison.html``: one page to decide from, without a script or a request."""

from collections.abc import Iterator
from itertools import accumulate

from tagship.comparison.conclusion import p_text, shown_test
from tagship.comparison.document import (
    AgainstBest,
    Comparison,
    FoldFigures,
    LearningCurve,
    ModelFigures,
    TuningFigures,
)
from tagship.formatting import brief, byte_size, plain
from tagship.reports.drawing import Bar, Plot, PlotValue, make_plot, padded_bar
from tagship.reports.html import render

_LABELLED = 3
"""How many of the last releases are named in the plot."""


def comparison_html(comparison: Comparison) -> str:
    """The comparison as one HTML document."""
    functions = (byte_size, folds_bar, lead_bar, p_text, plots, shared_metrics, shown_test)
    functions_by_name = {function.__name__: function for function in functions}
    return render("comparison.html.j2", comparison=comparison, **functions_by_name)


def shared_metrics(model: ModelFigures) -> list[str]:
    """The metrics that every trained candidate has, the selection metric first."""
    trained = [figures.metrics for figures in model.candidates.values() if figures.metrics]
    shared = [name for name in trained[0] if all(name in metrics for metrics in trained)]
    return sorted(shared, key=lambda name: name != model.metric)


def folds_bar(model: ModelFigures, folds: FoldFigures) -> Bar:
    """A candidate's mean, standard deviation and folds, on the scale of all candidates."""
    spreads = [f.metrics[model.metric] for f in model.candidates.values() if f.metrics]
    ends = [end for s in spreads for end in (s.mean - s.std, s.mean + s.std, *(s.folds or []))]
    marks = [(value, "fold") for value in folds.folds or []]
    return padded_bar(folds.mean - folds.std, folds.mean, folds.mean + folds.std, ends, marks)


def lead_bar(model: ModelFigures, against: AgainstBest) -> Bar | None:
    """How far the best is ahead, on the scale of all candidates, with no lead marked."""
    comparisons = (f.against_best for f in model.candidates.values() if f.against_best)
    tests = [test for test in map(shown_test, comparisons) if test]
    test, ends = shown_test(against), [end for t in tests for end in (t.low, t.high)]
    if test is None:
        return None
    return padded_bar(test.low, test.difference, test.high, [0.0, *ends], [(0.0, "zero")])


def plots(model: ModelFigures) -> Iterator[Plot]:
    """What can be drawn of a model: cost, time, tuning, rows."""
    better = f"{'higher' if model.higher_is_better else 'lower'} is better"
    yield from _cost(model, better)
    yield from _over_time(model, better)
    for tuning in model.tuning:
        if len(tuning.values) > 1:
            yield tuning_plot(tuning, model.metric, model.higher_is_better)
    if model.learning_curve:
        yield _learning(model.learning_curve)


def _cost(model: ModelFigures, better: str) -> Iterator[Plot]:
    values = [
        PlotValue(f.seconds, f.metrics[model.metric].mean, label=name, marked=f.front)
        for name, f in model.candidates.items()
        if f.seconds is not None and f.metrics
    ]
    if len(values) > 1:
        texts = (
            f"{v.label} {plain(v.y)} in {plain(v.x, 2)} s{', on the front' * v.marked}"
            for v in values
        )
        yield make_plot(
            f"{model.metric} against training time",
            f"{better}; seconds over all folds, logarithmic; the line joins the Pareto front",
            f"{model.metric} and seconds of each candidate: {'; '.join(texts)}",
            values,
            sorted((value.x, value.y) for value in values if value.marked),
            unit=" s",
            log=True,
        )


def _over_time(model: ModelFigures, better: str) -> Iterator[Plot]:
    measured = [a for a in model.artifacts if a.quality is not None and a.time is not None]
    labelled = [a for a in measured if a.releases][-_LABELLED:]
    values = [
        PlotValue(
            at,
            quality.value,
            quality.low,
            quality.high,
            artifact.releases[-1] if artifact in labelled else "",
            f"{artifact.time} {' '.join(artifact.releases)} {artifact.sha256[:12]}:"
            f" {plain(quality.value)}",
            marked=artifact.locked,
        )
        for at, artifact in enumerate(measured)
        if (quality := artifact.quality)
    ]
    if len(values) > 1:
        yield make_plot(
            f"{model.metric} of artifacts over time",
            f"{better}; on the holdout of each, with 95 % intervals; filled is what is locked now",
            f"{model.metric} of {len(values)} artifacts in order of time: "
            + ", ".join(plain(value.y) for value in values),
            values,
            x_ticks=(str(measured[0].time)[:10], str(measured[-1].time)[:10]),
        )


def tuning_plot(tuning: TuningFigures, metric: str, higher_is_better: bool) -> Plot:
    """Every complete trial of a tuning, with the best so far as a line."""
    best = list(accumulate(tuning.values, max if higher_is_better else min))
    return make_plot(
        f"Tuning of {tuning.candidate or 'a candidate'}, {tuning.time[:10]}",
        f"{metric} of each finished trial; the line is the best so far",
        f"{len(best)} trials, the best {metric} is {plain(best[-1])}",
        [PlotValue(at, value) for at, value in enumerate(tuning.values, 1)],
        list(enumerate(best, 1)),
        x_ticks=("trial 1", f"trial {len(best)}"),
    )


def _learning(curve: LearningCurve) -> Plot:
    points, before, last = curve.points, curve.points[-2], curve.points[-1]
    points_text = ", ".join(f"{plain(point.mean)} with {point.rows:,} rows" for point in points)
    return make_plot(
        f"Learning curve of {curve.candidate}",
        f"{curve.metric} over the folds by rows fitted to, ± standard deviation; from"
        f" {before.rows:,} to {last.rows:,} rows it moved by {brief(last.mean - before.mean)}",
        f"{curve.metric} of {curve.candidate}: {points_text}",
        [PlotValue(p.rows, p.mean, p.mean - p.std, p.mean + p.std) for p in points],
        [(p.rows, p.mean) for p in points],
        x_ticks=(f"{points[0].rows:,} rows", f"{last.rows:,} rows"),
    )
