"""A file of rows in, a file of answers out; memory does not grow with the file."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tagship.batch.artifact import Artifact
from tagship.batch.decoding import DecodedBlock, decode
from tagship.batch.input_table import Block, Columns, Input
from tagship.batch.output_file import Results, check_output, rejected_path
from tagship.compute.tasks import LOCAL, Compute
from tagship.config.contract import DataConfig
from tagship.contract.boundary import Boundary
from tagship.contract.values import count_unusual
from tagship.errors import TagshipError
from tagship.files import only_one, sha256_of_bytes

_SHOWN_CHARACTERS = 80
_WRITTEN = ("row", "prediction", "probability", "release")

Say = Callable[[int], None]


@dataclass(frozen=True)
class ScoringResult:
    """What one scoring did."""

    rows: int
    rejected: int
    """Rows, not reasons: a row may have several."""
    release: str
    reasons: Path | None
    """The side file, where rows were rejected."""
    unusual: dict[str, int]
    """By column, the values of scored rows that are unusual, or no known category."""


def score_file(
    root: Path,
    data: DataConfig,
    folder: Path,
    source: str,
    output: Path,
    say: Say,
    compute: Compute = LOCAL,
) -> ScoringResult:
    """Score every row of ``source`` that keeps the contract, with the artifact in ``folder``.

    ``say`` is told the number of rows done after each block, which ``compute`` scores.

    Raises:
        TagshipError: the input cannot be read or lacks a column, the artifact is not the recorded
            one, or no row could be scored; ``output`` is then as it was.
    """
    table = Input(source, root, data.source)
    check_output(output, table.path)
    artifact = Artifact(folder)
    release = artifact.release
    _check_id(data.id, artifact.boundary)
    personal = frozenset(name for name, column in data.columns.items() if column.pii)
    scorer = compute.share(_Scorer(artifact, table.decimal, data.id, personal))
    key = f"{output.name}-{sha256_of_bytes(str(output.resolve()).encode())[:8]}"
    rows = rejected = 0
    unusual: Counter[str] = Counter()
    with only_one(root, key), Results(output) as results:
        blocks = table.blocks(columns_of(artifact.boundary, data))
        for scored in compute.map(_score_block, scorer, blocks):
            results.reject(scored.reasons)
            unusual.update(scored.unusual)
            if scored.answers is not None:
                results.write(scored.answers)
            rows += scored.rows
            rejected += scored.rejected
            say(rows)
        if not rows:
            raise TagshipError(f"--input: {table.shown}: has no rows", "is it the right table?")
        results.keep(scored=rejected < rows, rejected=rejected > 0)
    reasons = rejected_path(output) if rejected else None
    if rejected == rows:
        raise TagshipError(
            f"all {rows:,} rows are rejected; {output} is not written", f"the reasons: {reasons}"
        )
    return ScoringResult(rows, rejected, release, reasons, {k: n for k, n in unusual.items() if n})


@dataclass(frozen=True)
class _Scorer:
    """What scores blocks, and how their rows are shown."""

    artifact: Artifact
    decimal: str
    id: str | None
    personal: frozenset[str]
    """Columns whose values no reason shows."""


@dataclass(frozen=True)
class _ScoredBlock:
    """What came of one block."""

    answers: pa.RecordBatch | None
    """None where no row was scored."""
    reasons: list[tuple[int, str, str, str]]
    rows: int
    rejected: int
    unusual: dict[str, int]


def _score_block(scorer: _Scorer, block: Block) -> _ScoredBlock:
    boundary, release = scorer.artifact.boundary, scorer.artifact.release
    decoded = decode(boundary, block.table, scorer.decimal)
    if decoded.good.any():
        scores, decoded = scorer.artifact.score(decoded)
    answers = None
    if decoded.good.any():
        scored = scorer.artifact.answer(scores)
        answers = _answers(scored, block, decoded, scorer.id, release)
    return _ScoredBlock(
        answers,
        _reasons(block, decoded, scorer.personal),
        len(block.rows) + len(block.malformed),
        int((~decoded.good).sum()) + len(block.malformed),
        {f.name: count_unusual(f, decoded.columns[f.name]) for f in boundary.fields},
    )


def columns_of(boundary: Boundary, data: DataConfig) -> Columns:
    """What an input must have, may have, and has for nothing."""
    required = [field.name for field in boundary.fields if not field.nullable]
    optional = [field.name for field in boundary.fields if field.nullable]
    optional += [data.id] if data.id else []
    strict = "ignore" not in (boundary.extra, data.extra)
    ignored = frozenset({*boundary.ignored, *data.ignored})
    return Columns(required, optional, ignored if strict else None)


def _answers(
    answers: dict[str, pa.Array],
    block: Block,
    decoded: DecodedBlock,
    name: str | None,
    release: str,
) -> pa.RecordBatch:
    columns: dict[str, pa.Array] = {}
    if name in block.table.schema.names:
        ids = block.table.column(name)
        plain_ids = ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids
        columns[str(name)] = plain_ids.filter(pa.array(decoded.good))
    columns["row"] = pa.array(block.rows[decoded.good])
    columns |= answers
    columns["release"] = pa.array([release] * len(columns["row"]))
    return pa.record_batch(columns)


def _reasons(
    block: Block, decoded: DecodedBlock, personal: frozenset[str]
) -> list[tuple[int, str, str, str]]:
    reasons = [(bad.row, "", bad.problem, "") for bad in block.malformed]
    for broken in decoded.broken:
        values = [None] * len(broken.rows)
        if broken.column in block.table.schema.names:
            values = block.table.column(broken.column).take(pa.array(broken.rows)).to_pylist()
        for row, value in zip(block.rows[broken.rows].tolist(), values, strict=True):
            shown = "" if value is None or broken.column in personal else _clip(str(value))
            reasons.append((row, broken.column, broken.problem, shown))
    return sorted(reasons, key=lambda reason: reason[0])


def _check_id(name: str | None, boundary: Boundary) -> None:
    if name in (*_WRITTEN, *(f"probability_{label}" for label in boundary.classes)):
        raise TagshipError(
            f"data.yaml: id: the output has a column '{name}' of its own",
            "give the id column another name",
        )


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
