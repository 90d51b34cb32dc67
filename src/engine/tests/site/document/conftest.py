"""The history of every kind, made once, and the document that the site makes of it."""

import pytest
from site_history import Told, gather, tell_all

from shop import identify
from tools import need_kustomize


@pytest.fixture(scope="session", autouse=True)
def _identity() -> None:
    identify()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, _identity: None) -> Told:
    need_kustomize()
    shop = tell_all(tmp_path_factory.mktemp("told") / "shop")
    return Told(shop, gather(shop))
