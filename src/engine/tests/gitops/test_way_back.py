"""Nothing stops the way back: rollback over every ref, object, clock and configuration."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from argo import runs

from shop import Shop, git
from tagship.errors import TagshipError
from tagship.gitops import git_command
from tagship.gitops.argocd_versions import LARGEST, Unresolvable, followed_version
from tagship.gitops.rollback import lift
from tagship.gitops.status import status

BACK = "churn/v1.0.0"


def plant(shop: Shop, ref: str) -> None:
    """Push a ref on main's commit."""
    shop.git("push", "-q", "origin", f"HEAD:{ref}")


def forge(shop: Shop, name: str, tagger: str) -> None:
    """Push a tag object with a header of one's own."""
    head = shop.git("rev-parse", "HEAD")
    text = f"object {head}\ntype commit\ntag {name}\ntagger {tagger}\n\nwords\n"
    done = subprocess.run(
        ["git", "hash-object", "-w", "-t", "tag", "--literally", "--stdin"],
        cwd=shop.root, input=text, text=True, capture_output=True, check=True,
    )  # fmt: skip
    shop.git("push", "-q", "origin", f"{done.stdout.strip()}:refs/tags/{name}")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("7", (7, 0, 0)), ("v99", (99, 0, 0)), ("007", (7, 0, 0)), ("9.9", (9, 9, 0)),
        ("5+build.01", (5, 0, 0)), (str(LARGEST), (LARGEST, 0, 0)), ("1000000000", (10**9, 0, 0)),
        ("latest", None), ("5-rc1", None), ("v1/2", None), ("", None), ("1.2.3.4", None),
        ("V5", None),
    ],
)  # fmt: skip
def test_a_tag_is_followed_as_argo_cd_reads_it(name: str, version: object) -> None:
    assert followed_version(name) == version


@pytest.mark.parametrize("name", ["1-01", str(LARGEST + 1), "3.99999999999999999999999", "2-a.00"])
def test_by_some_tags_argo_cd_resolves_nothing(name: str) -> None:
    with pytest.raises(Unresolvable):
        followed_version(name)


@pytest.mark.parametrize(
    ("ref", "number"),
    [
        ("refs/tags/churn/production/v100", 101),
        ("refs/tags/churn/production/1000000000", 1000000001),
        ("refs/tags/churn/production/9.9.9", 10),
        ("refs/tags/churn/production/2+x", 3),
        ("refs/tags/churn/production/007", 8),
        ("refs/tags/churn/production/latest", 3),
        ("refs/tags/churn/nowhere/5", 3),
        ("refs/heads/churn", 3),
        ("refs/heads/churn/tune-params", 3),
        ("refs/heads/churn/v2.0.0", 3),
        ("refs/heads/churn/production/2", 3),
        ("refs/heads/churn/production/3", 4),
        ("refs/remotes/churn/production/3", 4),
        ("refs/churn/production/12", 13),
    ],
)
def test_rollback_goes_over_every_ref_and_argo_cd_follows_it(
    shipped: Shop, ref: str, number: int
) -> None:
    plant(shipped, ref)
    done = shipped.rollback()
    if shipped.snapshot().history.deployments["churn", "production"][-2].release == done.release:
        done = shipped.rollback("and further", to=1)
    assert runs(shipped.remote, "churn", "production") == (done.tag.name, done.release)
    assert done.tag.name.startswith("churn/production/")
    assert int(done.tag.name.rpartition("/")[2]) >= number


@pytest.mark.parametrize(
    "tagger",
    [
        "Ada <ada@example.org> 99999999999999 +0000",
        "Ada <ada@example.org> 18446744073709551615 +0000",
        "Ada <ada@example.org> -5 +9999",
        "nobody",
        "\udcff <> 1e9 Z",
    ],
)
def test_an_object_that_cannot_be_understood_is_a_finding(shipped: Shop, tagger: str) -> None:
    try:
        forge(
            shipped, "churn/production/3", tagger.encode(errors="surrogateescape").decode("latin")
        )
    except subprocess.CalledProcessError:
        pytest.fail("the tag could not be planted")
    refs = [finding.ref for finding in shipped.snapshot().history.findings]
    assert "churn/production/3" in refs
    (row,) = (r for r in status(shipped.snapshot()).rows if r.environment == "production")
    assert (row.runs, row.main) == ("?", "Argo CD runs refs/tags/churn/production/3")
    shipped.rollback()
    assert runs(shipped.remote, "churn", "production") == ("churn/production/4", "churn/v1.1.0")


def test_what_argo_cd_stops_at_is_said_after_the_rollback_was_tagged(shipped: Shop) -> None:
    plant(shipped, "refs/tags/churn/production/1-01")
    (row,) = (r for r in status(shipped.snapshot()).rows if r.environment == "production")
    assert row.main == "Argo CD resolves nothing: refs/tags/churn/production/1-01"
    with pytest.raises(TagshipError, match=r"production/3 is there.*an administrator|1-01") as said:
        shipped.rollback()
    assert "an administrator deletes that tag" in str(said.value)
    git(shipped.remote, "tag", "-d", "churn/production/1-01")
    assert runs(shipped.remote, "churn", "production") == ("churn/production/3", BACK)


