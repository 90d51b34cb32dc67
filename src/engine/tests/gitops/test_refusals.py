"""Bad input and faults: refused clearly, nothing lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from shop import Shop, gate, image, put_lock, sha
from tagship.errors import TagshipError
from tagship.gitops.propose import propose
from tagship.gitops.reconcile import MergedPullRequest
from tagship.gitops.release import release
from tagship.gitops.status import history, status
from tagship.gitops.verify import verify


def problems(shop: Shop, name: str) -> str:
    return "\n".join(check.problem for check in verify(shop.root, name, shop.verifier).checks)


def findings(shop: Shop) -> str:
    return "\n".join(f"{f.ref}: {f.problem}" for f in shop.snapshot().history.findings)


def forge(shop: Shop, source: str, name: str, commit: str, **changes: str) -> None:
    """Push a tag with another's message, changed."""
    message = shop.git("for-each-ref", "--format=%(contents)", f"refs/tagship/tags/{source}")
    for old, new in changes.items():
        message = message.replace(old.replace("_", "-"), new)
    path = shop.root.parent / "message"
    path.write_text(message)
    shop.git("tag", "-f", "--cleanup=verbatim", "-a", "-F", str(path), name, commit)
    shop.git("push", "-qf", "origin", f"refs/tags/{name}")


def side_commit(shop: Shop) -> str:
    return shop.side_commit("deploy/churn/production/patch.yaml", "kind: Surprise\n")


def test_a_tag_on_an_unreviewed_commit_is_told(shipped: Shop) -> None:
    commit = side_commit(shipped)
    shipped.snapshot()
    forge(shipped, "churn/production/2", "churn/production/3", commit)
    assert "nobody reviewed it" in problems(shipped, "churn/production/3")


def test_only_a_merged_commit_is_deployed(shipped: Shop) -> None:
    with pytest.raises(TagshipError, match="not on main"):
        shipped.reconcile(commit=side_commit(shipped))
    with pytest.raises(TagshipError, match="not on main"):
        shipped.reconcile(commit="no-such-commit")


def test_a_release_of_an_unmerged_commit_is_refused(shipped: Shop) -> None:
    commit = side_commit(shipped)
    shipped.snapshot()
    forge(shipped, "churn/v1.1.0", "churn/v1.2.0", commit, **{"v1.1.0": "v1.2.0"})
    with pytest.raises(TagshipError, match="is not on main"):
        shipped.propose("v1.2.0", image=image("x"))
    assert "is not on main" in problems(shipped, "churn/v1.2.0")


def test_a_lightweight_tag_is_reported_and_never_acted_on(shipped: Shop) -> None:
    shipped.git("tag", "churn/production/7")
    shipped.git("push", "-q", "origin", "refs/tags/churn/production/7")
    assert "churn/production/7: it is lightweight" in findings(shipped)
    assert "it is lightweight" in problems(shipped, "churn/production/7")


def test_an_annotated_tag_made_by_hand_is_reported(shipped: Shop) -> None:
    shipped.git("tag", "-am", "let us ship this", "churn/production/3")
    shipped.git("push", "-q", "origin", "refs/tags/churn/production/3")
    shipped.git("tag", "-am", "x", "churn/prod/1")
    shipped.git("push", "-q", "origin", "refs/tags/churn/prod/1")
    shipped.git("tag", "-am", "x", "churn/release-1")
    shipped.git("push", "-q", "origin", "refs/tags/churn/release-1")
    told = findings(shipped)
    assert "churn/production/3: its message does not end in trailers" in told
    assert "churn/release-1: neither" in told
    assert shipped.runs("production") == "churn/v1.1.0"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Model: churn", "Model: fraud", "its trailer Model says 'fraud'"),
        ("Environment: production", "Environment: staging", "its trailer Environment says"),
        ("Action: deploy", "Action: destroy", "its trailer Action says 'destroy'"),
        ("Release: churn/v1.1.0", "Release: fraud/v1.1.0", "its trailer Release says"),
        ("Manifests: ", "Reason: ", "its trailer Manifests is missing"),
    ],
)
def test_a_tag_whose_trailers_disagree_with_its_name_does_not_count(
    shipped: Shop, old: str, new: str, problem: str
) -> None:
    shipped.snapshot()
    commit = shipped.git("rev-parse", "refs/tagship/tags/churn/production/2^{commit}")
    forge(shipped, "churn/production/2", "churn/production/3", commit, **{old: new})
    assert problem in findings(shipped)
    assert history(shipped.snapshot(), "churn", "production")[-1].name == "churn/production/2"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (sha("two"), sha("other")),
        ("Release: churn/v1.1.0", "Release: churn/v1.0.0"),
        ("registry.example", "evil.example"),
    ],
)
def test_a_tag_whose_trailers_disagree_with_its_tree_is_told(
    shipped: Shop, old: str, new: str
) -> None:
    shipped.snapshot()
    commit = shipped.git("rev-parse", "refs/tagship/tags/churn/production/2^{commit}")
    forge(shipped, "churn/production/2", "churn/production/3", commit, **{old: new})
    assert "its commit holds" in problems(shipped, "churn/production/3")


