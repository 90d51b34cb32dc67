"""One self-contained HTML report per model: no script, no request, light and dark, printable."""

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tagship.behaviour import words
from tagship.behaviour.difference import Behaviour
from tagship.config.model import higher_is_better
from tagship.config.project_files import ModelFiles
from tagship.config.sources import Source
from tagship.files import write_atomically
from tagship.formatting import (
    NONE,
    brief,
    byte_size,
    coefficient,
    duration,
    moment,
    percent,
    person,
    plain,
    signed,
)
from tagship.reports import diagnosis, report_view
from tagship.reports.diagnosis import HoldoutRow
from tagship.reports.drawing import spread_bars
from tagship.training.bundle import Bundle
from tagship.training.lock import lock_text
from tagship.verdict import SYMBOLS, Verdict

_PLOTS = {
    "importance": "Bars: how much the selection metric worsens when each input is shuffled",
    "roc": "ROC curve: true positive rate against false positive rate",
    "precision_recall": "Precision against recall over all thresholds",
    "confusion": "Confusion matrix: actual against predicted class, in rows and percent",
    "calibration": "Calibration: what the model expects against what happened, in ten bins",
    "scores": "Histogram of scores for each actual class, with the threshold",
    "predicted": "Scatter of actual against predicted values around the diagonal",
    "residuals": "Scatter of residuals against predictions, with their mean",
    "residual_histogram": "Histogram of residuals around zero",
}


def report_html(
    files: ModelFiles,
    bundle: Bundle,
    verdict: Verdict,
    plots: Mapping[str, bytes],
    importances: Sequence[tuple[str, float]] = (),
    behaviour: Behaviour | None = None,
    moved: Sequence[HoldoutRow] = (),
    worst: Sequence[HoldoutRow] = (),
) -> str:
    """The report as one HTML document; the same inputs give the same text.

    Args:
        plots: PNG by name, from ``draw_plots``.
        importances: from ``importance``, for the table of numbers under the plots.
        behaviour: how it differs from the champion.
        moved, worst: rows of the table, for a report that stays on this machine.
    """
    lock, selection = bundle.lock, files.model.select.metric
    holdout_metrics = {name: interval for name, interval in lock.metrics.items() if "[" not in name}
    slices = files.thresholds.slices
    slice_metric = slices.metric if slices else selection
    candidates = report_view.sorted_candidates(lock)
    return render(
        "report.html.j2",
        files=files,
        bundle=bundle,
        lock=lock,
        task=files.model.task,
        card=files.model.card,
        source=source_text(files.data.source),
        artifact_size=byte_size(lock.artifact.bytes),
        lock_yaml=lock_text(lock),
        threshold=bundle.boundary.threshold,
        folds=files.model.select.folds * files.model.select.repeats,
        select_metric=selection,
        verdict=verdict,
        results=report_view.sorted_results(verdict.results),
        symbols=SYMBOLS,
        metrics=dict(sorted(holdout_metrics.items(), key=lambda item: item[0] != selection)),
        classes=bundle.boundary.classes if lock.task == "multiclass" else (),
        candidates=candidates,
        candidate_bars=spread_bars({name: (s.mean, s.std) for name, s in candidates.items()}),
        slice_metric=slice_metric,
        slice_least=slices.min_rows if slices else 1,
        slices=report_view.slices_by_column(files, bundle, slice_metric),
        plots=[(alt_text(name, bundle), data_uri(png)) for name, png in plots.items()],
        importances=importances,
        behaviour=behaviour,
        words=words,
        moved=moved,
        gap=diagnosis.training_gap(files, bundle),
        threshold_reason=diagnosis.threshold_reason(files),
        thresholds=diagnosis.threshold_rows(files, bundle),
        worst=worst,
        view=report_view,
        higher_is_better=higher_is_better,
        NONE=NONE,
    )


def write_html(root: Path, name: str, html: str) -> Path:
    """Write ``reports/<name>.html`` whole or not at all, and say where it is."""
    path = root / "reports" / f"{name}.html"
    write_atomically(path, html)
    return path


def render(template: str, package: str = __package__, /, **values: Any) -> str:
    """Fill a template of ``package``, which may build on those of the reports.

    Everything that is not markup is escaped.
    """
    return str(_environment(package).get_template(template).render(**values))


@cache
def _environment(package: str) -> Any:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (package, __package__)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    readable = (plain, brief, percent, coefficient, breakable, signed, moment, duration, person)
    environment.filters |= {function.__name__: function for function in readable}
    return environment


def breakable(name: str) -> Any:
    """A name that may break after an underscore."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def alt_text(name: str, bundle: Bundle) -> str:
    """What a plot shows, for those who cannot see it."""
    text = _PLOTS[name]
    for plot, metric in (("roc", "roc_auc"), ("precision_recall", "pr_auc"), ("predicted", "r2")):
        if plot == name and metric in bundle.lock.metrics:
            text += f"; {metric} is {plain(bundle.lock.metrics[metric].value)}"
    return f"{text}; {len(bundle.evidence.target):,} holdout rows"


def data_uri(png: bytes) -> str:
    """A PNG as a URI that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def source_text(source: Source) -> str:
    """Where the data comes from, in words; a database's URL is left out, it may hold a secret."""
    match source.kind:
        case "sql":
            return f"sql: {source.query}"
        case "kafka":
            return f"kafka topic {source.topic}"
        case "sklearn":
            return f"scikit-learn's table {source.table}"
        case "python":
            return f"{source.function} in src/"
        case _:
            return f"{source.kind} {source.path.partition('?')[0]}"
