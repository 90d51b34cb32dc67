"""Each trained artifact once, with all that runs, releases and the lock say of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tagship.comparison.document import ArtifactFigures
from tagship.comparison.records import ModelRecords
from tagship.comparison.runs import TrackedRun
from tagship.config.model import higher_is_better
from tagship.training.lock import Interval, Lock
from tagship.training.registration import SHA_TAG
from tagship.training.tracking import metric_names
from tagship.verdict import Verdict


def front(costs: Mapping[str, Sequence[float | None]]) -> set[str]:
    """The Pareto front: those that no other beats, less being better.

    One beats another that is at least as good in all that is known of the other, and better in any.
    """

    def beats(theirs: Sequence[float | None], ours: Sequence[float | None]) -> bool:
        pairs = [(a, b) for a, b in zip(theirs, ours, strict=True) if b is not None]
        no_worse = [(a, b) for a, b in pairs if a is not None and a <= b]
        return len(no_worse) == len(pairs) and any(a < b for a, b in no_worse)

    return {
        name
        for name, ours in costs.items()
        if not any(beats(other, ours) for other in costs.values())
    }


def artifact_figures(records: ModelRecords) -> list[ArtifactFigures]:
    """Each artifact once, by its SHA-256, with all that runs, releases and the lock say of it."""
    lock, metric, bundle = records.lock, records.metric, records.bundle
    sources = [_of_run(run, lock, metric) for run in records.tracked.trainings]
    for release in records.releases:
        if release.lock is not None:
            about = {"time": release.time, "releases": [release.name]}
            sources.append(_of_lock(release.lock, lock, metric, release.verdict, about))
    seconds = bundle.cost.candidate_seconds.get(lock.winner.candidate) if bundle else None
    about_lock = {"seconds": seconds, "locked": records.files.lock_path.is_file()}
    sources.append(_of_lock(lock, lock, metric, records.verdict, about_lock))
    artifacts: dict[str, ArtifactFigures] = {}
    for source in sources:
        sha256 = lock.artifact.sha256 if source.sha256 in records.shas else source.sha256
        before = artifacts.get(sha256)
        artifacts[sha256] = _merge(before, source) if before else source
    sign = -1 if higher_is_better(metric) else 1
    efficient = front(
        {
            sha256: (
                sign * artifact.quality.value,
                artifact.seconds,
                artifact.bytes,
                artifact.p99_ms,
            )
            for sha256, artifact in artifacts.items()
            if artifact.same_rows and artifact.quality is not None
        }
    )
    marked = [
        artifact.model_copy(update={"sha256": sha256, "front": sha256 in efficient})
        for sha256, artifact in artifacts.items()
    ]
    return sorted(marked, key=lambda artifact: artifact.time or "~")


def _merge(before: ArtifactFigures, later: ArtifactFigures) -> ArtifactFigures:
    """What two sources say of one artifact: the later's word where it has one."""
    update = {key: value for key, value in later if value is not None}
    update["releases"] = [*before.releases, *later.releases]
    update["time"] = before.time or later.time
    return before.model_copy(update=update)


def _of_run(run: TrackedRun, lock: Lock, metric: str) -> ArtifactFigures:
    name = metric_names(lock.metrics).get(metric, "")
    keys = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    parts = {part: run.metrics[key] for part, key in keys.items() if key in run.metrics}
    candidate, size = run.params.get("winner"), run.metrics.get("artifact_mb")
    return ArtifactFigures(
        sha256=run.tags[SHA_TAG],
        time=run.time,
        candidate=candidate,
        same_rows=run.tags.get("data_sha256") == lock.data.sha256,
        quality=Interval(**parts) if len(parts) == len(keys) else None,
        seconds=run.candidate_seconds.get(candidate or ""),
        bytes=None if size is None else round(size * 1e6),
        p99_ms=run.metrics.get("p99_ms"),
        verdict=run.tags.get("verdict"),
    )


def _of_lock(
    lock: Lock, current: Lock, metric: str, verdict: Verdict | None, about: Mapping[str, Any]
) -> ArtifactFigures:
    split, current_split = (side.inputs.data.get("split") for side in (lock, current))
    return ArtifactFigures(
        sha256=lock.artifact.sha256,
        candidate=lock.winner.candidate,
        same_rows=lock.data.sha256 == current.data.sha256 and split == current_split,
        quality=lock.metrics.get(metric),
        bytes=lock.artifact.bytes,
        p99_ms=verdict.p99_ms if verdict else None,
        verdict=verdict.status if verdict else None,
        **about,
    )