def test_a_tag_object_under_another_name_does_not_count(shipped: Shop) -> None:
    shipped.snapshot()
    made = shipped.git("rev-parse", "refs/tagship/tags/churn/production/1")
    shipped.git("push", "-q", "origin", f"{made}:refs/tags/churn/production/3")
    assert "the tag object is that of 'churn/production/1'" in findings(shipped)
    assert shipped.runs("production") == "churn/v1.1.0"


def test_a_moved_tag_is_noticed_by_the_chain_and_by_every_clone(shipped: Shop) -> None:
    other = shipped.clone("other")
    shipped.snapshot()
    target = shipped.git("rev-parse", "refs/tagship/tags/churn/production/2^{commit}")
    forge(shipped, "churn/production/2", "churn/production/1", target,
          **{"production/2": "production/1"})  # fmt: skip
    for clone in (shipped.clone("third"), other):
        assert "churn/production/1: it was moved" in findings(clone)
    with pytest.raises(TagshipError, match="it was moved"):
        other.propose("v1.1.0")
    with pytest.raises(TagshipError, match="it was moved"):
        other.rollback(to=1)
    with pytest.raises(TagshipError, match="ran nothing else before"):
        other.rollback()


def test_a_deleted_tag_leaves_a_gap_that_is_told_and_never_filled(shipped: Shop) -> None:
    other = shipped.clone("other")
    shipped.git("push", "-q", "origin", ":refs/tags/churn/production/1")
    told = "churn/production/1: it was deleted: churn/production/2 followed it"
    assert told in findings(other.clone("third"))
    assert "in this clone only" in findings(other)
    with pytest.raises(TagshipError, match="ran nothing else before"):
        other.rollback()
    assert str(other.snapshot().history.next_tag("churn", "production")) == "churn/production/3"