def test_the_highest_number_of_all_is_for_an_administrator(shipped: Shop) -> None:
    plant(shipped, f"refs/tags/churn/production/{LARGEST}")
    with pytest.raises(TagshipError, match="the highest number there can be is taken"):
        shipped.rollback()


@pytest.mark.parametrize(
    "ref", ["refs/tags/churn/production/v100", "refs/heads/churn/production/2"]
)
def test_a_promotion_waits_for_the_rollback_over_what_leads_astray(shipped: Shop, ref: str) -> None:
    plant(shipped, ref)
    with pytest.raises(TagshipError, match=re.escape(ref.split("/", 2)[2])):
        shipped.propose("v1.1.0")
    assert shipped.reconcile()["churn", "production"].state == "refused"
    shipped.rollback()
    assert shipped.reconcile()["churn", "production"].state != "refused"


@pytest.mark.parametrize("text", ["environments: [", "name: 5\n", ""])
def test_rollback_works_with_a_broken_project_file(shipped: Shop, text: str) -> None:
    shipped.put("config/project.yaml", text)
    shipped.commit("broken")
    assert shipped.rollback().release == BACK


def test_rollback_works_while_the_registry_does_not_answer(shipped: Shop) -> None:
    def down(reference: str) -> bool:
        raise TagshipError("the registry does not answer")

    done = replace(shipped, verifier=replace(shipped.verifier, image_exists=down)).rollback()
    assert done.release == BACK
    assert done.notes == (
        "not checked whether the registry has the image: the registry does not answer",
    )


@contextmanager
def deaf() -> Iterator[str]:
    """The address of a server that takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []
        thread = threading.Thread(target=lambda: kept.append(server.accept()), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/shop.git"


def test_a_remote_that_never_answers_is_given_up(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(git_command, "_NETWORK", {"ls-remote": 1.0, "fetch": 1.0, "push": 1.0})
    monkeypatch.setattr(git_command, "_SILENCE", 0.2)
    with deaf() as url:
        shipped.git("remote", "set-url", "origin", url)
        with pytest.raises(TagshipError, match="did not answer within 1 seconds"):
            shipped.snapshot()
    assert "git ls-remote: waiting for the remote" in capfd.readouterr().err


def refuse(shop: Shop, ref: str) -> None:
    """Let the remote refuse some refs."""
    hook = shop.remote / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\ncase "$1" in {ref}) echo "no, by rule"; exit 1;; esac\n')
    hook.chmod(0o755)


def test_a_refused_branch_says_that_the_rollback_is_there(shipped: Shop) -> None:
    refuse(shipped, "refs/heads/rollback/*")
    with pytest.raises(TagshipError) as said:
        shipped.rollback()
    assert str(said.value).startswith("churn/production/3 is there; but then: ")
    assert "no, by rule" in str(said.value)
    assert runs(shipped.remote, "churn", "production") == ("churn/production/3", BACK)


def test_a_refused_tag_changes_nothing_and_does_not_say_so_of_more(shipped: Shop) -> None:
    before = shipped.remote_tags()
    refuse(shipped, "refs/tags/*")
    with pytest.raises(
        TagshipError, match=r"^the remote refused refs/tags/churn/production/3"
    ) as said:
        shipped.rollback()
    assert "is there" not in str(said.value)
    assert shipped.remote_tags() == before


def test_after_a_lift_rollback_does_not_go_forward(shipped: Shop) -> None:
    shipped.merge(shipped.rollback().branch)
    lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    with pytest.raises(TagshipError, match="ran nothing else before"):
        shipped.rollback("once more")
    assert shipped.runs("production") == BACK


def test_a_run_that_is_run_again_rolls_nothing_else_back(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    first = shipped.rollback()
    shipped.merge(first.branch)
    monkeypatch.setenv("GITHUB_RUN_ID", "4712")
    shipped.ship("v1.2.0", "three")
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    again = shipped.rollback()
    assert (again.tag.name, again.tag.created) == (first.tag.name, False)
    assert again.branch == ""
    assert shipped.runs("production") == "churn/v1.2.0"
    monkeypatch.setenv("GITHUB_RUN_ID", "4713")
    assert shipped.rollback("this one too").rejects == "churn/v1.2.0"


def test_a_lift_that_is_run_again_lifts_no_later_rejection(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped.merge(shipped.rollback().branch)
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    (first,) = lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    monkeypatch.setenv("GITHUB_RUN_ID", "2")
    shipped.merge(shipped.propose("v1.1.0").branch)
    assert shipped.reconcile()["churn", "production"].state == "deployed"
    shipped.merge(shipped.rollback("not mended").branch)
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    (again,) = lift(shipped.root, "churn", "v1.1.0", "mended", shipped.verifier)
    assert (again.name, again.created) == (first.name, False)
    assert "churn/v1.1.0" in shipped.snapshot().history.standing("churn", "production")


def test_the_clone_stays_as_it_was(shipped: Shop, tmp_path: Path) -> None:
    before = shipped.git("status", "--porcelain"), shipped.git("rev-parse", "HEAD")
    shipped.rollback()
    assert (shipped.git("status", "--porcelain"), shipped.git("rev-parse", "HEAD")) == before
