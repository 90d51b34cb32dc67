"""Ways round the review: a late run, a pin of nobody's, a lift, another number, a tag by hand."""

from dataclasses import replace

import pytest
from argo import runs

from shop import Shop, image
from tagship.errors import TagshipError
from tagship.gitops.rollback import lift
from tagship.gitops.status import status
from tagship.gitops.verify import verify


def proposed(shop: Shop, label: str = "three", version: str = "v1.2.0") -> str:
    """A release that staging runs; gives the branch of its pull request."""
    shop.new_lock(label)
    shop.release(version)
    return shop.propose(version, image=image(label)).branch


def test_a_promotion_that_was_reverted_before_its_run_is_not_deployed(shipped: Shop) -> None:
    merged = shipped.merge(proposed(shipped))
    reverted = shipped.revert(merged)
    assert shipped.reconcile(commit=reverted)["churn", "production"].state == "current"
    late = shipped.reconcile(commit=merged)["churn", "production"]
    assert (late.state, late.detail) == ("current", f"main moved on from {merged[:12]}")
    assert shipped.runs("production") == "churn/v1.1.0"


def test_a_refused_promotion_is_not_deployed_by_running_it_again_after_its_revert(
    shipped: Shop,
) -> None:
    merged = shipped.merge(proposed(shipped))
    without = replace(shipped, verifier=replace(shipped.verifier, image_exists=lambda _: False))
    assert without.reconcile()["churn", "production"].state == "refused"
    shipped.revert(merged)
    assert shipped.reconcile(commit=merged)["churn", "production"].state == "current"
    assert shipped.runs("production") == "churn/v1.1.0"


def test_a_refused_promotion_is_deployed_by_a_later_merge_when_it_was_reviewed(
    shipped: Shop,
) -> None:
    shipped.merge(proposed(shipped))
    without = replace(shipped, verifier=replace(shipped.verifier, image_exists=lambda _: False))
    assert without.reconcile()["churn", "production"].state == "refused"
    shipped.change("NOTES.md")
    assert shipped.reconcile()["churn", "production"].state == "deployed"


def test_an_old_run_does_not_bring_a_lifted_version_back(shipped: Shop) -> None:
    before = shipped.snapshot().history.current("churn", "production")
    assert before is not None
    shipped.merge(shipped.rollback().branch)
    lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    assert shipped.reconcile(commit=f"{before.commit}^")["churn", "production"].state == "current"
    assert shipped.runs("production") == "churn/v1.0.0"


def test_a_pin_that_no_pull_request_brought_is_not_deployed_by_the_next_one(shipped: Shop) -> None:
    branch = proposed(shipped)
    shipped.git("fetch", "-q", "origin", branch)
    shipped.git("push", "-q", "origin", "FETCH_HEAD:refs/heads/main")
    for name in ("NOTES.md", "MORE.md"):
        outcome = shipped.reconcile()["churn", "production"]
        assert "without a pull request: nobody reviewed it" in outcome.detail
        shipped.change(name)
    shipped.pull()
    brought = shipped.git("log", "-1", "--format=%H", "--", "deploy/churn/production")
    shipped.git("revert", "--no-edit", brought)
    shipped.git("push", "-q", "origin", "main")
    again = shipped.propose("v1.2.0")
    shipped.merge(again.branch)
    assert shipped.reconcile()["churn", "production"].state == "deployed"


def test_a_lift_is_refused_while_another_environment_waits_for_it(shipped: Shop) -> None:
    branch = proposed(shipped)
    assert shipped.rollback(environment="staging").rejects == "churn/v1.2.0"
    merged = shipped.merge(branch)
    assert "was rejected by churn/staging" in shipped.reconcile()["churn", "production"].detail
    with pytest.raises(TagshipError, match="without a new review"):
        lift(shipped.root, "churn", "v1.2.0", "mended", shipped.verifier)
    shipped.revert(merged)
    lift(shipped.root, "churn", "v1.2.0", "mended", shipped.verifier)
    shipped.change("NOTES.md")
    assert shipped.reconcile()["churn", "production"].state == "current"
    assert shipped.runs("production") == "churn/v1.1.0"