def test_a_digest_that_differs_from_the_record_is_refused(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    branch = shipped.propose("v1.2.0", image=image("three")).branch
    shipped.merge(branch)
    path = shipped.root / "deploy/churn/production/kustomization.yaml"
    path.write_text(path.read_text().replace(DIGEST, sha("evil")))
    shipped.commit()
    assert "its record says" in shipped.reconcile()["churn", "production"].detail
    path = shipped.root / "deploy/churn/production/release.yaml"
    path.write_text(path.read_text().replace(DIGEST, sha("evil")))
    shipped.commit()
    told = shipped.reconcile()["churn", "production"]
    assert told.state == "refused"
    assert "a release is one image" in told.detail


def test_a_pin_edited_by_hand_without_its_record_is_not_deployed(shipped: Shop) -> None:
    shipped.pull()
    path = shipped.root / "deploy/churn/production/kustomization.yaml"
    path.write_text(path.read_text().replace(sha("image two"), sha("evil")))
    shipped.commit()
    told = shipped.reconcile()["churn", "production"]
    assert told.state == "refused"
    assert "which is neither the record's image" in told.detail
    assert status(shipped.snapshot()).rows[1].main == told.detail.partition("\n")[0]


def test_a_stale_lock_is_not_released(shop: Shop) -> None:
    def stale(files: object) -> None:
        raise TagshipError("the lock is stale")

    shop.verifier = replace(shop.verifier, verify_lock=stale)
    with pytest.raises(TagshipError, match="the lock is stale"):
        shop.release("v1.0.0")
    assert shop.remote_tags() == []


def test_no_lock_is_not_released(shop: Shop) -> None:
    shop.git("rm", "-q", "config/churn/model.lock.yaml")
    shop.commit()
    with pytest.raises(TagshipError, match=r"model\.lock\.yaml: no such file at"):
        shop.release("v1.0.0")


def test_a_lock_tampered_after_its_release_is_not_promoted(shipped: Shop) -> None:
    shipped.snapshot()
    shipped.pull()
    put_lock(shipped.root, "tampered")
    commit = shipped.commit()
    forge(shipped, "churn/v1.1.0", "churn/v1.2.0", commit, **{"v1.1.0": "v1.2.0"})
    with pytest.raises(TagshipError, match="Model-SHA256 is"):
        shipped.propose("v1.2.0", image=image("x"))
    assert "Model-SHA256 is" in problems(shipped, "churn/v1.2.0")


def test_a_failing_verdict_is_not_released(shop: Shop) -> None:
    shop.new_lock("bad", f1=0.1)
    with pytest.raises(TagshipError, match=r"metrics f1: 0.1, wanted ≥ 0.5"):
        shop.release("v1.0.0")


def test_a_verdict_on_another_artifact_is_not_released(shop: Shop) -> None:
    def other(files, champion):  # type: ignore[no-untyped-def]
        return gate(files, champion).model_copy(update={"artifact_sha256": sha("other")})

    shop.verifier = replace(shop.verifier, gate=other)
    with pytest.raises(TagshipError, match="the gates judged"):
        shop.release("v1.0.0")


def test_retraining_that_does_not_pass_is_told(shipped: Shop) -> None:
    assert verify(shipped.root, "churn/production/2", shipped.verifier, retrain=True).ok

    def failing(files, champion):  # type: ignore[no-untyped-def]
        assert champion == "churn/v1.0.0"
        return gate(files, champion).model_copy(update={"results": []})

    verifier = replace(shipped.verifier, gate=failing)
    result = verify(shipped.root, "churn/production/2", verifier, retrain=True)
    assert "does not pass again" in result.checks[-1].problem


@pytest.mark.parametrize("version", ["v1.1.0", "v1.0.9", "v0.9.0"])
def test_a_version_not_higher_than_the_last_is_refused(shipped: Shop, version: str) -> None:
    shipped.new_lock("three")
    with pytest.raises(TagshipError, match=r"is taken|not higher than churn/v1\.1\.0"):
        shipped.release(version)


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_content_changed_after_review_is_refused(shipped: Shop, how: str) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    proposal = shipped.propose("v1.2.0", image=image("three"))
    shipped.git("fetch", "-q", "origin", proposal.branch)
    shipped.git("switch", "-q", "--detach", "FETCH_HEAD")
    shipped.put("deploy/churn/production/notes.txt", "sneaked in")
    shipped.git("add", "-A")
    shipped.git("commit", "-qm", "after the review")
    shipped.git("push", "-q", "origin", f"HEAD:refs/heads/{proposal.branch}")
    shipped.git("switch", "-q", "main")
    merged = shipped.merge(proposal.branch, how)
    shipped.approved[merged] = MergedPullRequest("#1", proposal.commit)
    result = shipped.reconcile(commit=merged)["churn", "production"]
    assert result.state == "refused"
    assert "differs from what was reviewed" in result.detail


def test_manifests_changed_between_proposal_and_merge_are_refused(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    proposal = shipped.propose("v1.2.0", image=image("three"))
    shipped.new_manifests(2)
    shipped.merge(proposal.branch)
    result = shipped.reconcile()["churn", "production"]
    assert "not those that were proposed and reviewed" in result.detail
    again = shipped.propose("v1.2.0")
    shipped.merge(again.branch)
    assert shipped.reconcile()["churn", "production"].state == "deployed"


def test_a_rejected_version_that_is_pinned_by_hand_is_refused(shipped: Shop) -> None:
    pinned = shipped.git("show", "origin/main:deploy/churn/production/release.yaml")
    pin = shipped.git("show", "origin/main:deploy/churn/production/kustomization.yaml")
    shipped.merge(shipped.rollback().branch)
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)
    shipped.reconcile()
    shipped.put("deploy/churn/production/release.yaml", pinned + "\n")
    shipped.put("deploy/churn/production/kustomization.yaml", pin + "\n")
    shipped.commit()
    assert "was rejected by churn/production/3" in shipped.reconcile()["churn", "production"].detail


def test_an_older_release_does_not_come_back_by_a_late_merge(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    late = shipped.propose("v1.2.0", image=image("three"))
    shipped.new_lock("four")
    shipped.release("v1.3.0")
    shipped.merge(shipped.propose("v1.3.0", image=image("four")).branch)
    assert shipped.reconcile()["churn", "production"].state == "deployed"
    shipped.pull()
    shipped.git("fetch", "-q", "origin", late.branch)
    shipped.git("checkout", "-q", "FETCH_HEAD", "--", "deploy/churn/production")
    merged = shipped.commit()
    shipped.approved[merged] = MergedPullRequest("#1", merged)
    assert "runs the newer churn/v1.3.0" in shipped.reconcile()["churn", "production"].detail
    shipped.new_lock("five")
    shipped.release("v1.4.0")
    shipped.new_lock("six")
    shipped.release("v1.5.0")
    shipped.propose("v1.5.0", image=image("six"))
    with pytest.raises(TagshipError, match=r"already ran the newer churn/v1\.5\.0"):
        shipped.propose("v1.4.0", image=image("five"))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("registry.example/shop/shop-churn:latest", "the image of churn is"),
        ("registry.example/shop/shop-churn@sha256:abc", "not pinned by digest"),
        (f"evil.example/shop-churn@sha256:{sha('x')}", "the image of churn is"),
    ],
)
def test_a_wrong_image_is_refused(shop: Shop, wrong: str, problem: str) -> None:
    shop.release("v1.0.0")
    with pytest.raises(TagshipError, match=problem):
        shop.propose("v1.0.0", image=wrong)


