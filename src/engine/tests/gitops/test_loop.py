"""The life of a model, by tag and merge, and what Argo CD would run after each step."""

from collections.abc import Callable

import pytest
from argo import runs

from shop import Shop, add_model, image
from tagship.errors import TagshipError
from tagship.gitops.reconcile import Outcome
from tagship.gitops.reconcile_release import reconcile_release
from tagship.gitops.rollback import lift
from tagship.gitops.status import history, parse_time, status
from tagship.gitops.verify import verify


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_release_reaches_staging_then_production_by_every_kind_of_merge(
    shop: Shop, how: str
) -> None:
    shop.new_lock("one-a")
    shop.release("v1.0.0")
    assert runs(shop.remote, "churn", "staging") is None
    proposal = shop.propose("v1.0.0", image=image("one-a"))
    assert proposal.branch == "promote/churn/v1.0.0"
    assert runs(shop.remote, "churn", "staging") == ("churn/staging/1", "churn/v1.0.0")
    assert runs(shop.remote, "churn", "production") is None
    merged = shop.merge(proposal.branch, how)
    outcomes = shop.reconcile(commit=merged)
    assert outcomes["churn", "production"].detail == "churn/production/1"
    assert outcomes["churn", "staging"].state == "current"
    assert runs(shop.remote, "churn", "production") == ("churn/production/1", "churn/v1.0.0")
    for name in ("churn/v1.0.0", "churn/staging/1", "churn/production/1"):
        assert verify(shop.root, name, shop.verifier).ok, name


def test_running_each_step_again_changes_nothing(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.release("v1.2.0")
    tags = shipped.remote_tags()
    assert shipped.propose("v1.1.0", image=image("another build")).branch == ""
    assert {o.state for o in shipped.reconcile().values()} == {"current"}
    assert shipped.remote_tags() == tags


def test_a_release_without_push_only_tags_here_and_says_how_to_go_on(shop: Shop) -> None:
    from tagship.gitops.release import release

    done = release(shop.root, "churn", "v1.0.0", shop.verifier)
    assert shop.remote_tags() == []
    assert done.next == "git push origin refs/tags/churn/v1.0.0"
    shop.git("push", "-q", "origin", "refs/tags/churn/v1.0.0")
    assert "churn/v1.0.0" in shop.snapshot().history.releases


def test_rollback_restores_the_tree_and_rejects_what_it_left(shipped: Shop) -> None:
    done = shipped.rollback()
    assert done.tag.name == "churn/production/3"
    assert done.rejects == "churn/v1.1.0"
    folder = "deploy/churn/production"
    trees = [shipped.git("rev-parse", f"refs/tags/churn/production/{n}:{folder}") for n in (1, 3)]
    assert trees[0] == trees[1]
    assert runs(shipped.remote, "churn", "production") == ("churn/production/3", "churn/v1.0.0")
    assert verify(shipped.root, "churn/production/3", shipped.verifier).ok


def test_a_merge_between_rollback_and_its_pull_request_deploys_nothing(shipped: Shop) -> None:
    done = shipped.rollback()
    shipped.put("README.md", "unrelated")
    shipped.commit()
    assert shipped.reconcile()["churn", "production"].state == "held"
    shipped.merge(done.branch)
    assert shipped.reconcile()["churn", "production"].state == "current"
    assert shipped.runs("production") == "churn/v1.0.0"


def test_a_lifted_version_is_proposed_again_by_pull_request(shipped: Shop) -> None:
    done = shipped.rollback()
    with pytest.raises(TagshipError, match="still asks for"):
        lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    shipped.merge(done.branch)
    with pytest.raises(TagshipError, match=r"rejected by churn/production/3: it is slow"):
        shipped.propose("v1.1.0")
    [tag] = lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    assert lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)[0].created is False
    assert runs(shipped.remote, "churn", "production") == (tag.name, "churn/v1.0.0")
    assert shipped.reconcile()["churn", "production"].state == "current"
    shipped.merge(shipped.propose("v1.1.0").branch)
    assert shipped.reconcile()["churn", "production"].detail == "churn/production/5"
    assert all(
        verify(shipped.root, f"churn/production/{n}", shipped.verifier).ok for n in (3, 4, 5)
    )


def test_a_change_of_manifests_reaches_staging_on_merge_and_production_by_its_own(
    shipped: Shop,
) -> None:
    shipped.new_manifests(2)
    outcomes = shipped.reconcile()
    assert outcomes["churn", "staging"].detail == "churn/staging/3"
    assert outcomes["churn", "production"].state == "pending"
    assert runs(shipped.remote, "churn", "production") == ("churn/production/2", "churn/v1.1.0")
    proposal = shipped.propose(None)
    assert proposal.branch == "promote/churn/v1.1.0"
    shipped.merge(proposal.branch, "squash")
    assert shipped.reconcile()["churn", "production"].detail == "churn/production/3"
    assert verify(shipped.root, "churn/production/3", shipped.verifier).ok
    assert verify(shipped.root, "churn/staging/3", shipped.verifier).ok
    back = shipped.rollback("too much memory")
    assert back.rejects == "churn/production/3"
    assert back.release == "churn/v1.1.0"
    assert shipped.reconcile()["churn", "production"].state == "held"
    shipped.merge(back.branch)
    assert shipped.reconcile()["churn", "production"].state == "pending"
    with pytest.raises(TagshipError, match="churn/production/3 was rejected"):
        shipped.propose(None)


