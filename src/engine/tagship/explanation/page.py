"""``reports/<model>-explain.html``: what moves a model's scores, for people."""

from collections.abc import Mapping
from pathlib import Path

from tagship.config.project_files import ModelFiles
from tagship.explanation.model import Overview
from tagship.files import write_atomically
from tagship.reports.html import data_uri, render

_ALT = {
    "bar": "Bars: the mean absolute SHAP value of each feature",
    "beeswarm": "One dot a row and feature: what the feature adds to the score, coloured by value",
    "dependence": "Scatter of a feature's SHAP value against its value",
}


def write_explanation(files: ModelFiles, overview: Overview, plots: Mapping[str, bytes]) -> Path:
    """Write the page whole or not at all, and say where it is."""
    path = files.root / "reports" / f"{files.name}-explain.html"
    page = render(
        "explanation.html.j2",
        name=files.name,
        overview=overview,
        artifact=overview.bundle.lock.artifact.sha256,
        base=list(zip(overview.outputs, overview.attribution.base.tolist(), strict=True)),
        largest=max(size for _, size in overview.ranking) or 1,
        plots=[(_alt(overview, name), data_uri(png)) for name, png in plots.items()],
    )
    write_atomically(path, page)
    return path


def _alt(overview: Overview, name: str) -> str:
    """What a plot shows, for those who cannot see it."""
    kind, _, number = name.partition("_")
    subjects = {"beeswarm": overview.outputs, "dependence": [f for f, _ in overview.ranking]}
    return f"{_ALT[kind]}: {subjects[kind][int(number) - 1]}" if number else _ALT[kind]
