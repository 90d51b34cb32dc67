"""The bundle: what a training leaves in ``.tagship/models/<model>`` for gate and build."""

import io
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
    write_atomically(folder / "evidence.npz", pack_evidence(bundle.evidence))
    write_atomically(folder / "folds.npz", _pack_folds(bundle.out_of_fold))
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
        evidence = _unpack((folder / "evidence.npz").read_bytes())
        cost = Cost(**_read_json(folder / "cost.json"))
        reference = (folder / "reference.json").read_text(encoding="utf-8")
        check_reference(reference, lock, folder / "reference.json")
        artifact = (folder / "model.onnx").read_bytes()
        out_of_fold = _unpack_folds((folder / "folds.npz").read_bytes())
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
    import json

    return json.loads(path.read_text(encoding="utf-8"))


_OF_ROWS = ("fold", "rows", "target")
_ARRAYS = ("matrix", "target", "scores", "pipeline_scores", "train_target")
_OPTIONAL = ("weights", "train_weights", "train_rows", "train_matrix", "times", "rows")


def pack_evidence(evidence: Evidence) -> bytes:
    """The content of ``evidence.npz``; the same evidence gives the same bytes."""
    arrays = {name: getattr(evidence, name) for name in _ARRAYS}
    kept = {name: getattr(evidence, name) for name in _OPTIONAL}
    arrays |= {name: values for name, values in kept.items() if values is not None}
    arrays |= {f"column:{name}": _plain(values) for name, values in evidence.columns.items()}
    arrays |= {f"group:{name}": values for name, values in evidence.groups.items()}
    return _packed(arrays)


def _packed(arrays: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Text as fixed-width strings, since object arrays would need pickle."""
    return values.astype(np.str_) if values.dtype == object else values


def _unpack(content: bytes) -> Evidence:
    arrays, parts = _arrays(content, ("column", "group"))
    plain: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
    plain |= {name: arrays.get(name) for name in _OPTIONAL}
    return Evidence(**plain, columns=parts["column"], groups=parts["group"])


def _arrays(
    content: bytes, prefixes: Sequence[str]
) -> tuple[dict[str, NDArray[Any]], dict[str, dict[str, NDArray[Any]]]]:
    """The arrays of a file, and for each prefix those named ``<prefix>:<name>`` by their names."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    parts = {
        prefix: {
            name.partition(":")[2]: values
            for name, values in arrays.items()
            if name.startswith(f"{prefix}:")
        }
        for prefix in prefixes
    }
    return arrays, parts


def _pack_folds(out_of_fold: OutOfFold) -> bytes:
    arrays = {name: getattr(out_of_fold, name) for name in _OF_ROWS}
    if out_of_fold.weights is not None:
        arrays["weights"] = out_of_fold.weights
    arrays |= {f"score:{name}": scores for name, scores in out_of_fold.scores.items()}
    arrays |= {f"value:{name}": np.asarray(v) for name, v in out_of_fold.values.items()}
    return _packed(arrays)


def _unpack_folds(content: bytes) -> OutOfFold:
    arrays, parts = _arrays(content, ("score", "value"))
    values = {name: array.tolist() for name, array in parts["value"].items()}
    of_rows = {name: arrays[name] for name in _OF_ROWS}
    weights = arrays.get("weights")
    return OutOfFold(**of_rows, scores=parts["score"], values=values, weights=weights)
