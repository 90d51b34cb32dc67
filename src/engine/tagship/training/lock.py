"""``model.lock.yaml``: what was trained, from what, with what result. The reviewed truth.

It holds nothing that varies by machine or time, so that the same inputs give the same file.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

import tagship
from tagship.config.base_model import Extended, Frozen, Sha256
from tagship.config.yaml_file import dump_yaml, parse, read_yaml
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes, write_changed
from tagship.training import TRAINING_NUMBER

HEADER = "# Written by `tagship run`: review it, never edit it.\n"

_OPTIONAL = {"reference", "threshold"}


class LockedData(Extended):
    """The table that was trained on."""

    later: ClassVar[frozenset[str]] = frozenset({"identity"})
    sha256: Sha256
    rows: int
    holdout_rows: int
    identity: dict[str, str] = {}
    """What exactly was read, where the source or its window moves: it is verified by this."""


class Inputs(Frozen):
    """Everything that decides the artifact besides the data's values."""

    data: dict[str, str]
    """For each key of data.yaml, a fingerprint of what it says."""
    model: dict[str, Any]
    """What model.yaml says, defaults included, without its card."""
    code: dict[str, str] = {}
    """Fingerprints of the project's own code: feature functions, estimators and source."""
    training: Annotated[int, Field(ge=0)] = 0
    """The training number of the engine; 0 in a lock that is older than this number."""
    libraries: dict[str, str]
    """Versions of the libraries that decide the artifact's bytes."""


class CandidateScore(Frozen):
    """A candidate's selection metric over the folds."""

    mean: float
    std: float


class Winner(Frozen):
    """The candidate that was refit on all training rows."""

    candidate: str
    estimator: str
    params: dict[str, Any]


class Interval(Frozen):
    """A metric on the holdout with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class LockedArtifact(Frozen):
    """The ONNX file, and the boundary in front of it."""

    sha256: Sha256
    bytes: int
    boundary_sha256: Sha256 | None = None
    """Of the text of ``boundary.json``; None only in a lock from before locks named it."""


class LockedReference(Frozen):
    """``reference.json``, which lies beside the lock."""

    sha256: Sha256


class Lock(Frozen):
    """The content of one ``model.lock.yaml``."""

    model: str
    task: str
    data: LockedData
    inputs: Inputs
    candidates: dict[str, CandidateScore]
    winner: Winner
    metrics: dict[str, Interval]
    artifact: LockedArtifact
    reference: LockedReference | None = None
    """None only in a lock from before there were references; such a lock is stale."""
    threshold: float | None = None
    """The decision threshold, where model.yaml leaves the choice to training."""
    probe: list[float]
    """The artifact's scores on the first holdout rows, by which another machine compares."""


def read_lock(path: Path) -> Lock:
    """Read a lock.

    Raises:
        TagshipError: there is no lock, the file is no lock, or a newer engine wrote it.
    """
    if not path.is_file():
        raise TagshipError(
            f"{path}: there is no lock", f"run `tagship run {path.parent.name}` and commit it"
        )
    file = read_yaml(path)
    _refuse_newer(path, file.root.get("inputs"))
    return parse(file, Lock)


def parse_lock(text: str, path: str) -> Lock:
    """Read a lock from its text, as a commit holds it.

    Raises:
        TagshipError: it is no lock that this engine can read.
    """
    try:
        return Lock.model_validate(_load(text, path))
    except ValidationError:
        raise _no_lock(path) from None


def locked_artifact(text: str) -> LockedArtifact | None:
    """What a lock of any engine says of its artifact; None when it cannot be understood."""
    try:
        section = _load(text, "lock")["artifact"]
        content = {key: section[key] for key in LockedArtifact.model_fields if key in section}
        return LockedArtifact.model_validate(content)
    except (TagshipError, KeyError, TypeError, ValidationError):
        return None


def locked_hashes(text: str, path: str) -> tuple[str, str]:
    """The artifact's and the data's SHA-256, from a lock of any engine.

    Raises:
        TagshipError: it is not a lock.
    """
    lock = _load(text, path)
    try:
        return str(lock["artifact"]["sha256"]), str(lock["data"]["sha256"])
    except (KeyError, TypeError):
        raise _no_lock(path) from None


def locked_metrics(text: str, path: str) -> dict[str, Interval]:
    """The metrics on the holdout, from a lock of any engine.

    Raises:
        TagshipError: it is not a lock.
    """
    lock = _load(text, path)
    try:
        return {name: Interval.model_validate(value) for name, value in lock["metrics"].items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise _no_lock(path) from None


def _load(text: str, path: str) -> Any:
    """A lock's content, not validated yet."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        raise _no_lock(path) from None


def _no_lock(path: str) -> TagshipError:
    return TagshipError(f"{path}: not a lock", "it is written by `tagship run`, never by hand")


def _refuse_newer(path: Path, inputs: Any) -> None:
    """A newer engine's lock may have keys that this one does not know, so this comes first."""
    number = inputs.get("training") if isinstance(inputs, dict) else None
    if isinstance(number, int) and number > TRAINING_NUMBER:
        raise TagshipError(
            f"{path}: a newer engine wrote this lock: its training number is {number}, that of"
            f" the installed tagship {tagship.__version__} is {TRAINING_NUMBER}",
            "install the engine that pyproject.toml pins (`make setup`), or update the project"
            " (`make update`)",
        )


def lock_text(lock: Lock) -> str:
    """The lock as YAML, sorted, with the same bytes on every machine."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    def ordered(value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            mapping = CommentedMap({key: ordered(value[key], depth + 1) for key in sorted(value)})
            flat = all(not isinstance(item, dict) for item in value.values())
            if depth > 1 and flat and len(str(value)) < 110:
                mapping.fa.set_flow_style()
            return mapping
        if isinstance(value, list):
            sequence = CommentedSeq([ordered(item, depth + 1) for item in value])
            sequence.fa.set_flow_style()
            return sequence
        return value

    content = lock.model_dump(mode="json", exclude=_OPTIONAL - lock.model_fields_set)
    if lock.artifact.boundary_sha256 is None:
        del content["artifact"]["boundary_sha256"]
    return HEADER + dump_yaml(ordered(content, 0), width=4096)


def lock_sha256(lock: Lock) -> str:
    """The hash of a lock's file."""
    return sha256_of_bytes(lock_text(lock).encode())


def write_lock(path: Path, lock: Lock) -> bool:
    """Write the lock unless the file already says the same; say whether it was written."""
    return write_changed(path, lock_text(lock))
