"""What an auditor asks: every release and deployment, as rows of a page, of a CSV and by date."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime

from tagship.site.document import DeploymentRow, ReleaseRow, Site

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is computed by a spreadsheet."""
_DEPLOYMENT = (
    "deployment", "model", "environment", "valid", "problem", "action", "release", "date", "until",
    "actor", "approved_by", "reviewed", "reason", "rejects", "lifts", "verdict", "image", "commit",
    "recorded",
)  # fmt: skip
_RELEASE = ("owner", "stage", "candidate", "model_sha256", "data_sha256", "rejected_by")


def all_deployments(site: Site) -> list[DeploymentRow]:
    """Those of all models, newest first; without a date last."""
    rows = [row for model in site.models for row in model.deployments]
    return sorted(rows, key=lambda row: _seconds(row.date), reverse=True)


def all_releases(site: Site) -> list[tuple[str, ReleaseRow]]:
    """Every model's releases with its name, newest first."""
    rows = [(model.name, row) for model in site.models for row in model.registry]
    return sorted(rows, key=lambda pair: _seconds(pair[1].date), reverse=True)


def governance_csv(site: Site) -> str:
    """All releases and deployments as CSV, oldest first; a missing value is an empty cell.

    A cell that a spreadsheet would compute begins with an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(("kind", *_DEPLOYMENT, *_RELEASE))
    for model, release in reversed(all_releases(site)):
        values = release.model_dump() | {
            "model": model,
            "approved_by": ", ".join(release.approved_by),
            "verdict": release.verdict_status,
        }
        writer.writerow(_cells("release", values))
    for deployment in reversed(all_deployments(site)):
        writer.writerow(_cells("deployment", deployment.model_dump()))
    return file.getvalue()


def _cells(kind: str, values: dict[str, object]) -> Iterable[str]:
    yield kind
    for key in (*_DEPLOYMENT, *_RELEASE):
        value = values.get(key)
        text = "" if value is None else str(value)
        text = text.lower() if isinstance(value, bool) else text
        yield f"'{text}" if text.startswith(_FORMULA) else text


def moments(site: Site) -> dict[str, list[list[int | str | None]]]:
    """What the page answers a date from: for each model and environment its valid deployments.

    Each is number, release, start and end in seconds since 1970, and 1 when its date was recorded
    beside its tag, else 0. An end that is the next one's start is left out.
    """
    places: dict[str, list[DeploymentRow]] = {}
    for model in site.models:
        for row in model.deployments:
            if row.valid and row.date:
                places.setdefault(f"{model.name}/{row.environment}", []).append(row)
    return {
        place: list(map(_moment, ordered, [*ordered[1:], None]))
        for place, rows in places.items()
        if (ordered := sorted(rows, key=lambda row: row.number))
    }


def _moment(row: DeploymentRow, following: DeploymentRow | None) -> list[int | str | None]:
    version = (row.release or "?").rpartition("/")[2]
    moment: list[int | str | None]
    moment = [row.number, version, round(_seconds(row.date)), int(row.recorded)]
    end = round(_seconds(row.until)) if row.until else None
    next_start = round(_seconds(following.date)) if following else None
    return moment if end == next_start else [*moment, end]


def _seconds(time: str | None) -> float:
    return datetime.fromisoformat(time).timestamp() if time else 0.0
