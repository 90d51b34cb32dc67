"""The four key figures of software delivery, from tags and the dates of commits alone. Pure.

They are those of DORA (Forsgren, Humble, Kim: Accelerate, 2018; https://dora.dev/guides), taken
for the last environment. Dates are what taggers and committers said; a time that would be negative
is left out and named, since a clock was wrong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from tagship.gitops.history import Deployment, History, derive_rejection
from tagship.site.document import Delivery, Origin

_MONTH = timedelta(days=30)


@dataclass
class _Counts:
    """What was counted over the deployments of one or more models."""

    deployments: list[Deployment] = field(default_factory=list)
    rollbacks: int = 0
    failed: set[str] = field(default_factory=set)
    lead_times: list[float] = field(default_factory=list)
    restores: list[float] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def add(self, times: list[float], seconds: float, problem: str) -> None:
        """Keep a time, or say why it is none."""
        if seconds < 0:
            self.unclear.append(f"{problem}: a clock went backwards")
        else:
            times.append(seconds)


def measure_delivery(
    history: History,
    models: Iterable[str],
    environment: str,
    committed: Mapping[str, datetime],
    now: datetime,
    origin: Origin,
) -> Delivery:
    """The figures of these models in one environment.

    * Deployment frequency: deployments (rollbacks and lifts are none) · 30 days / (now - the first
      of them); none below one day.
    * Lead time for changes: the median, over releases, of its first deployment - its commit.
    * Change failure rate: deployments that a rollback left / deployments.
    * Time to restore: the median, over rollbacks that reject something, of the rollback - the
      deployment that brought what it left. It failed at some time between, so it is the most
      that it took.

    ``committed`` holds the dates of the releases' commits.
    """
    counts = _Counts()
    for model in models:
        _count(counts, history, history.deployments_of(model, environment), committed)
    dates = [deployment.date for deployment in counts.deployments]
    first = min(dates, default=None)
    since = now - first if first else timedelta()
    if since < timedelta():
        counts.unclear.append("the first deployment is dated later than now: a clock is wrong")
    frequent = since >= timedelta(days=1)
    count = len(counts.deployments)
    return Delivery(
        deployments=count,
        rollbacks=counts.rollbacks,
        first=first.isoformat() if first else None,
        last=max(dates).isoformat() if dates else None,
        per_30_days=count * (_MONTH / since) if frequent else None,
        lead_time=median(counts.lead_times) if counts.lead_times else None,
        lead_times=len(counts.lead_times),
        change_failure_rate=len(counts.failed) / count if count else None,
        time_to_restore=median(counts.restores) if counts.restores else None,
        restores=len(counts.restores),
        unclear=counts.unclear,
        origin=origin,
    )


def _count(
    counts: _Counts,
    history: History,
    series: Iterable[Deployment],
    committed: Mapping[str, datetime],
) -> None:
    before: Deployment | None = None
    source: Deployment | None = None  # which brought what runs: a lift changes nothing
    released: set[str] = set()
    for deployment in series:
        action = deployment.says("Action")
        if action == "deploy":
            counts.deployments.append(deployment)
            if deployment.release not in released:
                _add_lead_time(counts, history, deployment, committed)
            released.add(deployment.release)
        elif action == "rollback":
            counts.rollbacks += 1
            if source is not None and derive_rejection(deployment, before):
                seconds = (deployment.date - source.date).total_seconds()
                problem = f"{deployment.name} is dated before {source.name}, which it left"
                counts.add(counts.restores, seconds, problem)
                if source.says("Action") == "deploy":
                    counts.failed.add(source.name)
        before, source = deployment, source if action == "lift" else deployment


def _add_lead_time(
    counts: _Counts, history: History, deployment: Deployment, committed: Mapping[str, datetime]
) -> None:
    release = history.releases.get(deployment.release)
    date = committed.get(release.commit) if release else None
    if date is None:
        problem = "has no valid tag" if release is None else "is on a commit that is not here"
        return counts.unclear.append(f"{deployment.name}: {deployment.release} {problem}")
    seconds = (deployment.date - date).total_seconds()
    clock_problem = f"{deployment.name} is dated before the commit of {deployment.release}"
    return counts.add(counts.lead_times, seconds, clock_problem)
