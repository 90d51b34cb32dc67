"""Prediction and feedback logs as the service writes them, with answers of a known model."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tagship.contract.boundary import Boundary, Field

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHA = "a" * 64
FIELDS = (
    Field("age", "float", 18, 100, nullable=True),
    Field("visits", "int", 0, 50),
    Field("member", "bool"),
    Field("plan", "category", values=("free", "plus", 3)),
    Field("note", "string", nullable=True, feature=False),
    Field("since", "datetime", feature=False),
)
RECORD = {
    "age": 41.5,
    "visits": 7,
    "member": True,
    "plan": "plus",
    "note": "a ✓",
    "since": "2024-02-29T13:00:00+01:00",
}
BINARY = Boundary("binary", FIELDS, classes=("no", "yes"))
MULTICLASS = Boundary("multiclass", FIELDS, classes=("a", "b", "c"))
REGRESSION = Boundary("regression", FIELDS)


def spelt(time: datetime) -> str:
    """A time as the log spells it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def line(
    request: Any = RECORD,
    response: Any = None,
    time: datetime = NOON - timedelta(hours=1),
    request_id: str = "r1",
    without: str = "",
    **changed: Any,
) -> str:
    """One line of a prediction log, without its end; ``without`` names a key to leave out."""
    answer = {"prediction": "yes", "probability": 0.75} if response is None else response
    entry = {
        "schema": 1,
        "time": spelt(time),
        "request_id": request_id,
        "model": "tiny",
        "release": "tiny/v1.0.0",
        "model_sha256": SHA,
        "request": request,
        "response": answer | {"release": "tiny/v1.0.0", "request_id": request_id},
    }
    content = {key: value for key, value in (entry | changed).items() if key != without}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def label(request_id: str, actual: Any, row: int = 0, time: datetime = NOON, **changed: Any) -> str:
    """One line of a feedback log, without its end."""
    entry = {"schema": 1, "time": spelt(time), "request_id": request_id, "row": row}
    return json.dumps(entry | {"actual": actual} | changed, separators=(",", ":"))


def write(
    folder: Path,
    *lines: str | bytes,
    kind: str = "predictions",
    began: datetime = NOON - timedelta(hours=2),
    process: int = 7,
    end: bytes = b"\n",
) -> Path:
    """A file of a log."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{began.astimezone(UTC):%Y%m%dT%H%M%S%f}-{process}.jsonl"
    texts = [text.encode() if isinstance(text, str) else text for text in lines]
    path.write_bytes(b"\n".join(texts) + end)
    return path


def simulate(
    folder: Path,
    rows: int,
    seed: int = 0,
    flipped: float = 0.0,
    end: datetime = NOON,
    hours: float = 24,
    model: str = "tiny",
    release: str = "tiny/v1.0.0",
    sha256: str = SHA,
) -> list[tuple[str, str]]:
    """Log requests of a calibrated model spread over some hours; gives each id and its label.

    ``flipped`` is the share of labels that are the opposite of what they would be.
    """
    random = np.random.default_rng(seed)
    lines, labels = [], []
    for number in range(rows):
        p = float(random.beta(0.5, 0.5))
        record = RECORD | {
            "age": round(min(max(random.normal(45, 12), 18), 99), 1),
            "visits": int(random.integers(0, 50)),
            "plan": ["free", "plus", 3][int(random.integers(3))],
        }
        name = f"{seed}-{number}"
        time = end - timedelta(hours=hours * (rows - number) / rows)
        answer = {"prediction": "yes" if p >= 0.5 else "no", "probability": p}
        about = {"model": model, "release": release, "model_sha256": sha256}
        lines.append(line(record, answer, time, name, **about))
        actual = (random.random() < p) != (random.random() < flipped)
        labels.append((name, "yes" if actual else "no"))
    write(folder, *lines, began=end - timedelta(hours=hours), process=seed + 100)
    return labels
