"""Only what was derived is said: of commits, of trailers, of time, of who reviewed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shop import Shop, git, image
from tagship.errors import TagshipError
from tagship.gitops.reconcile import MergedPullRequest, Outcome, reconcile
from tagship.gitops.rollback import lift
from tagship.gitops.status import history, status
from tagship.gitops.timeline import append_to_timeline
from tagship.gitops.verify import verify, verify_all

NOW = datetime(2026, 11, 28, 3, 23, tzinfo=UTC)


def retag(
    shop: Shop, source: str, name: str, commit: str = "", more: str = "", **changes: str
) -> None:
    """Push a tag with the message of another, changed; on another commit if one is named."""
    shop.snapshot()
    message = shop.git("for-each-ref", "--format=%(contents)", f"refs/tagship/tags/{source}") + "\n"
    for old, new in changes.items():
        lines = message.splitlines()
        key = old.replace("_", "-")
        message = "\n".join(
            f"{key}: {new}" if line.startswith(f"{key}: ") else line for line in lines
        )
        message += "\n"
    path = shop.root.parent / "message"
    path.write_text(message + more)
    at = commit or shop.git("rev-parse", f"refs/tagship/tags/{source}^{{commit}}")
    shop.git("tag", "-f", "--cleanup=verbatim", "-a", "-F", str(path), name, at)
    shop.git("push", "-qf", "origin", f"refs/tags/{name}")
    shop.git("tag", "-d", name)


def problems(shop: Shop, name: str) -> str:
    return "\n".join(check.problem for check in verify(shop.root, name, shop.verifier).checks)


def delete(shop: Shop, *names: str) -> Shop:
    """Delete tags on the remote, and look from a fresh clone."""
    for name in names:
        git(shop.remote, "update-ref", "-d", f"refs/tags/{name}")
    return shop.clone("fresh")


# every deployment has a commit of its own


def test_each_deployment_is_one_commit_on_top_of_main_s_head(shipped: Shop) -> None:
    shipped.put(".github/workflows/ci.yml", "name: newer\n")
    shipped.pull()
    bumped = shipped.commit("build: bump an action")
    back = shipped.rollback()
    head = shipped.merge(back.branch)
    lifted = lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    made = shipped.snapshot().history.deployments
    commits = [d.commit for series in made.values() for d in series]
    assert len(set(commits)) == len(commits) == 6
    for commit, parent in ((back.tag.commit, bumped), (lifted[0].commit, head)):
        assert shipped.git("rev-parse", f"{commit}^@") == parent
        beside = shipped.git("diff", "--name-only", parent, commit, "--", ".", ":!deploy")
        assert beside == "verdict.json"
    first = made["churn", "production"][0]
    for name in ("churn/production/3", "churn/production/4"):
        assert shipped.git("rev-parse", f"{name}:deploy") == shipped.git(
            "rev-parse", f"{first.commit}:deploy"
        )
    assert all(each.ok for each in verify_all(shipped.root, shipped.verifier))


@pytest.mark.parametrize("action", ["rollback", "lift"])
def test_a_tag_that_restores_something_else_is_told(shipped: Shop, action: str) -> None:
    shipped.merge(shipped.rollback().branch)
    if action == "lift":
        lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    source = "churn/production/3" if action == "rollback" else "churn/production/4"
    other = shipped.snapshot().history.deployments_of("churn", "production")[1].commit
    retag(shipped, source, source, other)
    assert "its deploy/ is not that of churn/production/" in problems(shipped, source)


def test_a_commit_that_also_changes_code_is_told(shipped: Shop) -> None:
    commit = shipped.side_commit("src/features/churn.py", "print('surprise')\n")
    retag(shipped, "churn/staging/2", "churn/staging/2", commit)
    assert "changes src/features/churn.py: nobody reviewed that" in problems(
        shipped, "churn/staging/2"
    )


# claims of tags


@pytest.mark.parametrize("claim", ["Rejects: churn/v1.1.0", "Lifts: churn/v1.1.0"])
def test_a_claim_that_history_does_not_bear_out_is_told_and_not_obeyed(
    shipped: Shop, claim: str
) -> None:
    if claim.startswith("Lifts"):
        shipped.merge(shipped.rollback().branch)
    history = shipped.snapshot().history
    before, current = history.rejections("churn"), history.current("churn", "production")
    assert current is not None
    name = str(history.next_tag("churn", "production"))
    at = f"{current.name}@{current.raw.object}"
    with_claim = {"Action": "deploy", "Previous": at}
    retag(shipped, "churn/production/2", name, more=f"{claim}\n", **with_claim)
    after = shipped.snapshot().history
    assert {k: v.name for k, v in after.rejections("churn").items()} == {
        k: v.name for k, v in before.items()
    }
    assert f"it says that it {claim.split(':')[0].lower()} churn/v1.1.0" in problems(shipped, name)


def test_a_rollback_that_rejects_what_it_did_not_leave_is_not_obeyed(shipped: Shop) -> None:
    shipped.rollback()
    retag(shipped, "churn/production/3", "churn/production/3", Rejects="churn/v1.0.0")
    assert shipped.snapshot().history.rejections("churn") == {}
    assert "it leaves churn/v1.1.0" in problems(shipped, "churn/production/3")


@pytest.mark.parametrize("key", ["Model-SHA256", "Data-SHA256", "Config-SHA256", "Lock-SHA256"])
def test_a_release_s_hash_that_its_commit_does_not_hold_is_told(shipped: Shop, key: str) -> None:
    retag(shipped, "churn/v1.1.0", "churn/v1.1.0", **{key: "0" * 64})
    assert f"its {key} is {'0' * 64}" in problems(shipped, "churn/v1.1.0")


def test_what_nothing_derives_is_named(shipped: Shop) -> None:
    shipped.rollback("it is slow")
    taken = verify(shipped.root, "churn/production/3", shipped.verifier).taken
    assert {"Reason", "Actor", "the date"} <= set(taken)
    release = verify(shipped.root, "churn/v1.1.0", shipped.verifier).taken
    assert "Verdict (by training again: --retrain)" in release
    assert "the date" in release


@pytest.mark.parametrize("key", ["Verdict", "Verdict-SHA256", "Champion"])
def test_a_release_that_says_another_verdict_than_it_carries_is_told(
    shipped: Shop, key: str
) -> None:
    value = {"Verdict": "warn", "Champion": "none"}.get(key, "0" * 64)
    retag(shipped, "churn/v1.1.0", "churn/v1.1.0", **{key: value})
    assert f"its {key} is {value}, its verdict says" in problems(shipped, "churn/v1.1.0")


def test_a_clone_knows_what_was_judged(shipped: Shop) -> None:
    fresh = shipped.clone("fresh")
    held = json.loads(fresh.git("show", "churn/production/2:verdict.json"))
    assert (held["status"], held["champion"]) == ("pass", "churn/v1.0.0")
    assert held["results"][0]["value"] == 0.8
    back = shipped.rollback()
    old = json.loads(shipped.git("show", f"{back.tag.commit}:verdict.json"))
    assert old["champion"] is None


def test_another_verdict_in_the_commit_is_told(shipped: Shop) -> None:
    commit = shipped.snapshot().history.deployments_of("churn", "production")[1].commit
    shipped.git("switch", "-q", "--detach", f"{commit}")
    shipped.put("verdict.json", "{}\n")
    shipped.git("add", "-A")
    shipped.git("commit", "-q", "--amend", "--no-edit")
    retag(shipped, "churn/production/2", "churn/production/2", shipped.git("rev-parse", "HEAD"))
    told = problems(shipped, "churn/production/2")
    assert "its verdict.json is not the verdict of churn/v1.1.0" in told


# what was deleted


def test_a_deleted_top_is_noticed_by_what_came_after_elsewhere(shipped: Shop) -> None:
    shipped.merge(shipped.rollback().branch)
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    assert shipped.stage("v1.2.0", image("three")).detail == "churn/staging/3"
    fresh = delete(shipped, "churn/production/3")
    told = [f.problem for f in fresh.snapshot().history.findings if f.ref == "churn/production/3"]
    assert told[0].startswith("it was deleted: churn/staging/3 saw it; to restore it: git push")
    assert "it was deleted" in fresh.reconcile()["churn", "production"].detail
    back = fresh.rollback("over the hole")
    assert (back.tag.name, back.release) == ("churn/production/4", "churn/v1.0.0")


def test_two_deleted_tops_of_one_series_are_noticed(shipped: Shop) -> None:
    shipped.merge(shipped.rollback().branch)
    lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    shipped.new_manifests(2)
    shipped.reconcile()
    fresh = delete(shipped, "churn/production/3", "churn/production/4")
    gone = [f.ref for f in fresh.snapshot().history.findings if "it was deleted" in f.problem]
    assert gone == ["churn/production/4"]
    assert fresh.snapshot().history.next_tag("churn", "production").number == 5


def test_the_branch_of_heads_notices_what_no_later_deployment_saw(shipped: Shop) -> None:
    shipped.rollback()
    append_to_timeline(shipped.snapshot(), NOW)
    fresh = delete(shipped, "churn/production/3")
    assert fresh.snapshot().history.findings == ()
    untrue = [each for each in verify_all(fresh.root, fresh.verifier) if not each.ok]
    assert [each.name for each in untrue] == ["churn/production/3"]
    assert "it stood there on 2026-11-28 03:23" in untrue[0].checks[0].problem


def test_a_moved_top_is_noticed_in_a_fresh_clone(shipped: Shop) -> None:
    shipped.new_manifests(2)
    shipped.reconcile()
    retag(shipped, "churn/production/2", "churn/production/2", Actor="Mallory")
    told = [f.problem for f in shipped.clone("fresh").snapshot().history.findings]
    assert "it was moved: churn/staging/3 saw " in told[0]


def test_a_deployment_is_not_believed_to_have_seen_any_number(shipped: Shop) -> None:
    parent = shipped.snapshot().head
    text = f"churn/staging/3: x\n\nsaw churn/production/18446744073709551615 {'a' * 40}\n"
    made = shipped.git("commit-tree", f"{parent}^{{tree}}", "-p", parent, "-m", text)
    history = shipped.snapshot().history
    current = history.current("churn", "staging")
    assert current is not None
    at = f"{current.name}@{current.raw.object}"
    retag(shipped, "churn/staging/2", "churn/staging/3", made, Previous=at)
    assert shipped.rollback().tag.name == "churn/production/3"


# what ran when


def test_what_ran_when_is_told_by_the_branch_of_heads_not_by_dates(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ran(when: datetime) -> list[str]:
        return [e.name for e in history(shipped.snapshot(), "churn", "production", when)]

    with pytest.raises(TagshipError, match=r"cannot be known.*it is empty"):
        ran(NOW)
    append_to_timeline(shipped.snapshot(), NOW)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z")
    shipped.merge(shipped.rollback().branch)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2099-01-01T00:00:00Z")
    lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    assert ran(NOW) == [f"churn/production/{n}" for n in (2, 3, 4)]
    append_to_timeline(shipped.snapshot(), NOW + timedelta(days=1))
    append_to_timeline(shipped.snapshot(), NOW + timedelta(days=2))
    assert ran(NOW + timedelta(hours=2)) == [f"churn/production/{n}" for n in (2, 3, 4)]
    assert ran(NOW + timedelta(days=1, hours=2)) == ["churn/production/4"]
    with pytest.raises(TagshipError, match="its first entry is of 2026-11-28 03:23"):
        ran(NOW - timedelta(seconds=1))


def test_what_stood_there_and_is_gone_is_told(shipped: Shop) -> None:
    shipped.rollback()
    append_to_timeline(shipped.snapshot(), NOW)
    fresh = delete(shipped, "churn/production/3")
    with pytest.raises(TagshipError, match=r"churn/production/3: it stood there.*deleted or moved"):
        history(fresh.snapshot(), "churn", "production", NOW)


# environments that came later


def test_a_new_environment_in_the_middle_makes_no_old_tag_untrue(shipped: Shop) -> None:
    shipped.pull()
    for name in ("release.yaml", "kustomization.yaml"):
        text = shipped.git("show", f"HEAD:deploy/churn/staging/{name}").replace("staging", "qa")
        if name == "release.yaml":
            text = text.replace('release: "churn/v1.1.0"', "release: none")
        shipped.put(f"deploy/churn/qa/{name}", text + "\n")
    project = (shipped.root / "config/project.yaml").read_text()
    shipped.put(
        "config/project.yaml", project.replace("staging, production", "staging, qa, production")
    )
    shipped.commit("feat: qa")
    untrue = [each for each in verify_all(shipped.root, shipped.verifier) if not each.ok]
    assert untrue == []
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    proposal = shipped.propose("v1.2.0", image=image("three"))
    assert proposal.environment == "qa"
    shipped.merge(proposal.branch)
    result = reconcile(shipped.root, shipped.verifier, "", lambda c, _: shipped.approved.get(c))
    assert Outcome("churn", "qa", "deployed", "churn/qa/1", "v1.2.0") in result
    wanted = [o for o in result if (o.environment, o.state) == ("production", "pending")]
    assert wanted[-1].version == "v1.2.0"
    assert wanted[-1].detail.endswith("tagship propose churn v1.2.0 --env production")
    shipped.merge(shipped.propose("v1.2.0", environment="production").branch)
    assert shipped.reconcile()["churn", "production"].detail == "churn/production/3"
    assert verify(shipped.root, "churn/production/3", shipped.verifier).ok


# who reviewed


@pytest.fixture
def reviewed(shipped: Shop) -> tuple[Shop, str]:
    """A project that wants one approval, and a promotion that is merged."""
    shipped.pull()
    project = (shipped.root / "config/project.yaml").read_text()
    shipped.put("config/project.yaml", project + "review: {approvals: 1}\n")
    shipped.commit()
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    return shipped, shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)


def test_fewer_approvals_than_wanted_are_refused(reviewed: tuple[Shop, str]) -> None:
    shop, merged = reviewed
    detail = shop.reconcile()["churn", "production"].detail
    assert "#1 has 0 approvals of" in detail
    assert "review.approvals of config/project.yaml wants 1" in detail
    (by_hand,) = [o for o in reconcile(shop.root, shop.verifier) if o.environment == "production"]
    assert "review.approvals is 1, and nobody was asked here" in by_hand.detail
    shop.approved[merged] = replace(shop.approved[merged], approvals=("bob", "eve"))
    assert shop.reconcile()["churn", "production"].state == "deployed"
    said = shop.snapshot().history.current("churn", "production")
    assert said is not None
    assert said.says("Reviewed") == f"#1 at {shop.approved[merged].commit}"
    assert said.says("Approved-By") == "bob, eve"
    result = verify(shop.root, said.name, shop.verifier)
    assert result.ok
    assert {"Reviewed", "Approved-By"} <= set(result.taken)


def test_approvals_of_another_commit_do_not_count(reviewed: tuple[Shop, str]) -> None:
    shop, merged = reviewed
    other = shop.git("rev-parse", f"{merged}^1")
    shop.approved[merged] = MergedPullRequest("#1", other, ("bob",))
    assert "it differs from what was reviewed" in shop.reconcile()["churn", "production"].detail


def test_status_says_when_a_row_cannot_be_compared(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped.new_manifests(2)
    monkeypatch.setattr("tagship.gitops.kustomize._COMMANDS", ())
    assert {row.main for row in status(shipped.snapshot()).rows} == {
        "neither kustomize nor kubectl is installed"
    }
