"""The rendered difference that a promotion's reviewer reads."""

from collections.abc import Callable

import pytest
from shop import Shop, image

from tagship.errors import TagshipError
from tagship.gitops import difference, kustomize

BASE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: limits}
data: {memory: %s, image: model-image}
"""


@pytest.fixture
def rendering(shop: Shop, kustomize_here: Callable[[], None]):
    """A project whose manifests render, where production runs v1.0.0."""
    kustomize_here()
    shop.put("deploy/base/deployment.yaml", BASE % "1Gi")
    shop.ship("v1.0.0", "one-a")
    shop.pull()
    return shop


def test_the_pull_request_shows_what_is_rendered_otherwise(rendering: Shop) -> None:
    rendering.put("deploy/base/deployment.yaml", BASE % "2Gi")
    rendering.new_lock("two")
    rendering.release("v1.1.0")
    body = rendering.promote("v1.1.0", image=image("two")).body
    assert "<details><summary>2 lines" in body
    assert "-  memory: 1Gi\n+  memory: 2Gi\n" in body


def test_a_change_of_manifests_alone_is_shown_too(rendering: Shop) -> None:
    rendering.put("deploy/base/deployment.yaml", BASE % "3Gi")
    rendering.commit()
    rendering.deploy()
    assert "+  memory: 3Gi\n" in rendering.promote(None).body


def test_a_release_that_renders_the_same_says_so(rendering: Shop) -> None:
    rendering.new_lock("two")
    rendering.release("v1.1.0")
    body = rendering.promote("v1.1.0", image=image("two")).body
    assert "The rendered manifests are the same." in body


def test_manifests_that_do_not_render_are_told_and_do_not_stop_the_proposal(
    rendering: Shop,
) -> None:
    rendering.put("deploy/base/deployment.yaml", "kind: Deployment\n")
    rendering.commit()
    rendering.deploy()
    assert (
        "is not shown: deploy/churn/production: kustomize refuses" in rendering.promote(None).body
    )


def test_without_kustomize_the_pull_request_says_so(shop: Shop) -> None:
    shop.release("v1.0.0")
    body = shop.promote("v1.0.0", image=image("one")).body
    assert "The rendered difference is not shown: neither kustomize nor kubectl" in body


def test_a_long_difference_is_cut_and_says_by_how_much() -> None:
    lines = "".join(f"+line {number} ~~~~~\n" for number in range(9000))
    text = difference.folded(f"--- a\n+++ b\n@@ @@\n{lines}")
    assert len(text) < difference.LONGEST + 500
    assert "<summary>9000 lines" in text
    assert " more lines are not shown" in text
    assert "\n~~~~~~~~~diff\n" in text


def test_what_no_program_can_render_is_refused() -> None:
    with pytest.raises(TagshipError, match="neither kustomize nor kubectl"):
        kustomize.command()
