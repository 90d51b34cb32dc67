"""The steps of a model's pipeline, as its last run here, or else in MLflow, left them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tagship.comparison.runs import TrackedRun
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.site.document import Origin, Step
from tagship.training.lock import Lock
from tagship.verdict import read_verdict

State = Literal["done", "failed", "not recorded"]


@dataclass(frozen=True)
class _LastRun:
    """When a run ended, how long each candidate took, and how it was judged."""

    at: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    status: str | None = None
    judged_at: str | None = None
    origin: Origin | None = None


def steps(files: ModelFiles, lock: Lock | None, run: TrackedRun | None) -> list[Step]:
    """From the data to the lock: what waits for what, and how each ended.

    ``run`` is MLflow's of the locked artifact.
    """
    last = _run_here(files) or _LastRun()
    if last.origin is None and run is not None:
        last = _LastRun(
            at=run.time,
            seconds=run.candidate_seconds,
            status=run.tags.get("verdict"),
            origin=Origin(text=f"run {run.id} in MLflow"),
        )

    def step(
        name: str,
        inputs: list[str],
        state: State,
        detail: str = "",
        at: str | None = None,
        seconds: float | None = None,
    ) -> Step:
        return Step(
            name=name, inputs=inputs, state=state, at=at, seconds=seconds, detail=detail,
            origin=last.origin,
        )  # fmt: skip

    failures = files.root / "reports" / f"{files.name}-contract.json"
    trained: State = "not recorded" if last.origin is None else "done"
    judged: State = "failed" if last.status == "fail" else "done" if last.status else "not recorded"
    data = step("data", [], trained, f"{lock.data.rows:,} rows" if lock else "")
    if failures.is_file():
        data = step("data", [], "failed", "the contract is broken", _time(failures))
    trainings = []
    for name in files.model.candidates:
        score, seconds = lock.candidates.get(name) if lock else None, last.seconds.get(name)
        detail = f"{score.mean:.4g} ± {score.std:.2g} over the folds" if score else ""
        state: State = "not recorded" if seconds is None else "done"
        trainings.append(step(f"train {name}", ["data"], state, detail, seconds=seconds))
    winner = f"{lock.winner.candidate} is the best" if lock else ""
    artifact = f"artifact {lock.artifact.sha256[:12]}" if lock else ""
    locked = step("lock", ["gates"], "done" if lock else "not recorded", artifact)
    return [
        data,
        *trainings,
        step("select and export", [each.name for each in trainings], trained, winner, last.at),
        step("gates", ["select and export"], judged, last.status or "", last.judged_at),
        locked.model_copy(update={"origin": None}),
    ]


def _run_here(files: ModelFiles) -> _LastRun | None:
    """The last training on this machine; None where there is none."""
    try:
        cost: dict[str, Any] = json.loads((files.work / "cost.json").read_text(encoding="utf-8"))
        seconds = {str(name): float(value) for name, value in cost["candidate_seconds"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    try:
        status = read_verdict(files.work / "verdict.json").status
    except TagshipError:
        status = None
    return _LastRun(
        at=_time(files.work / "lock.yaml"),
        seconds=seconds,
        status=status,
        judged_at=_time(files.work / "verdict.json"),
        origin=Origin(text="the last training on the machine that made this page"),
    )


def _time(path: Path) -> str | None:
    if not path.is_file():
        return None
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC).isoformat()