def test_an_image_that_the_registry_does_not_have_is_not_deployed(shop: Shop) -> None:
    shop.release("v1.0.0")
    shop.verifier = replace(shop.verifier, image_exists=lambda reference: False)
    with pytest.raises(TagshipError, match="the registry does not have it"):
        shop.propose("v1.0.0", image=image("one"))


def test_a_release_that_staging_never_ran_is_not_promoted(shop: Shop) -> None:
    shop.release("v1.0.0")
    with pytest.raises(TagshipError, match="staging never ran it"):
        shop.propose("v1.0.0")
    with pytest.raises(TagshipError, match=r"no release churn/v2\.0\.0"):
        shop.propose("v2.0.0")
    with pytest.raises(TagshipError, match="production runs nothing yet"):
        shop.propose(None)
    with pytest.raises(TagshipError, match="'prod' is no environment"):
        shop.propose("v1.0.0", environment="prod")


def test_a_first_release_pinned_by_hand_is_refused(shop: Shop) -> None:
    path = shop.root / "deploy/churn/staging/release.yaml"
    path.write_text(path.read_text().replace("release: none", "release: churn/v1.0.0"))
    shop.commit()
    assert "was pinned by hand" in shop.reconcile()["churn", "staging"].detail


def test_rollback_with_nothing_before_is_refused(shop: Shop) -> None:
    with pytest.raises(TagshipError, match="production runs nothing"):
        shop.rollback()
    shop.ship("v1.0.0", "one-a")
    with pytest.raises(TagshipError, match="ran nothing else before"):
        shop.rollback()


