"""The bentos that were built here: which is the last, and serving it. Starts fast: no training."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tagship.errors import TagshipError


@dataclass(frozen=True)
class Bento:
    """A built bento."""

    tag: str
    """``<model>:<version>``"""
    path: Path


def bentoml_environment(root: Path) -> dict[str, str]:
    """The environment in which BentoML keeps to this project and phones nobody."""
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1"}
    home = str(root / ".tagship" / "bentoml")
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {**clean, **quiet, "BENTOML_HOME": home}


def latest_bento(root: Path, model: str) -> Bento:
    """The bento of a model that was built last.

    Raises:
        TagshipError: none was.
    """
    folder = root / ".tagship" / "bentoml" / "bentos" / model
    built = [path.parent for path in folder.glob("*/bento.yaml")]
    if not built:
        raise TagshipError(f"{model}: no bento here", f"run `tagship run {model}` first")
    path = max(built, key=lambda path: (path / "bento.yaml").stat().st_mtime_ns)
    return Bento(f"{model}:{path.name}", path)


def log_folder(root: Path, model: str) -> Path:
    """Where `tagship serve` keeps a model's prediction log, unless ``TAGSHIP_LOG_DIR`` says."""
    return root / ".tagship" / "predictions" / model


def serve(root: Path, model: str, bento: Bento, host: str, port: int, workers: int) -> NoReturn:
    """Become the bento's service: this process is its server from now on."""
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
