"""Deployments of each month, for the page of delivery figures."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tagship.site.document import Site

_MONTHS = 24


@dataclass(frozen=True)
class Month:
    """What reached the last environment in one month, in UTC."""

    month: str
    deployments: int
    rollbacks: int
    share: float
    """All of it in % of the fullest month's."""


def delivery_months(site: Site) -> list[Month]:
    """Every month from the first valid deployment to the site's, at most two years, oldest first.

    A date after the site's own is no date to count by: a clock went wrong.
    """
    counts: dict[str, Counter[str]] = {"deploy": Counter(), "rollback": Counter()}
    for model in site.models:
        for row in model.deployments:
            last = row.environment == site.environments[-1] if site.environments else False
            if last and row.valid and row.date and row.action in counts:
                counts[row.action][_month(row.date)] += 1
    both = counts["deploy"] + counts["rollback"]
    names = list(_months(min(both, default="9999-12"), _month(site.made)))[-_MONTHS:]
    most = max((both[name] for name in names), default=0) or 1
    return [
        Month(name, counts["deploy"][name], counts["rollback"][name], 100 * both[name] / most)
        for name in names
    ]


def _month(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m}"


def _months(first: str, last: str) -> Iterator[str]:
    year, month = map(int, first.split("-"))
    while (name := f"{year:04}-{month:02}") <= last:
        yield name
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
