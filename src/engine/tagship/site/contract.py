"""What the contract, the lock and reference.json say of a model's data, and a request made of them.

Of personal data no rule, no value and no profile is taken: only that it is there.
"""

from collections.abc import Mapping

from tagship.config.contract import Column, DataConfig
from tagship.config.drift import Drift, Kind
from tagship.config.project_files import ModelFiles
from tagship.contract.display import range_text
from tagship.formatting import percent
from tagship.site.document import ContractColumn, Data, Origin
from tagship.sources.tables import public_source
from tagship.training.lock import Lock
from tagship.training.profiles import Profile
from tagship.training.reference import Reference, check_reference, parse_reference

_SHOWN = 20
"""Values of a category that a rule names."""


def read_reference(files: ModelFiles, lock: Lock | None) -> Reference | None:
    """The reference that the lock names; None where there is none.

    Raises:
        TagshipError: there is another, or it cannot be read.
    """
    if lock is None or not files.reference_path.is_file():
        return None
    text = files.reference_path.read_text(encoding="utf-8")
    name = files.reference_path.relative_to(files.root)
    return parse_reference(check_reference(text, lock, name), name)


def describe_data(
    files: ModelFiles, lock: Lock | None, reference: Reference | None, origin: Origin
) -> Data:
    """Where the table comes from and what is known of it."""
    data = files.data
    profiles: Mapping[str, Profile] = reference.columns if reference else {}
    return Data(
        source=public_source(data.source),
        target=data.target.column,
        id=data.id,
        split=_split(data),
        sha256=lock.data.sha256 if lock else None,
        rows=lock.data.rows if lock else None,
        holdout_rows=lock.data.holdout_rows if lock else None,
        columns=[
            _column(name, column, profiles.get(name), files.thresholds.drift)
            for name, column in data.columns.items()
        ],
        target_profile=reference.target if reference else None,
        origin=origin,
    )


def _column(
    name: str, column: Column, profile: Profile | None, drift: Drift | None
) -> ContractColumn:
    if column.pii is not None:
        rule = "personal data, " + ("dropped" if column.pii == "drop" else "kept as a keyed hash")
        return ContractColumn(
            name=name, dtype=column.dtype, rule=rule, pii=column.pii, profile=None
        )
    has_gate = drift is not None and column.feature and (column.numeric or column.values)
    return ContractColumn(
        name=name,
        dtype=column.dtype,
        rule=_rule(column),
        pii=None,
        profile=profile,
        gates=_drift_gates(name, column, drift) if drift is not None and has_gate else [],
    )


def _rule(column: Column) -> str:
    numbers = range_text(column)
    parts = [numbers] if numbers else []
    if column.values:
        more = f" and {len(column.values) - _SHOWN} more" if len(column.values) > _SHOWN else ""
        parts.append(", ".join(map(str, column.values[:_SHOWN])) + more)
    if column.missing:
        parts.append(f"up to {percent(column.missing)} missing")
    if column.parts:
        parts.append(f"its {', '.join(column.parts)}")
    if not column.feature:
        parts.append("no feature")
    return "; ".join(parts) or "any value"


def _drift_gates(name: str, column: Column, drift: Drift) -> list[str]:
    kind: Kind = "numbers" if column.dtype in ("float", "int") else "categories"
    test = drift.test(kind, drift.columns.get(name))
    return [f"{test.method} {test.limits}"]


def _split(data: DataConfig) -> str:
    split = data.split
    way = "at random"
    if split.stratify:
        way = "stratified by the target"
    elif split.group:
        way = f"by groups of {split.group}"
    elif split.time:
        way = f"the latest by {split.time}"
    return f"{percent(split.test, 0)} holdout, {way}"
