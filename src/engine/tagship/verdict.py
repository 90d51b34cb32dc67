"""The verdict: what every gate said of one artifact, as data, text and Markdown."""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from tagship.config.base_model import Frozen
from tagship.errors import TagshipError
from tagship.files import sha256_of_json, write_json
from tagship.formatting import brief

GateStatus = Literal["pass", "warn", "fail"]
SYMBOLS: dict[GateStatus, str] = {"pass": "✓", "warn": "!", "fail": "✗"}


def parse_status(text: object) -> GateStatus | None:
    """A status as a tag, a run or an old file says it; None for anything else."""
    return next((status for status in SYMBOLS if status == text), None)


class GateResult(Frozen):
    """What one gate found."""

    gate: str
    """The section of thresholds.yaml."""
    subject: str
    """What was judged: a metric, a slice, a disturbance."""
    value: float | None
    """None when it could not be computed, which fails."""
    limit: str
    """The bound in words, such as ``≥ 0.80``."""
    status: GateStatus
    detail: str = ""


class Verdict(Frozen):
    """All gates of one model, judged on one artifact."""

    model: str
    artifact_sha256: str
    thresholds_sha256: str
    champion: str | None
    """The release the model was compared with; None when production runs none yet."""
    results: list[GateResult]
    lock_sha256: str = ""
    """Of the lock of the training that was judged: the model's threshold and the holdout decide
    the gates, too. Empty in the file of an older engine, which then belongs to no training."""

    @property
    def status(self) -> GateStatus:
        """The worst of all gates; no gate at all fails."""
        statuses = {result.status for result in self.results}
        if "fail" in statuses or not statuses:
            return "fail"
        return "warn" if "warn" in statuses else "pass"

    @property
    def sha256(self) -> str:
        """A hash of what was decided, free of what varies by machine (values, times)."""
        decided = {
            "model": self.model,
            "artifact": self.artifact_sha256,
            "thresholds": self.thresholds_sha256,
            "champion": self.champion,
            "gates": [[r.gate, r.subject, r.limit, r.status] for r in self.results],
        }
        return sha256_of_json(decided)

    @property
    def p99_ms(self) -> float | None:
        """The 99th percentile of single-row predictions; None where no latency gate measured it."""
        return next((result.value for result in self.results if result.gate == "latency"), None)

    def of_status(self, status: GateStatus) -> list[GateResult]:
        """The gates with this status, in order."""
        return [result for result in self.results if result.status == status]


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Write a verdict as JSON."""
    write_json(path, _content(verdict))


def compact_json(verdict: Verdict) -> str:
    """The same on one line without a blank, so that a tag's message can carry it unchanged."""
    return json.dumps(_content(verdict), separators=(",", ":")).replace(" ", "\\u0020")


def parse_verdict(text: str) -> Verdict:
    """Read a verdict from JSON.

    Raises:
        ValueError: it is no verdict.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("expected keys and values")
    content.pop("status", None)
    return Verdict.model_validate_json(json.dumps(content))


def _content(verdict: Verdict) -> dict[str, object]:
    return {**verdict.model_dump(mode="json"), "status": verdict.status}


def read_verdict(path: Path) -> Verdict:
    """Read a verdict's file.

    Raises:
        TagshipError: there is no verdict, or the file is no verdict.
    """
    try:
        return parse_verdict(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TagshipError(f"{path}: no verdict yet", "run `tagship gate` first") from None
    except (ValueError, ValidationError) as error:
        raise TagshipError(f"{path}: not a verdict: {error}", "run `tagship gate` again") from None


def markdown(verdict: Verdict) -> str:
    """The verdict as a Markdown table for a pull request, worst first."""
    order: dict[GateStatus, int] = {"fail": 0, "warn": 1, "pass": 2}
    rows = sorted(verdict.results, key=lambda result: order[result.status])
    lines = [
        f"### `{verdict.model}`: {verdict.status}",
        "",
        f"Artifact `{verdict.artifact_sha256[:12]}`, "
        + (f"champion `{verdict.champion}`." if verdict.champion else "no champion yet."),
        "",
        "| | gate | what | value | limit | |",
        "|---|---|---|---|---|---|",
    ]
    for result in rows:
        value = "not computed" if result.value is None else brief(result.value)
        cells = [
            SYMBOLS[result.status], result.gate, result.subject, value, result.limit, result.detail
        ]  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
