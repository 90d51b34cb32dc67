"""Two people at once, and being cut off at any step: every number once, nothing lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from argo import runs

from shop import Shop, image
from tagship.errors import TagshipError
from tagship.gitops.git import Git
from tagship.gitops.history import Deployment
from tagship.gitops.rollback import lift
from tagship.gitops.snapshot import Snapshot
from tagship.gitops.tag_writer import Plan, tag_deployment
from tagship.gitops.verify import verify

WRITES = ("push", "mktag", "commit-tree", "update-ref", "tag")


class KilledError(BaseException):
    """The process is gone; nothing catches this."""


def cut_off(monkeypatch: pytest.MonkeyPatch, at: int, after: bool) -> None:
    """Let git die before or after its ``at``-th write."""
    whole, seen = Git.call, 0

    def call(self: Git, *arguments: str, **rest: str):  # type: ignore[no-untyped-def]
        nonlocal seen
        if arguments[0] not in WRITES:
            return whole(self, *arguments, **rest)
        seen += 1
        if seen == at and not after:
            raise KilledError
        done = whole(self, *arguments, **rest)
        if seen == at:
            raise KilledError
        return done

    monkeypatch.setattr(Git, "call", call)


def survives(shop: Shop, act: Callable[[], object], writes: int) -> None:
    """Cut ``act`` off before and after each write, then run it whole."""
    for at in range(1, writes + 1):
        for after in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                cut_off(patch, at, after)
                with suppress(KilledError):
                    act()
    act()
    assert not shop.snapshot().history.findings


def test_a_release_cut_off_anywhere_is_finished_by_running_it_again(shop: Shop) -> None:
    survives(shop, lambda: shop.release("v1.0.0"), 3)
    assert shop.remote_tags() == ["churn/v1.0.0"]


def test_a_release_tagged_here_but_never_pushed_is_pushed_by_the_next_run(shop: Shop) -> None:
    from tagship.gitops.release import release

    release(shop.root, "churn", "v1.0.0", shop.verifier)
    shop.release("v1.0.0")
    assert shop.remote_tags() == ["churn/v1.0.0"]
    assert not shop.snapshot().history.findings


def test_a_promotion_cut_off_anywhere_is_finished_by_running_it_again(shop: Shop) -> None:
    shop.release("v1.0.0")
    results = []
    survives(shop, lambda: results.append(shop.propose("v1.0.0", image=image("one"))), 8)
    assert shop.remote_tags() == ["churn/staging/1", "churn/v1.0.0"]
    shop.merge(results[-1].branch)
    assert shop.reconcile()["churn", "production"].state == "deployed"


def test_a_rebuilt_image_after_a_cut_off_does_not_replace_the_first(shop: Shop) -> None:
    shop.release("v1.0.0")
    shop.propose("v1.0.0", image=image("first build"))
    shop.merge(shop.propose("v1.0.0", image=image("second build")).branch)
    shop.reconcile()
    current = shop.snapshot().history.current("churn", "production")
    assert current is not None
    assert current.says("Image") == image("first build")


def test_a_deployment_cut_off_anywhere_is_finished_by_running_it_again(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)
    survives(shipped, shipped.reconcile, 3)
    assert shipped.remote_tags().count("churn/production/3") == 1
    assert "churn/production/4" not in shipped.remote_tags()


def test_a_rollback_cut_off_anywhere_is_finished_and_goes_back_once(shipped: Shop) -> None:
    done = []
    survives(shipped, lambda: done.append(shipped.rollback()), 6)
    assert "churn/production/4" not in shipped.remote_tags()
    assert done[-1].branch == "rollback/churn/production/3"
    assert shipped.git("ls-remote", "origin", done[-1].branch)
    shipped.merge(done[-1].branch)
    survives(shipped, lambda: lift(shipped.root, "churn", "v1.1.0", "x", shipped.verifier), 3)
    assert "churn/production/5" not in shipped.remote_tags()


def test_kill_9_in_the_middle_of_the_push_leaves_a_state_that_the_next_run_finishes(
    shipped: Shop,
) -> None:
    hook = shipped.root / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nkill -9 $(ps -o ppid= -p $PPID)\nexit 1\n")
    hook.chmod(0o755)
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from shop import VERIFIER; from pathlib import Path\n"
        "from tagship.gitops.rollback import rollback\n"
        "rollback(Path(sys.argv[1]), 'churn', 'production', 'it is slow', VERIFIER)\n"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", script, str(shipped.root), str(here), str(here.parent)],
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGKILL
    hook.unlink()
    assert shipped.rollback().tag.name == "churn/production/3"
    assert not shipped.snapshot().history.findings


def test_many_clones_at_once_take_each_number_once(shipped: Shop) -> None:
    clones = [shipped.clone(f"clone{n}") for n in range(4)]

    def decide(snapshot: Snapshot) -> Plan | Deployment:
        current = snapshot.history.current("churn", "production")
        assert current is not None
        record = snapshot.record(current.commit, "churn", "production")
        assert record is not None
        return Plan(
            record, current.commit, "lift", "race", current.manifests, {"Lifts": "churn/v0.0.1"}
        )

    def take(clone: Shop) -> str:
        verifier = replace(clone.verifier, actor=clone.root.name)
        return tag_deployment(clone.root, "churn", verifier, decide).name

    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(take, clones))
    assert sorted(names) == [f"churn/production/{n}" for n in (3, 4, 5, 6)]
    assert not shipped.snapshot().history.findings


def test_two_people_deploying_the_same_merge_make_one_deployment(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)
    clones = [shipped.clone(f"clone{n}") for n in range(3)]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda clone: clone.reconcile()["churn", "production"], clones))
    assert {o.state for o in results} <= {"current", "deployed"}
    assert {o.detail.split()[0] for o in results} == {"churn/production/3"}
    assert "churn/production/4" not in shipped.remote_tags()


def test_two_people_rolling_back_at_once_go_back_once(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)
    shipped.reconcile()
    clones = [shipped.clone(f"clone{n}") for n in range(3)]

    def back(clone: Shop) -> str:
        try:
            return clone.rollback(f"said by {clone.root.name}").tag.name
        except TagshipError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(back, clones))
    assert said.count("churn/production/4") == 1
    assert all("a rollback already" in text for text in said if text != "churn/production/4")
    assert runs(shipped.remote, "churn", "production") == ("churn/production/4", "churn/v1.1.0")


def test_promoting_and_rolling_back_at_once_is_as_if_one_came_first(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)
    first, second = shipped.clone("one"), shipped.clone("two")

    def back() -> str:
        try:
            return second.rollback().rejects
        except TagshipError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        deployed = pool.submit(first.reconcile)
        said = pool.submit(back).result()
        outcome = deployed.result()["churn", "production"]
    assert outcome.state in ("deployed", "held")
    assert "came first" in said or said in ("churn/v1.1.0", "churn/v1.2.0")
    history = shipped.snapshot().history.deployments_of("churn", "production")
    assert [d.number for d in history] == list(range(1, len(history) + 1))
    assert all(verify(shipped.root, d.name, shipped.verifier).ok for d in history)


def test_a_rollback_that_was_beaten_by_a_promotion_is_refused(shipped: Shop) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    shipped.merge(shipped.propose("v1.2.0", image=image("three")).branch)
    other = shipped.clone("other")
    asked = []

    def beaten(reference: str) -> bool:
        if not asked:
            asked.append(other.reconcile())
        return True

    shipped.verifier = replace(shipped.verifier, image_exists=beaten)
    with pytest.raises(TagshipError, match="churn/production/3 came first"):
        shipped.rollback()
    assert shipped.runs("production") == "churn/v1.2.0"


def test_a_promotion_branch_moved_by_someone_else_is_refused(shipped: Shop) -> None:
    snapshot = shipped.snapshot()
    shipped.git("push", "-q", "origin", "HEAD:refs/heads/promote/churn/v9.0.0")
    from tagship.gitops.propose import push_branch

    with pytest.raises(TagshipError, match="was moved meanwhile"):
        push_branch(snapshot, "promote/churn/v9.0.0", shipped.git("rev-parse", "HEAD~1"))
