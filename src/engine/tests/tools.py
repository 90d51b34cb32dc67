"""Programs that tests need and a machine may lack: a skip, or a failure where all are required."""

import os
import shutil
from typing import NoReturn

import pytest


def lacking(reason: str) -> NoReturn:
    """End a test for want of a tool: a failure under ``TAGSHIP_REQUIRE_TOOLS=1``, else a skip."""
    if os.environ.get("TAGSHIP_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def find_program(*names: str, hint: str = "run `make tools`") -> str:
    """The path of the first of the programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    lacking(f"{' or '.join(names)} is not installed: {hint}")


def need_kustomize() -> None:
    """Skip, or fail where every tool is required, without kustomize."""
    from tagship.errors import TagshipError
    from tagship.gitops import kustomize

    try:
        kustomize.command()
    except TagshipError as missing:
        lacking(str(missing))
