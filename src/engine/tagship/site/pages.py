"""The pages of a site: plain files that need no server, no network and no script to be read."""

import json
import shlex
from collections.abc import Iterator, Sequence
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tagship.files import write_atomically
from tagship.reports.drawing import spread_bars
from tagship.reports.html import render
from tagship.reports.report_view import sorted_results
from tagship.site import figures
from tagship.site.document import ModelSite, Origin, Place, Site
from tagship.site.governance import all_deployments, all_releases, governance_csv, moments
from tagship.site.request_form import FormField, ServiceAnswer
from tagship.verdict import SYMBOLS

_SHIPPED = ("site.js", "uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE")
_PER_PAGE = 120
"""Releases, and deployments, on a page of governance: such a page stays under 500 kB."""
_ON_MODEL = 100
"""Releases, deployments and observations on a model's page; all are in the CSV or site.json."""
_WITH_DETAILS = 30
"""Of releases, beside those that run: their lock, metrics and commands are shown."""
_PHASES = (
    ("problem", "1 Problem"), ("data", "2 Data"), ("model", "3 Model"),
    ("orchestration", "4 Orchestration"), ("validation", "5 Validation"),
    ("deployment", "6 Deployment"), ("monitoring", "7 Monitoring"), ("feedback", "Feedback loop"),
    ("governance", "8 Governance"), ("registry", "9 Registry"), ("quality", "10 Quality"),
    ("card", "Model card"), ("call", "How to call it"),
)  # fmt: skip


def write_site(
    site: Site, folder: Path, reports: Path | None = None, live: bool = False
) -> list[Path]:
    """Write all pages of a site, and say which files were written.

    They link to ``site.json``, which ``replace_site`` writes beside them.

    Args:
        reports: a folder with ``<model>.html`` and ``<model>-*.html``, which are copied and linked.
            They may show rows of the table: give none for a site that is public.
        live: whether `tagship ui` serves it, which has a form for each model.

    Raises:
        TagshipError: the folder cannot be written.
    """
    copied = _reports_by_model(site, reports)
    contents: dict[str, str | bytes] = {
        f"reports/{path.name}": path.read_bytes() for paths in copied.values() for path in paths
    }
    for name in _SHIPPED:
        contents[f"static/{name}"] = (files(__package__) / "static" / name).read_bytes()
    contents["static/style.css"] = render("site.css", __package__)
    contents["governance.csv"] = "\ufeff" + governance_csv(site)
    contents.update(_pages(site, copied, live))
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def _pages(site: Site, copied: dict[str, list[Path]], live: bool) -> Iterator[tuple[str, str]]:
    yield "index.html", _page("fleet.html.j2", site, "Fleet", places=list(_places(site)))
    for model in site.models:
        reports_of_model = copied.get(model.name, [])
        yield f"models/{model.name}.html", model_html(site, model, reports_of_model, live)
    yield from _governance(site)
    yield (
        "delivery.html",
        _page("delivery.html.j2", site, "Delivery", months=figures.delivery_months(site)),
    )


def form_page(
    site: Site,
    model: str,
    service: str,
    fields: Sequence[FormField],
    answer: ServiceAnswer | None,
    problem: str,
) -> str:
    """A model's form, and what the service said of what was typed."""
    about = {"model": model, "service": service, "fields": fields}
    answered = {"answer": answer, "problem": problem, "form_action": "'self'"}
    return _page("try.html.j2", site, f"Try {model}", base="../", **about, **answered)


def model_html(site: Site, model: ModelSite, reports: list[Path], live: bool = False) -> str:
    """The page of one model, by phases."""
    links = [Origin(text=path.stem, url=f"../reports/{path.name}") for path in reports]
    environments = dict.fromkeys(row.environment for row in model.observations)
    observed = [
        (name, list(figures.observation_plots(model.observations, model.kpis, name)))
        for name in environments
    ]
    return _page(
        "model.html.j2",
        site,
        model.name,
        base="../",
        model=model,
        live=live,
        reports=links,
        gates=sorted_results(model.gates),
        step_boxes=figures.step_boxes(model.pipeline),
        lanes=figures.lanes(model.deployments, site.made),
        phases=_PHASES,
        approvers=sorted({row.approved_by for row in model.deployments if row.approved_by}),
        observed=observed,
        candidate_bars=spread_bars(
            {
                row.name: (row.mean, row.std or 0.0)
                for row in (model.training.candidates if model.training else ())
                if row.mean is not None
            }
        ),
        tuning_plots=list(figures.tuning_plots(model.training)) if model.training else [],
        most=_ON_MODEL,
        with_details={row.release for row in model.registry[:_WITH_DETAILS]}
        | {row.release for row in model.registry if row.runs_in},
        record=shlex.quote(json.dumps(model.example, ensure_ascii=False, indent=2)),
    )


def _governance(site: Site) -> Iterator[tuple[str, str]]:
    releases, deployments = all_releases(site), all_deployments(site)
    changes = sorted((c for m in site.models for c in m.threshold_changes),
                     key=lambda change: change.date, reverse=True)  # fmt: skip
    longest = max(len(releases), len(deployments), len(changes))
    count = max(ceil(longest / _PER_PAGE), 1)
    names = ["governance.html", *(f"governance-{number}.html" for number in range(2, count + 1))]
    for at, name in enumerate(names):
        part = slice(at * _PER_PAGE, (at + 1) * _PER_PAGE)
        yield name, _page(
            "governance.html.j2",
            site,
            "Governance",
            names=names,
            at=at,
            releases=releases[part],
            deployments=deployments[part],
            changes=changes[part],
            total=(len(releases), len(deployments), len(changes)),
            moments=moments(site) if at == 0 else {},
        )


def _page(template: str, site: Site, title: str, base: str = "", **values: Any) -> str:
    functions = (
        distribution_kind, figures.distribution_chart, figures.gate_bar, figures.kpi_bar,
        figures.shares, link,
    )  # fmt: skip
    values |= {function.__name__: function for function in functions}
    values.setdefault("form_action", "'none'")
    return render(
        template, __package__, site=site, title=title, base=base, symbols=SYMBOLS, **values
    )


def _places(site: Site) -> Iterator[tuple[ModelSite, Place | None]]:
    """Every model with each of its environments; a model that runs nowhere once, with none."""
    for model in site.models:
        yield from ((model, place) for place in model.places)
        if not model.places:
            yield model, None


def link(origin: Origin | None) -> str | None:
    """Where an origin's page is, unless following its address would run or open anything else."""
    if origin is None or not origin.url:
        return None
    return origin.url if urlsplit(origin.url).scheme in ("", "http", "https") else None


def distribution_kind(profile: Any) -> str:
    """How a profile is drawn: ``numbers``, ``categories`` or not at all."""
    kinds = {"float": "numbers", "int": "numbers", "category": "categories", "bool": "categories"}
    return kinds.get(getattr(profile, "dtype", ""), "")


def _reports_by_model(site: Site, reports: Path | None) -> dict[str, list[Path]]:
    names = sorted((model.name for model in site.models), key=len, reverse=True)
    copied: dict[str, list[Path]] = {}
    for path in sorted(reports.glob("*.html")) if reports else []:
        owner = next((n for n in names if path.stem == n or path.stem.startswith(f"{n}-")), None)
        if owner:
            copied.setdefault(owner, []).append(path)
    return copied