def test_staging_ahead_of_main_keeps_its_release_when_manifests_change(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.propose("v1.2.0", image=image("three"))
    shipped.new_manifests(2)
    assert shipped.reconcile()["churn", "staging"].state == "deployed"
    assert runs(shipped.remote, "churn", "staging") == ("churn/staging/4", "churn/v1.2.0")
    assert verify(shipped.root, "churn/staging/4", shipped.verifier).ok


def test_a_late_run_for_an_older_merge_does_not_go_back(shipped: Shop) -> None:
    older = shipped.snapshot().head
    shipped.new_manifests(2)
    shipped.reconcile()
    assert shipped.reconcile(commit=older)["churn", "staging"].state == "current"
    assert runs(shipped.remote, "churn", "staging") == ("churn/staging/3", "churn/v1.1.0")


def test_a_third_environment_promotes_from_the_second(build_shop: Callable[..., Shop]) -> None:
    shop = build_shop("staging", "canary", "production")
    shop.new_lock("one-a")
    shop.release("v1.0.0")
    first = shop.propose("v1.0.0", image=image("one-a"))
    with pytest.raises(TagshipError, match="canary never ran it"):
        shop.propose("v1.0.0", environment="production")
    shop.merge(first.branch)
    assert shop.reconcile()["churn", "canary"].state == "deployed"
    second = shop.propose("v1.0.0", environment="production")
    assert second.branch == "promote/churn/v1.0.0-production"
    shop.merge(second.branch, "rebase")
    assert shop.reconcile()["churn", "production"].detail == "churn/production/1"
    assert verify(shop.root, "churn/production/1", shop.verifier).ok


def test_one_environment_alone_needs_no_pull_request(build_shop: Callable[..., Shop]) -> None:
    shop = build_shop("live")
    shop.release("v1.0.0")
    outcomes = reconcile_release(shop.root, "churn/v1.0.0", shop.verifier, image("one"))
    assert outcomes == [Outcome("churn", "live", "deployed", "churn/live/1", "v1.0.0")]
    with pytest.raises(TagshipError, match="live is the first environment"):
        shop.propose("v1.0.0")


def test_two_models_do_not_hold_each_other_up(shipped: Shop) -> None:
    shipped.pull()
    add_model(shipped.root, "fraud", ("staging", "production"))
    shipped.commit("feat: fraud")
    shipped.release("v0.1.0", "fraud")
    mine = shipped.propose("v0.1.0", model="fraud", image=image("f", "fraud"))
    shipped.merge(mine.branch)
    outcomes = shipped.reconcile()
    assert outcomes["fraud", "production"].detail == "fraud/production/1"
    assert outcomes["churn", "production"].state == "current"


def test_status_shows_a_hand_edited_overlay_on_main(shipped: Shop) -> None:
    rows = {row.environment: row for row in status(shipped.snapshot()).rows}
    assert rows["production"].main == "same"
    shipped.pull()
    path = shipped.root / "deploy/churn/production/release.yaml"
    path.write_text(path.read_text().replace("churn/v1.1.0", "churn/v1.0.0"))
    shipped.commit()
    rows = {row.environment: row for row in status(shipped.snapshot()).rows}
    assert rows["production"].main == "asks for churn/v1.0.0"
    assert not rows["production"].agrees
    refused = shipped.reconcile()["churn", "production"]
    assert refused.state == "refused"
    assert "is not that of churn/v1.0.0" in refused.detail


def test_history_tells_every_deployment(shipped: Shop) -> None:
    snapshot = shipped.snapshot()
    events = history(snapshot, "churn", "production")
    assert [e.release for e in events] == ["churn/v1.0.0", "churn/v1.1.0"]
    with pytest.raises(TagshipError, match="is no date"):
        parse_time("yesterday")
    with pytest.raises(TagshipError, match="no model 'chrun'"):
        history(snapshot, "chrun")
    with pytest.raises(TagshipError, match="'prod' is no environment"):
        history(snapshot, "churn", "prod")


def test_a_dry_run_pushes_nothing(shop: Shop) -> None:
    from tagship.gitops.propose import propose
    from tagship.gitops.release import release

    assert release(shop.root, "churn", "v1.0.0", shop.verifier, push=True, dry_run=True).message
    assert shop.remote_tags() == []
    shop.release("v1.0.0")
    name = "churn/v1.0.0"
    staged = reconcile_release(shop.root, name, shop.verifier, image("one"), dry_run=True)[0]
    assert (staged.state, staged.detail) == ("deployed", "churn/staging/1")
    assert shop.remote_tags() == ["churn/v1.0.0"]
    shop.stage("v1.0.0", image("one"))
    assert propose(shop.root, "churn", "v1.0.0", dry_run=True).branch == f"promote/{name}"
    assert shop.git("ls-remote", "--heads", "origin").count("\n") == 0
