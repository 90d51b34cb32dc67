"""The history of every kind, made once, and the document that the site makes of it."""

import os

import pytest
from site_history import Told, gather, tell_all

from tagship.errors import TagshipError
from tagship.gitops import kustomize
from tools import lacking


@pytest.fixture(scope="session", autouse=True)
def _identity() -> None:
    """Who commits in tests, apart from what the machine says."""
    for role in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{role}_NAME"] = "Ada"
        os.environ[f"GIT_{role}_EMAIL"] = "ada@example.org"
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ.pop("GITHUB_ACTOR", None)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, _identity: None) -> Told:
    try:
        kustomize.command()
    except TagshipError as missing:
        lacking(str(missing.args[0]))
    shop = tell_all(tmp_path_factory.mktemp("told") / "shop")
    return Told(shop, gather(shop))
