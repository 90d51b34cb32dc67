"""The only file that runs kustomize: what a folder under ``deploy/`` renders to."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tagship.config.root import find_root
from tagship.errors import TagshipError

SECONDS = 60
_COMMANDS = (("kustomize", ("build",)), ("kubectl", ("kustomize",)))
_VERSIONS = {"kustomize": ("version",), "kubectl": ("version", "--client", "--output=json")}
_NOWHERE = "http://127.0.0.1:9"
"""A proxy that does not exist, so that nothing is fetched: nobody answers on port 9."""


def render(path: Path) -> list[dict[str, Any]]:
    """The resources that the kustomization in ``path`` renders to, in kustomize's order.

    Raises:
        TagshipError: as ``render_text``.
    """
    return [resource for resource in _yaml().load_all(render_text(path)) if resource]


def render_text(path: Path) -> str:
    """The same as YAML text. Nothing is fetched: it runs without git, plugins and network.

    Raises:
        TagshipError: no kustomize on this machine, or it refuses ``path``; its words are passed on.
    """
    with tempfile.TemporaryDirectory() as home:
        variables = {"PATH": home, "HOME": home, "XDG_CONFIG_HOME": home}
        variables |= {"KUBECONFIG": os.devnull, "NO_PROXY": ""}
        variables |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), _NOWHERE)
        try:
            result = subprocess.run(
                [*command(), str(path)],
                capture_output=True, text=True, timeout=SECONDS, check=False, env=variables,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TagshipError(f"{path}: kustomize did not end within {SECONDS} s") from None
    if result.returncode != 0:
        raise TagshipError(f"{path}: kustomize refuses it: {result.stderr.strip()}")
    return result.stdout


def command() -> list[str]:
    """``kustomize build``, or ``kubectl kustomize``: whichever this machine has.

    The one that ``make tools`` sets up in ``.tools/bin`` comes before all others, except in an
    isolated Python.

    Raises:
        TagshipError: it has neither.
    """
    places = os.environ.get("PATH", "")
    if not sys.flags.isolated:  # an isolated Python runs nothing of the project
        with suppress(TagshipError):
            places = f"{find_root() / '.tools' / 'bin'}{os.pathsep}{places}"
    for program, verb in _COMMANDS:
        if path := shutil.which(program, path=places):
            return [path, *verb]
    raise TagshipError("neither kustomize nor kubectl is installed", "run `make tools`")


def version() -> str:
    """The version of the kustomize that renders, such as ``v5.7.1``.

    Raises:
        TagshipError: there is no kustomize, or it does not say.
    """
    return _version(command()[0])


@cache
def _version(program: str) -> str:
    arguments = _VERSIONS[Path(program).stem]
    result = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    text = result.stdout.strip()
    if result.returncode == 0 and Path(program).stem == "kubectl":
        text = str((YAML(typ="safe").load(text) or {}).get("kustomizeVersion", ""))
    if result.returncode != 0 or not text.startswith("v"):
        raise TagshipError(f"{program}: it does not say its version: {result.stderr.strip()}")
    return text.split()[0]


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)
