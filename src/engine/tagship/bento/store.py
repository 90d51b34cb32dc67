"""The bentos that were built here: which is the lock's, and serving it. Imports nothing slow."""

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import NoReturn

from tagship.errors import TagshipError
from tagship.files import read_json, sha256_of_bytes

UNRELEASED = "unreleased"
"""The release of a bento that was built without one."""


@dataclass(frozen=True)
class Bento:
    """A built bento."""

    tag: str
    """``<model>:<version>``"""
    path: Path


def bentoml_environment(root: Path) -> dict[str, str]:
    """The environment in which BentoML uses this project's store and sends no usage data."""
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1"}
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {**clean, **quiet, "BENTOML_HOME": str(bentoml_home(root))}


def bentoml_home(root: Path) -> Path:
    """BentoML's store of this project: two projects may have models of the same name."""
    return root / ".tagship" / "bentoml"


def store_hint(root: Path) -> str:
    """What makes ``bentoml list`` and ``bentoml serve churn:latest`` find what was built here."""
    return f"For bentoml's own commands: export BENTOML_HOME={quote(str(bentoml_home(root)))}"


def hash_lock_file(path: Path) -> str:
    """The SHA-256 of a lock as Git has it, by which a bento names the lock that it was built under.

    Raises:
        TagshipError: there is no lock.
    """
    try:
        return sha256_of_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    except FileNotFoundError:
        name = path.parent.name
        raise TagshipError(
            f"{path}: there is no lock", f"run `tagship run {name}` and commit it"
        ) from None


def latest_bento(root: Path, model: str) -> Bento:
    """Of the bentos that were built under a model's lock, the last.

    Raises:
        TagshipError: there is no lock, or none was built under it.
    """
    lock = root / "config" / model / "model.lock.yaml"
    lock_hash = hash_lock_file(lock)
    manifests = list((bentoml_home(root) / "bentos" / model).glob("*/bento.yaml"))
    if not manifests:
        raise TagshipError(f"{model}: no bento here", f"run `tagship run {model}` first")
    manifests.sort(key=lambda path: path.stat().st_mtime_ns)
    for path in reversed([path.parent for path in manifests]):
        if _built_under(path) == lock_hash:
            return Bento(f"{model}:{path.name}", path)
    raise TagshipError(
        f"{lock}: no bento here was built under this lock; the last, {model}:"
        f"{manifests[-1].parent.name}, was built under another",
        f"run `tagship run {model}`, or go back to the commit with the other lock",
    )


def _built_under(bento: Path) -> str:
    """The hash of the lock that a bento was built under; empty when its record does not say."""
    path = bento / "src/artifact/record.json"
    return read_json(path, lambda record: str(record["lock_sha256"])) or ""


def log_folder(root: Path, model: str) -> Path:
    """Where `tagship serve` keeps a model's prediction log, unless ``TAGSHIP_LOG_DIR`` says."""
    return root / ".tagship" / "predictions" / model


def check_address(host: str, port: int) -> None:
    """Refuse an address that another program uses, or that does not exist.

    Raises:
        TagshipError: nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise TagshipError(
            f"cannot listen on {host}:{port}: {error}", "choose another with --port or --host"
        ) from None


def serve(root: Path, model: str, bento: Bento, host: str, port: int, workers: int) -> NoReturn:
    """Replace this process by the bento's server."""
    environment = bentoml_environment(root)
    environment.setdefault("TAGSHIP_LOG_DIR", str(log_folder(root, model)))
    address = [str(bento.path), "--host", host, "--port", str(port)]
    if sys.platform == "linux":
        environment["PYTHONPATH"] = str(bento.path / "src")  # the bento's own code, not this one
        command = ["-m", "tagship.serving.server", *address, "--workers", str(workers)]
    else:
        # A home of its own: services that share one wipe each other's metrics.
        home = root / ".tagship" / "bentoml" / "serving" / f"{model}-{port}"
        shutil.rmtree(home, ignore_errors=True)
        environment["BENTOML_HOME"] = str(home)
        command = ["-m", "bentoml", "serve", *address, "--api-workers", str(workers)]
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *command], environment)  # noqa: S606
