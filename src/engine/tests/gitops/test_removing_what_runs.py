"""A model that a tag says runs somewhere is not removed, unless one says that it was stopped."""

import contextlib
import io

import pytest

from shop import Shop
from tagship.cli import guarded, make_app


def remove(shop: Shop, *options: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(shop.root),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code = guarded(lambda: make_app()(["remove", "churn", *options]))
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return code, out.getvalue() + err.getvalue()


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_model_that_runs_is_not_removed(shipped: Shop, option: tuple[str, ...]) -> None:
    code, said = remove(shipped, *option)
    assert code == 1
    assert "production runs churn/v1.1.0 (churn/production/2)" in said
    assert "staging runs churn/v1.1.0 (churn/staging/2)" in said
    assert "shop-churn-production" in said
    assert "--stopped" in said
    assert (shipped.root / "config/churn/model.yaml").is_file()
    assert (shipped.root / "deploy/churn/production/release.yaml").is_file()


def test_one_that_was_stopped_is_removed_and_its_history_stays(shipped: Shop) -> None:
    tags = shipped.remote_tags()
    assert remove(shipped, "--stopped")[0] == 0
    assert not (shipped.root / "config/churn").exists()
    shipped.commit("feat: no churn")
    assert shipped.remote_tags() == tags
    assert shipped.snapshot().history.findings == ()


def test_one_that_was_never_deployed_is_removed(shop: Shop) -> None:
    assert remove(shop)[0] == 0
    assert not (shop.root / "deploy/churn").exists()


def test_a_remote_that_cannot_be_asked_is_a_refusal(shop: Shop) -> None:
    shop.git("remote", "set-url", "origin", str(shop.root / "nowhere"))
    code, said = remove(shop)
    assert (code, "error: git ls-remote" in said) == (1, True)
    assert (shop.root / "config/churn").is_dir()
