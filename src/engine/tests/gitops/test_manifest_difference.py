"""The rendered difference that a promotion's reviewer reads."""

import pytest

from shop import Shop, image
from tagship.errors import TagshipError
from tagship.gitops import kustomize, manifest_difference


def test_the_pull_request_shows_what_is_rendered_otherwise(shipped: Shop) -> None:
    shipped.new_manifests(2)
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    body = shipped.propose("v1.2.0", image=image("three")).body
    assert "-  replicas: 1\n+  replicas: 2\n" in body


def test_a_change_of_manifests_alone_is_shown_too(shipped: Shop) -> None:
    shipped.new_manifests(3)
    shipped.reconcile()
    body = shipped.propose(None).body
    assert "lines of the rendered manifests change" in body
    assert "+  replicas: 3\n" in body


def test_manifests_that_do_not_render_stop_the_proposal_before_any_tag(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.put("deploy/base/deployment.yaml", "kind: Deployment\n")
    shipped.commit()
    before = shipped.remote_tags()
    with pytest.raises(TagshipError, match="deploy/churn/staging: kustomize refuses it"):
        shipped.propose("v1.2.0", image=image("three"))
    assert shipped.remote_tags() == before


def test_without_kustomize_nothing_is_promoted_and_rollback_works(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    monkeypatch.setattr(kustomize, "_COMMANDS", ())
    with pytest.raises(TagshipError, match="neither kustomize nor kubectl is installed"):
        shipped.propose("v1.2.0", image=image("three"))
    assert shipped.rollback().release == "churn/v1.0.0"
    assert shipped.runs("production") == "churn/v1.0.0"


def test_a_long_difference_is_cut_and_says_by_how_much() -> None:
    lines = "".join(f"+line {number} ~~~~~\n" for number in range(9000))
    text = manifest_difference.fold(f"--- a\n+++ b\n@@ @@\n{lines}")
    assert len(text) < manifest_difference.LONGEST + 500
    assert "<summary>9000 lines" in text
    assert " more lines are not shown" in text
    assert "\n~~~~~~~~~diff\n" in text
