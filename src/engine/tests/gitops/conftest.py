"""A small real project, built once and copied for each test."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from shop import Shop, build, copy, identify
from tools import need_kustomize


@pytest.fixture(scope="session", autouse=True)
def _identity() -> None:
    identify()


@pytest.fixture(scope="session")
def _new(tmp_path_factory: pytest.TempPathFactory, _identity: None) -> Shop:
    need_kustomize()
    return build(tmp_path_factory.mktemp("new") / "shop")


@pytest.fixture(scope="session")
def _shipped(tmp_path_factory: pytest.TempPathFactory, _new: Shop) -> Shop:
    shop = copy(_new, tmp_path_factory.mktemp("shipped") / "shop")
    shop.ship("v1.0.0", "one-a")
    shop.ship("v1.1.0", "two")
    return shop


@pytest.fixture
def shop(_new: Shop, tmp_path: Path) -> Shop:
    """A project in which nothing was released yet."""
    return copy(_new, tmp_path / "shop")


@pytest.fixture
def shipped(_shipped: Shop, tmp_path: Path) -> Shop:
    """A project whose production ran v1.0.0 and runs v1.1.0."""
    return copy(_shipped, tmp_path / "shop")


@pytest.fixture
def build_shop(tmp_path: Path) -> Callable[..., Shop]:
    """A project with environments of one's own."""
    return lambda *environments: build(tmp_path / "other", environments)


@pytest.fixture
def tagship(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command in a shop, with the shop's checks."""

    def run(shop: Shop, name: str, *arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(shop.root)
        monkeypatch.setattr("tagship.cli.verifier.make_verifier", lambda *a, **k: shop.verifier)
        app = typer.Typer()
        app.callback()(lambda: None)
        app.command(name)(import_module(f"tagship.cli.{name}").command)
        done = CliRunner().invoke(app, [name, *arguments])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout if "--json" in arguments else done.output

    return run
