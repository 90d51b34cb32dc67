"""The steps of a model's pipeline, as its last run here, or else in MLflow, left them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tagship.comparison.runs import TrackedModel
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.site.document import Origin, Step
from tagship.site.training import run_of, seconds_of
from tagship.training.lock import Lock
from tagship.verdict import Verdict, read_verdict

State = Literal["done", "failed", "not recorded"]


@dataclass(frozen=True)
class _Left:
    """What a run left: when it ended, how long each candidate took, its verdict."""

    at: str | None = None
    seconds: float | None = None
    candidates: dict[str, float] | None = None
    verdict: Verdict | None = None
    judged_at: str | None = None
    status: str | None = None
    origin: Origin | None = None


def steps(files: ModelFiles, lock: Lock | None, tracked: TrackedModel) -> list[Step]:
    """From the data to the lock: what waits for what, and how each ended."""
    left = _here(files) or _tracked(lock, tracked) or _Left()
    failures = files.root / "reports" / f"{files.name}-contract.json"
    ran: State = "not recorded" if left.origin is None else "done"
    rows = f"{lock.data.rows:,} rows" if lock else ""
    made = [
        Step(
            name="data", inputs=[], state="failed" if failures.is_file() else ran,
            at=_time(failures), seconds=None, origin=left.origin,
            detail="the contract is broken" if failures.is_file() else rows,
        )
    ]  # fmt: skip
    names = list(files.model.candidates)
    for name in names:
        taken = (left.candidates or {}).get(name)
        score = lock.candidates.get(name) if lock else None
        detail = f"{score.mean:.4g} ± {score.std:.2g} over the folds" if score else ""
        made.append(
            Step(
                name=f"train {name}", inputs=["data"], seconds=taken, detail=detail, at=None,
                state="not recorded" if taken is None else "done", origin=left.origin,
            )
        )  # fmt: skip
    winner = f"{lock.winner.candidate} is the best" if lock else ""
    made.append(
        Step(
            name="select and export", inputs=[f"train {name}" for name in names], state=ran,
            at=left.at, seconds=None, detail=winner, origin=left.origin,
        )
    )  # fmt: skip
    status = left.verdict.status if left.verdict else left.status
    judged: State = "not recorded" if status is None else "failed" if status == "fail" else "done"
    made.append(
        Step(
            name="gates", inputs=["select and export"], state=judged, at=left.judged_at,
            seconds=None, detail=status or "", origin=left.origin,
        )
    )  # fmt: skip
    artifact = f"artifact {lock.artifact.sha256[:12]}" if lock else ""
    made.append(
        Step(
            name="lock", inputs=["gates"], state="done" if lock else "not recorded", at=None,
            seconds=None, detail=artifact, origin=None,
        )
    )  # fmt: skip
    return made


def _here(files: ModelFiles) -> _Left | None:
    """The last training on this machine; None where there is none."""
    try:
        cost: dict[str, Any] = json.loads((files.work / "cost.json").read_text(encoding="utf-8"))
        candidates = {str(k): float(v) for k, v in cost["candidate_seconds"].items()}
        seconds = float(cost["seconds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    try:
        verdict = read_verdict(files.work / "verdict.json")
    except TagshipError:
        verdict = None
    return _Left(
        at=_time(files.work / "lock.yaml"),
        seconds=seconds,
        candidates=candidates,
        verdict=verdict,
        judged_at=_time(files.work / "verdict.json"),
        origin=Origin(text="the last training on the machine that made this page"),
    )


def _tracked(lock: Lock | None, tracked: TrackedModel) -> _Left | None:
    run = run_of(lock, tracked)
    if run is None:
        return None
    return _Left(
        at=run.time,
        seconds=run.metrics.get("seconds"),
        candidates=seconds_of(run),
        status=run.tags.get("verdict"),
        origin=Origin(text=f"run {run.id} in MLflow"),
    )


def _time(path: Path) -> str | None:
    if not path.is_file():
        return None
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC).isoformat()
