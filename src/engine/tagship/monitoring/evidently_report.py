"""The HTML report that people share, made by Evidently from the reference and the current data.

The only file that uses Evidently. Its reference rows are drawn from the profile, each column by
itself: distributions are those of the training, relations between columns are not there.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagship.config.drift import Drift, Method
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.monitoring.current_data import Current, Values
from tagship.monitoring.drift import choose_test
from tagship.monitoring.verdicts import DriftVerdict
from tagship.reports.html import render
from tagship.training.profiles import CategoryProfile, NumberProfile, Profile
from tagship.training.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

METHODS: dict[Method, str] = {
    "psi": "psi",
    "jensen_shannon": "jensenshannon",
    "wasserstein": "wasserstein",
    "ks": "ks",
    "chi_square": "chisquare",
}
"""Evidently's names."""
_MOST_ROWS = 20_000


def check_evidently() -> None:
    """Refuse at once, not after the comparison.

    Raises:
        TagshipError: Evidently is not installed.
    """
    from importlib.util import find_spec

    if find_spec("evidently") is None:
        raise TagshipError(
            "--html needs Evidently, which is not installed",
            "install the extra `monitor`: uv sync --inexact --extra monitor",
        )


def write_html(
    path: Path, reference: Reference, drift: Drift, current: Current, verdict: DriftVerdict
) -> None:
    """Write one self-contained page: the verdict with its limits, then Evidently's report.

    Evidently has no title and no text of one's own, so what the page is about goes before its
    report, into the HTML that it gives.
    """
    import warnings

    check_evidently()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset, DataSummaryPreset

        pairs = list(_pairs(reference, current))
        number_columns = [name for name, profile, _ in pairs if isinstance(profile, NumberProfile)]
        category_columns = [
            name for name, profile, _ in pairs if isinstance(profile, CategoryProfile)
        ]
        definition = DataDefinition(
            numerical_columns=number_columns, categorical_columns=category_columns
        )
        then, now = _frames(pairs, current.rows)
        overrides = {"(target)": drift.target, "(prediction)": drift.prediction, **drift.columns}
        tests = {name: choose_test(p, drift, overrides.get(name)) for name, p, _ in pairs}
        drifts = DataDriftPreset(
            drift_share=max(drift.share_fail_above, 1e-9),
            per_column_method={name: METHODS[test.method] for name, test in tests.items()},
            per_column_threshold={
                name: test.fail_below if test.below else test.fail_above
                for name, test in tests.items()
            },
        )
        report = Report([drifts, DataSummaryPreset()], include_tests=True).run(
            Dataset.from_pandas(now, data_definition=definition),
            Dataset.from_pandas(then, data_definition=definition),
        )
        page = report.get_html_str(as_iframe=False)
    write_atomically(path, _introduce(page, current, verdict))


def _introduce(page: str, current: Current, verdict: DriftVerdict) -> str:
    """The page with a title, and a head that says what was compared and by which limits.

    Raises:
        TagshipError: Evidently's page has another form.
    """
    if page.count("<head>") != 1 or page.count("<body>") != 1:
        raise TagshipError("Evidently's page has another form", "uv sync --frozen --extra monitor")
    title = f"Drift of {verdict.model}: {verdict.status}"
    times = current.times
    window = "no times" if times is None else f"{str(times[0])[:19]} to {str(times[-1])[:19]} UTC"
    releases = ", ".join(f"{name} ({rows:,})" for name, rows in verdict.releases.items())
    facts = {
        "Model": verdict.model,
        "Release": releases or "not known: the rows are not of a log",
        "Window": f"{window}, {verdict.rows:,} rows",
        "Verdict": verdict.reason,
    }
    introduction = render(
        "drift_introduction.html.j2", title=title, facts=facts, findings=verdict.findings
    )
    page = page.replace("<head>", f"<head><title>{escape(title)}</title>")
    return page.replace("<body>", f"<body>{introduction}")


def _pairs(reference: Reference, current: Current) -> Iterator[tuple[str, Profile, Values]]:
    """What both sides have, under the name that the report shows."""
    outcomes = (("target", current.target), ("prediction", current.prediction))
    for name, values in outcomes:
        profile = getattr(reference, name)
        if values is not None and _comparable(profile, values):
            yield f"({name})", profile, values
    for name, profile in reference.columns.items():
        column = current.columns.get(name)
        if column is not None and _comparable(profile, column):
            yield name, profile, column


def _comparable(profile: Profile, values: Values) -> bool:
    """Evidently stops at a column without values."""
    text = profile.dtype in ("string", "datetime")
    return not text and profile.missing < profile.rows and not values.empty


def _frames(
    pairs: list[tuple[str, Profile, Values]], rows: int
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    import pandas as pd

    step = slice(None, None, -(-rows // _MOST_ROWS))
    then, now = {}, {}
    random = np.random.default_rng(0)
    for name, profile, values in pairs:
        column = values.values[step]
        if isinstance(profile, NumberProfile):
            now[name] = np.where(np.isfinite(column), column, np.nan)
        elif isinstance(profile, CategoryProfile):
            now[name] = _texts(profile, values.new)[column]
        reference_values = sample(profile, _MOST_ROWS)
        then[name] = pd.Series(reference_values[random.permutation(len(reference_values))])
    return pd.DataFrame(then), pd.DataFrame(now)


def sample(profile: Profile, most: int) -> NDArray[Any]:
    """Values with a profile's distribution, in order, missing ones last; at most ``most``."""
    rows = min(profile.rows, most)
    missing = round(rows * profile.missing / profile.rows)
    places = (np.arange(rows - missing) + 0.5) / (rows - missing)
    if isinstance(profile, NumberProfile):
        values = np.repeat(profile.points, 2)
        present = profile.rows - profile.missing
        shares = np.column_stack([profile.under, profile.upto]).ravel() / present
        drawn: NDArray[Any] = np.interp(places, shares, values)
        return np.concatenate([drawn, np.full(missing, np.nan)])
    assert isinstance(profile, CategoryProfile)
    shares = np.cumsum(profile.counts) / sum(profile.counts)
    codes = np.minimum(np.searchsorted(shares, places), len(profile.counts) - 1)
    return np.asarray(_texts(profile, ())[np.concatenate([codes, np.full(missing, -1)])])


def _texts(profile: CategoryProfile, new: tuple[str, ...]) -> NDArray[np.object_]:
    return np.array([*map(str, profile.values), *new, None], dtype=object)
