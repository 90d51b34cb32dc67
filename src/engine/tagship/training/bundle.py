"""The bundle: what a training leaves in ``.tagship/models/<model>`` for gate and build."""

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary
from tagship.errors import TagshipError
from tagship.files import sha256_of_file, write_atomically, write_changed, write_json
from tagship.training.lock import Lock, lock_text, read_lock, write_lock
from tagship.training.metrics import check_labels
from tagship.training.reference import check_reference


@dataclass(frozen=True)
class Evidence:
    """The holdout rows, kept so that gates and reports judge the very same ones."""

    matrix: NDArray[np.float32]
    target: NDArray[Any]
    scores: NDArray[np.floating]
    """The artifact's scores."""
    pipeline_scores: NDArray[np.floating]
    """scikit-learn's own, for the parity gate."""
    columns: Mapping[str, NDArray[Any]]
    """The request columns as the boundary takes them."""
    groups: Mapping[str, NDArray[np.str_]]
    """Columns by which slices and fairness group."""
    train_target: NDArray[Any]
    """The training rows' target, for the constant baseline."""
    weights: NDArray[np.float64] | None = None
    """How much each holdout row counts; None where all count alike."""
    train_weights: NDArray[np.float64] | None = None
    train_rows: NDArray[np.int64] | None = None
    """Places in ``train_target`` of some training rows, kept to find leaks."""
    train_matrix: NDArray[np.float32] | None = None
    """The model's input of those rows."""
    times: NDArray[Any] | None = None
    """The column of ``split.time``, where the rows are split by it."""
    rows: NDArray[np.int64] | None = None
    """Row numbers of the table, from 0."""


@dataclass(frozen=True)
class OutOfFold:
    """Every candidate on the training rows that it was not fitted to: what comparisons rest on."""

    fold: NDArray[np.int64]
    """The number of the fold that judged each row, shape (rows,); one fold after another."""
    rows: NDArray[np.int64]
    """Row numbers of the table: folds that are drawn again judge the same rows again."""
    target: NDArray[Any]
    scores: Mapping[str, NDArray[np.floating]]
    """By candidate: shape (rows,), or (rows, classes) for multiclass."""
    values: Mapping[str, Sequence[float]]
    """By candidate: the selection metric of each fold."""
    weights: NDArray[np.float64] | None = None
    """What each row counts, where the rows are weighted."""


@dataclass(frozen=True)
class Cost:
    """What the training took on this machine; never part of the lock."""

    seconds: float
    peak_memory_mb: float | None
    """None where the system does not count it."""
    candidate_seconds: dict[str, float]

    @property
    def memory(self) -> str:
        """The peak memory as people read it."""
        return "unknown" if self.peak_memory_mb is None else f"{self.peak_memory_mb:,.0f} MB"


@dataclass(frozen=True)
class Diagnosis:
    """The selection metric where it chooses nothing, for the report; never part of the lock."""

    train: float | None
    """The winner's on its own training rows; None where undefined."""
    holdout: dict[str, list[float]]
    """By candidate: the holdout's by the model of each fold; empty where undefined."""


@dataclass(frozen=True)
class Bundle:
    """One trained model, complete."""

    lock: Lock
    boundary: Boundary
    artifact: bytes
    evidence: Evidence
    cost: Cost
    reference: str
    """The text of ``reference.json``."""
    out_of_fold: OutOfFold
    diagnosis: Diagnosis


def save_bundle(files: ModelFiles, bundle: Bundle) -> Path:
    """Write the bundle; the lock goes last, so that a half-written bundle does not count."""
    folder = files.work
    (folder / "lock.yaml").unlink(missing_ok=True)
    write_atomically(folder / "model.onnx", bundle.artifact)
    write_atomically(folder / "boundary.json", bundle.boundary.to_json())
    write_atomically(folder / "evidence.npz", pack_arrays(bundle.evidence))
    write_atomically(folder / "folds.npz", pack_arrays(bundle.out_of_fold))
    write_json(folder / "cost.json", vars(bundle.cost))
    write_json(folder / "diagnosis.json", vars(bundle.diagnosis))
    write_atomically(folder / "reference.json", bundle.reference)
    if bundle.boundary.derive is not None:
        package = bundle.boundary.derive.partition(":")[0].partition(".")[0]
        shutil.rmtree(folder / "src", ignore_errors=True)
        shutil.copytree(
            files.root / "src" / package,
            folder / "src" / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    write_atomically(folder / "lock.yaml", lock_text(bundle.lock))
    return folder


def load_bundle(files: ModelFiles) -> Bundle:
    """Read the last training of a model.

    Raises:
        TagshipError: there is no training, its artifact is not the recorded one, or a metric is
            named that it cannot have.
    """
    folder = files.work
    if not (folder / "lock.yaml").is_file():
        raise TagshipError(
            f"{files.name}: not trained yet here", f"run `tagship train {files.name}` first"
        )
    lock = read_lock(folder / "lock.yaml")
    try:
        actual = sha256_of_file(folder / "model.onnx")
        if actual != lock.artifact.sha256:
            raise TagshipError(
                f"{folder / 'model.onnx'}: SHA-256 {actual[:12]}… is not the recorded"
                f" {lock.artifact.sha256[:12]}…: the artifact was changed",
                f"run `tagship train {files.name}` again",
            )
        boundary = Boundary.from_json((folder / "boundary.json").read_text(encoding="utf-8"))
        check_labels(files, boundary.classes)
        evidence = Evidence(**_unpack(folder / "evidence.npz", "columns", "groups"))
        cost = Cost(**_read_json(folder / "cost.json"))
        reference = (folder / "reference.json").read_text(encoding="utf-8")
        check_reference(reference, lock, folder / "reference.json")
        artifact = (folder / "model.onnx").read_bytes()
        folds = _unpack(folder / "folds.npz", "scores", "values")
        folds["values"] = {name: values.tolist() for name, values in folds["values"].items()}
        out_of_fold = OutOfFold(**folds)
        diagnosis = Diagnosis(**_read_json(folder / "diagnosis.json"))
        return Bundle(lock, boundary, artifact, evidence, cost, reference, out_of_fold, diagnosis)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise TagshipError(
            f"{folder}: incomplete: {error}", f"run `tagship train {files.name}` again"
        ) from None


def lock_bundle(files: ModelFiles, bundle: Bundle) -> None:
    """Write ``reference.json`` and, last, the lock that names it into ``config/<model>``."""
    write_changed(files.reference_path, bundle.reference)
    write_lock(files.lock_path, bundle.lock)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def pack_arrays(record: Evidence | OutOfFold) -> bytes:
    """A record as ``.npz``, of a mapping such as ``columns`` each array as ``column:<name>``; the
    same record gives the same bytes."""
    arrays: dict[str, Any] = {}
    for field, value in vars(record).items():
        if isinstance(value, Mapping):
            prefix = field.removesuffix("s")
            arrays |= {f"{prefix}:{name}": _plain(np.asarray(v)) for name, v in value.items()}
        elif value is not None:
            arrays[field] = value
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Text as fixed-width strings, since object arrays would need pickle."""
    return values.astype(np.str_) if values.dtype == object else values


def _unpack(path: Path, *mappings: str) -> dict[str, Any]:
    """The fields of what ``pack_arrays`` wrote, those named ``mappings`` by their names."""
    fields: dict[str, Any] = {field: {} for field in mappings}
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
        for key in archive.files:
            field, colon, name = key.partition(":")
            if colon:
                fields[f"{field}s"][name] = archive[key]
            else:
                fields[field] = archive[key]
    return fields
