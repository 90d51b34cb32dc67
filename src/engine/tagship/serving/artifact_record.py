"""The record beside an artifact, and the refusal to start where something cannot be served."""

import json
import os
import tempfile
from pathlib import Path

from tagship.contract.boundary import Boundary
from tagship.errors import TagshipError
from tagship.files import sha256_of_file

RECORD_VARIABLE = "TAGSHIP_RECORD"
DEPLOYED_RECORD = Path("/etc/tagship/release.yaml")


def load_record(artifact: Path) -> dict[str, str]:
    """The build's record, and over it the deployment's where there is one, proven by the hash.

    Raises:
        TagshipError: a record is missing, or the artifact is not the one that it names.
    """
    try:
        record: dict[str, str] = json.loads((artifact / "record.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TagshipError(f"{artifact / 'record.json'}: no usable record: {error}") from None
    if not isinstance(record, dict):
        raise TagshipError(f"{artifact / 'record.json'}: no usable record: not an object")
    deployed = deployed_record()
    if deployed:
        record |= _read_deployed(deployed)
    actual = sha256_of_file(artifact / "model.onnx")
    if actual != record.get("model_sha256"):
        raise TagshipError(
            f"{artifact / 'model.onnx'}: SHA-256 {actual} is not the recorded"
            f" {record.get('model_sha256')}: refusing to serve",
            "build the bento again; if this is a deployment, compare its release.yaml",
        )
    return record


def load_checked(artifact: Path) -> tuple[dict[str, str], Boundary]:
    """The record and the boundary of an artifact that can be served, its feature function loaded.

    Raises:
        TagshipError: the record is missing, the artifact is not the one that it names, or a file or
            the feature function cannot be used.
    """
    record = load_record(artifact)
    path = artifact / "boundary.json"
    try:
        boundary = Boundary.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TagshipError(
            f"{path}: no usable boundary: {type(error).__name__}: {error}", "build the bento again"
        ) from None
    boundary.load()
    return record, boundary


def check_log_folder(folder: Path | None) -> None:
    """Make the prediction log's folder, if there is to be one, and try to write there.

    Raises:
        TagshipError: it cannot be written, so predictions and feedback would be lost.
    """
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".write-", dir=folder) as file:
            file.write(b" ")
            file.flush()
    except OSError as error:
        raise TagshipError(
            f"TAGSHIP_LOG_DIR: {folder} cannot be written: {error.strerror}",
            "name a folder that this user may write, or unset the variable to keep no log",
        ) from None


def deployed_record() -> Path | None:
    """Where a deployment says what it runs; None when this service is not deployed."""
    path = os.environ.get(RECORD_VARIABLE)
    if path:
        return Path(path)
    return DEPLOYED_RECORD if DEPLOYED_RECORD.is_file() else None


def _read_deployed(path: Path) -> dict[str, str]:
    import yaml  # BentoML brings PyYAML; the config's YAML library stays out of the image

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise TagshipError(f"{path}: the deployment record cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise TagshipError(f"{path}: the deployment record must be a mapping")
    return {str(key): str(value) for key, value in content.items()}