@pytest.mark.parametrize("reason", ["", "  \n\t "])
def test_rollback_without_a_reason_is_refused(shipped: Shop, reason: str) -> None:
    with pytest.raises(TagshipError, match="a reason is needed"):
        shipped.rollback(reason)


def test_rollback_only_to_what_this_environment_ran(shipped: Shop) -> None:
    with pytest.raises(TagshipError, match="never ran it before churn/production/2"):
        shipped.rollback(to=9)
    with pytest.raises(TagshipError, match="'prod' is no environment"):
        shipped.rollback(environment="prod")
    assert shipped.rollback(to=1).release == "churn/v1.0.0"
    with pytest.raises(TagshipError, match="is a rollback already"):
        shipped.rollback("another reason")
    with pytest.raises(TagshipError, match=r"runs churn/v1.1.0, rejected by churn/production/3"):
        shipped.rollback("forward again", to=2)


def test_rollback_to_an_image_that_is_gone_is_refused(shipped: Shop) -> None:
    shipped.verifier = replace(shipped.verifier, image_exists=lambda reference: False)
    with pytest.raises(TagshipError, match="the registry does not have it any more"):
        shipped.rollback()


def test_lifting_what_is_not_rejected_or_without_reason_is_refused(shipped: Shop) -> None:
    from tagship.gitops.rollback import lift

    with pytest.raises(TagshipError, match=r"churn/v1\.0\.0 is not rejected"):
        lift(shipped.root, "churn", "v1.0.0", "why not", shipped.verifier)
    with pytest.raises(TagshipError, match="a reason is needed"):
        lift(shipped.root, "churn", "v1.0.0", " ", shipped.verifier)


def test_a_push_that_the_remote_refuses_is_told_and_leaves_nothing(shipped: Shop) -> None:
    hook = shipped.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\necho "GH013: ruleset says no" >&2\nexit 1\n')
    hook.chmod(0o755)
    with pytest.raises(TagshipError, match=r"hook declined.*GH013: ruleset says no"):
        shipped.rollback()
    assert "churn/production/3" not in shipped.git("tag", "--list")
    hook.unlink()
    assert shipped.rollback().tag.name == "churn/production/3"


def test_a_remote_that_cannot_be_reached_is_told(shipped: Shop) -> None:
    shipped.remote.rename(shipped.remote.with_suffix(".gone"))
    with pytest.raises(TagshipError, match="git ls-remote"):
        shipped.snapshot()
    shipped.git("remote", "remove", "origin")
    with pytest.raises(TagshipError, match="no git remote named 'origin'"):
        shipped.snapshot()


def test_a_shallow_clone_is_refused_with_the_way_out(shipped: Shop) -> None:
    clone = shipped.clone("shallow", "--depth", "1")
    with pytest.raises(TagshipError, match="git fetch --unshallow"):
        clone.release("v1.2.0")
    assert clone.rollback().release == "churn/v1.0.0"
    clone.git("fetch", "-q", "--unshallow")


def test_a_detached_head_or_another_branch_does_not_release(shop: Shop) -> None:
    shop.git("switch", "-q", "--detach")
    with pytest.raises(TagshipError, match="HEAD is detached"):
        shop.release("v1.0.0")
    shop.git("switch", "-qc", "feature")
    with pytest.raises(TagshipError, match="releases are made from 'main'"):
        shop.release("v1.0.0")


def test_a_detached_head_still_rolls_back(shipped: Shop) -> None:
    shipped.git("switch", "-q", "--detach")
    assert shipped.rollback().release == "churn/v1.0.0"


def test_an_unclean_tree_or_an_unpushed_commit_does_not_release(shop: Shop) -> None:
    shop.put("ümläut $(id).txt", "x")
    with pytest.raises(TagshipError, match="not clean"):
        shop.release("v1.0.0")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "x")
    with pytest.raises(TagshipError, match="HEAD is not on origin/main"):
        shop.release("v1.0.0")


def test_a_clone_without_tags_knows_them_all_the_same(shipped: Shop) -> None:
    clone = shipped.clone("bare-of-tags", "--no-tags")
    assert clone.git("tag", "--list") == ""
    assert clone.rollback().tag.name == "churn/production/3"


