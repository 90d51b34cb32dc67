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
class _Counted:
    """What was counted over the deployments of one or more models."""

    brought: list[Deployment] = field(default_factory=list)
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
    counted = _Counted()
    for model in models:
        _count(counted, history, history.deployments_of(model, environment), committed)
    dates = [deployment.date for deployment in counted.brought]
    first = min(dates, default=None)
    since = now - first if first else timedelta()
    if since < timedelta():
        counted.unclear.append("the first deployment is dated later than now: a clock is wrong")
    frequent = since >= timedelta(days=1)
    brought = len(counted.brought)
    return Delivery(
        deployments=brought,
        rollbacks=counted.rollbacks,
        first=first.isoformat() if first else None,
        last=max(dates).isoformat() if dates else None,
        per_30_days=brought * (_MONTH / since) if frequent else None,
        lead_time=median(counted.lead_times) if counted.lead_times else None,
        lead_times=len(counted.lead_times),
        change_failure_rate=len(counted.failed) / brought if brought else None,
        time_to_restore=median(counted.restores) if counted.restores else None,
        restores=len(counted.restores),
        unclear=counted.unclear,
        origin=origin,
    )


def _count(
    counted: _Counted,
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
            counted.brought.append(deployment)
            if deployment.release not in released:
                _add_lead_time(counted, history, deployment, committed)
            released.add(deployment.release)
        elif action == "rollback":
            counted.rollbacks += 1
            if source is not None and derive_rejection(deployment, before):
                seconds = (deployment.date - source.date).total_seconds()
                problem = f"{deployment.name} is dated before {source.name}, which it left"
                counted.add(counted.restores, seconds, problem)
                if source.says("Action") == "deploy":
                    counted.failed.add(source.name)
        before, source = deployment, source if action == "lift" else deployment


def _add_lead_time(
    counted: _Counted, history: History, deployment: Deployment, committed: Mapping[str, datetime]
) -> None:
    release = history.releases.get(deployment.release)
    date = committed.get(release.commit) if release else None
    if date is None:
        problem = "has no valid tag" if release is None else "is on a commit that is not here"
        return counted.unclear.append(f"{deployment.name}: {deployment.release} {problem}")
    seconds = (deployment.date - date).total_seconds()
    clock_problem = f"{deployment.name} is dated before the commit of {deployment.release}"
    return counted.add(counted.lead_times, seconds, clock_problem)
