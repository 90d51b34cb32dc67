"""The only file that runs kustomize: what a folder under ``deploy/`` renders to."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tagship.errors import TagshipError

SECONDS = 60
_COMMANDS = (("kustomize", "build"), ("kubectl", "kustomize"))


def render(path: Path) -> list[dict[str, Any]]:
    """The resources that the kustomization in ``path`` renders to, in kustomize's order.

    Raises:
        TagshipError: as ``render_text``.
    """
    return [resource for resource in _yaml().load_all(render_text(path)) if resource]


def render_text(path: Path) -> str:
    """The same as YAML text.

    Raises:
        TagshipError: no kustomize on this machine, or it refuses ``path``; its words are passed on.
    """
    try:
        done = subprocess.run(
            [*command(), str(path)], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TagshipError(f"{path}: kustomize did not end within {SECONDS} s") from None
    if done.returncode != 0:
        raise TagshipError(f"{path}: kustomize refuses it: {done.stderr.strip()}")
    return done.stdout


def command() -> list[str]:
    """``kustomize build``, or ``kubectl kustomize``: whichever this machine has.

    Raises:
        TagshipError: it has neither.
    """
    for program, verb in _COMMANDS:
        if found := shutil.which(program):
            return [found, verb]
    raise TagshipError("neither kustomize nor kubectl is installed", "run `make tools`")


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)