def test_a_renamed_or_removed_model_is_told_and_can_still_be_rolled_back(shipped: Shop) -> None:
    shipped.pull()
    shipped.git("mv", "config/churn", "config/leavers")
    shipped.git("mv", "deploy/churn", "deploy/leavers")
    shipped.commit()
    assert any("renamed or removed" in f for f in status(shipped.snapshot()).findings)
    assert len(history(shipped.snapshot(), "churn")) == 4
    done = shipped.rollback()
    assert (done.release, done.branch) == ("churn/v1.0.0", "")
    with pytest.raises(TagshipError, match="no model 'churn'"):
        release(shipped.root, "churn", "v1.2.0", shipped.verifier)


def test_a_removed_overlay_is_refused_not_forgotten(shipped: Shop) -> None:
    shipped.pull()
    shipped.git("rm", "-qr", "deploy/churn/production")
    shipped.commit()
    assert "no overlay on main" in shipped.reconcile()["churn", "production"].detail


DIGEST = sha("image three")
REASONS = [
    "quote \" and ' and `id` and $(id) and ${HOME}",
    "; rm -rf / && echo | tee > x",
    "zu langsam für Kunden — 遅い 🐢",
    "-m --force",
    "line one\nRejects: churn/v1.0.0\n\nLifts: churn/v1.1.0",
    "\x1b[31mred\x1b[0m and \u202eright to left",
    "# looks like a comment",
]


@pytest.mark.parametrize("reason", REASONS)
def test_any_reason_is_kept_as_text_and_never_obeyed(shipped: Shop, reason: str) -> None:
    done = shipped.rollback(reason)
    [event] = history(shipped.snapshot(), "churn", "production")[2:]
    assert event.rejects == "churn/v1.1.0"
    assert event.lifts == ""
    assert event.reason.replace(" ", "") == "".join(
        c for c in reason if c.isprintable() and not c.isspace()
    )
    assert shipped.rollback(reason).tag.name == done.tag.name
    assert not (shipped.root / "x").exists()


@pytest.mark.parametrize("name", ["-x", "churn; id", "$(id)", "../churn", "Churn", "chürn", ""])
def test_a_name_that_cannot_be_a_models_is_refused(shipped: Shop, name: str) -> None:
    with pytest.raises(TagshipError):
        release(shipped.root, name, "v1.0.0", shipped.verifier)
    with pytest.raises(TagshipError):
        propose(shipped.root, name, "v1.0.0")
    with pytest.raises(TagshipError, match="is no tag of this grammar"):
        verify(shipped.root, f"{name}/v1.0", shipped.verifier)


def test_verifying_a_tag_that_is_not_there_is_told(shipped: Shop) -> None:
    """A mistyped name is no sign that anybody deleted a tag, and is not called untrue."""
    for name in ("churn/production/9", "churn/v1.0.9"):
        with pytest.raises(TagshipError, match=f"the remote has no tag {name}\\n.*did you mean"):
            verify(shipped.root, name, shipped.verifier)


def test_the_work_tree_is_never_touched(shipped: Shop, tmp_path: Path) -> None:
    shipped.put("notes.txt", "mine")
    shipped.put("deploy/churn/production/release.yaml", "half edited")
    before = shipped.git("status", "--porcelain"), shipped.git("rev-parse", "HEAD")
    shipped.rollback()
    assert (shipped.git("status", "--porcelain"), shipped.git("rev-parse", "HEAD")) == before


@pytest.mark.parametrize("number", [999_999_999, 20_261_128, 100_000])
def test_a_number_costs_by_how_many_tags_there_are_not_by_how_high_it_is(
    shipped: Shop, number: int
) -> None:
    import tracemalloc

    name = f"churn/production/{number}"
    shipped.snapshot()
    forge(shipped, "churn/production/1", name, shipped.git("rev-parse", "churn/production/1^{}"))
    tracemalloc.start()
    history = shipped.snapshot().history
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    told = [f.problem for f in history.findings if f.ref == name]
    assert told == ["it says that it followed nothing, not churn/production/2"]