def test_a_lift_of_manifests_is_refused_while_main_asks_for_them(shipped: Shop) -> None:
    shipped.new_manifests(10)
    shipped.reconcile()
    shipped.merge(shipped.propose(None, environment="production").branch)
    assert shipped.reconcile()["churn", "production"].state == "deployed"
    done = shipped.rollback()
    assert done.rejects == "churn/production/3"
    with pytest.raises(TagshipError, match="without a new review"):
        lift(shipped.root, "churn", "production/3", "mended", shipped.verifier)
    shipped.merge(done.branch)
    lift(shipped.root, "churn", "production/3", "mended", shipped.verifier)


def test_a_rejected_artifact_does_not_come_back_under_a_higher_version(shipped: Shop) -> None:
    shipped.merge(shipped.rollback("it is wrong").branch)
    with pytest.raises(TagshipError, match=r"artifact is that of churn/v1\.1\.0, rejected by"):
        shipped.release("v1.1.1")
    shipped.new_lock("other")
    shipped.release("v1.2.0")
    lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    shipped.new_lock("two")
    shipped.release("v1.3.0")
    assert shipped.propose("v1.3.0", image=image("two again")).branch


def test_a_release_that_was_made_before_its_artifact_was_rejected_is_not_promoted(
    shipped: Shop,
) -> None:
    shipped.put("NOTES.md", "words")
    shipped.commit()
    shipped.release("v1.1.1")
    shipped.merge(shipped.rollback("it is wrong").branch)
    with pytest.raises(TagshipError, match=r"churn/v1\.1\.0 was rejected by churn/production/3"):
        shipped.propose("v1.1.1", image=image("two again"))
    assert shipped.runs("production") == "churn/v1.0.0"


def test_a_tag_by_hand_on_top_is_shown_and_gone_over_without_rejecting_what_ran(
    shipped: Shop,
) -> None:
    first = shipped.git("rev-list", "--max-parents=0", "HEAD")
    shipped.git("push", "-q", "origin", f"{first}:refs/tags/churn/production/7")
    row = next(r for r in status(shipped.snapshot()).rows if r.environment == "production")
    assert (row.runs, row.deployment, row.agrees) == ("?", "churn/production/7", False)
    refused = shipped.reconcile()["churn", "production"]
    assert refused.state == "refused"
    assert "churn/production/7: it is no valid deployment, but Argo CD runs it" in refused.detail
    done = shipped.rollback("someone tagged by hand")
    assert (done.tag.name, done.release, done.rejects) == (
        "churn/production/8", "churn/v1.1.0", "",
    )  # fmt: skip
    assert runs(shipped.remote, "churn", "production") == ("churn/production/8", "churn/v1.1.0")
    assert verify(shipped.root, "churn/production/8", shipped.verifier).ok
    assert shipped.rollback("someone tagged by hand").tag.created is False
    assert shipped.reconcile()["churn", "production"].state == "current"


def test_over_a_tag_by_hand_one_can_go_back_further_too(shipped: Shop) -> None:
    shipped.git("push", "-q", "origin", "HEAD:refs/tags/churn/production/3")
    done = shipped.rollback(to=1)
    assert (done.release, done.rejects) == ("churn/v1.0.0", "churn/v1.1.0")


def test_githubs_refusal_of_old_workflow_files_names_the_way_out(shipped: Shop) -> None:
    hook = shipped.remote / "hooks" / "pre-receive"
    words = "refusing to allow a GitHub App to create or update workflow without permission"
    hook.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(TagshipError, match="run this in a clone, or keep a TAGSHIP_TOKEN"):
        shipped.rollback()
