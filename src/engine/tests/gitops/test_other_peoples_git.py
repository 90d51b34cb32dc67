"""Whatever git is configured to do, the commands read and push what they mean."""

import subprocess
from pathlib import Path

import pytest
from argo import runs

from shop import Shop, git
from tagship.errors import TagshipError
from tagship.gates.champion import champion_here
from tagship.gitops.release import release


@pytest.mark.parametrize(
    "settings",
    [
        {"push.followTags": "true"},
        {"log.showSignature": "true", "gpg.program": "false"},
        {"fetch.prune": "true", "fetch.pruneTags": "true"},
        {"remote.origin.pruneTags": "true", "remote.origin.tagOpt": "--tags"},
        {"status.showUntrackedFiles": "no", "status.short": "true", "status.branch": "true"},
        {"color.ui": "always", "column.ui": "always", "core.quotePath": "true"},
        {"i18n.logOutputEncoding": "UTF-16", "i18n.commitEncoding": "latin1"},
        {"diff.relative": "true", "diff.renames": "copies", "diff.noprefix": "true"},
        {"log.follow": "true", "log.date": "raw", "format.pretty": "oneline"},
        {"push.pushOption": "ci.skip", "push.default": "nothing", "push.autoSetupRemote": "true"},
        {"core.fsmonitor": "false", "submodule.recurse": "true", "push.recurseSubmodules": "check"},
        {"core.abbrev": "4", "core.logAllRefUpdates": "always", "rebase.autoStash": "true"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_no_setting_changes_what_is_done(shipped: Shop, settings: dict[str, str]) -> None:
    for key, value in settings.items():
        shipped.git("config", key, value)
    git(shipped.root, "tag", "-am", "mine", "mine/v9.9.9")
    shipped.rollback("größer ✓")
    assert runs(shipped.remote, "churn", "production") == ("churn/production/3", "churn/v1.0.0")
    assert "mine/v9.9.9" not in shipped.remote_tags()
    assert "mine/v9.9.9" in shipped.git("tag").split()
    history = shipped.snapshot().history.deployments_of("churn", "production")
    assert history[-1].says("Reason") == "größer ✓"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_NAMESPACE", "elsewhere"), ("GIT_DIR", "/nowhere"), ("GIT_INDEX_FILE", "/nowhere"),
        ("GIT_LITERAL_PATHSPECS", "1"), ("GIT_EXTERNAL_DIFF", "false"), ("GIT_TRACE", "1"),
        ("GIT_REPLACE_REF_BASE", "refs/heads/"), ("GIT_OBJECT_DIRECTORY", "/nowhere"),
    ],
)  # fmt: skip
def test_no_variable_shows_another_repository(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        assert shipped.rollback().release == "churn/v1.0.0"
    assert runs(shipped.remote, "churn", "production") == ("churn/production/3", "churn/v1.0.0")


def test_a_replaced_object_is_seen_as_it_is(shipped: Shop) -> None:
    shipped.snapshot()
    first, second = (
        shipped.git("rev-parse", f"refs/tagship/tags/churn/production/{n}^{{commit}}")
        for n in (1, 2)
    )
    shipped.git("replace", first, second)
    assert shipped.rollback().release == "churn/v1.0.0"


def test_a_push_url_of_another_repository_is_told(shipped: Shop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.git"
    git(tmp_path, "clone", "-q", "--bare", str(shipped.remote), str(elsewhere))
    shipped.git("config", "remote.origin.pushurl", str(elsewhere))
    with pytest.raises(TagshipError, match="was pushed, but 'origin' does not have it") as said:
        shipped.rollback()
    assert "remote.origin.pushurl" in str(said.value)
    assert "churn/production/3" not in shipped.remote_tags()


def test_a_push_url_of_the_same_repository_is_taken(shipped: Shop) -> None:
    shipped.git("config", "remote.origin.pushurl", f"file://{shipped.remote}")
    assert shipped.rollback().tag.created


def test_a_hook_that_undoes_a_push_is_noticed(shipped: Shop) -> None:
    hook = shipped.remote / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\nwhile read old new ref; do git update-ref -d $ref; done\n")
    hook.chmod(0o755)
    with pytest.raises(TagshipError, match="does not have it"):
        shipped.rollback()


def test_a_pre_push_hook_s_words_are_passed_on(shipped: Shop) -> None:
    hook = Path(shipped.git("rev-parse", "--git-path", "hooks"))
    hook = shipped.root / hook / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the freeze lasts until Monday' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(TagshipError, match="the freeze lasts until Monday"):
        shipped.rollback()
    assert "churn/production/3" not in shipped.remote_tags()


@pytest.mark.parametrize("hide", ["untracked", "assume-unchanged", "skip-worktree"])
def test_a_release_sees_hidden_files(shipped: Shop, hide: str) -> None:
    shipped.new_lock("three")
    if hide == "untracked":
        shipped.git("config", "status.showUntrackedFiles", "no")
        shipped.put("src/features/sneaky.py", "X = 1\n")
    else:
        shipped.git("update-index", f"--{hide}", "config/churn/model.yaml")
        path = shipped.root / "config/churn/model.yaml"
        path.write_text(path.read_text() + "# hidden\n")
    with pytest.raises(TagshipError, match="the work tree is not clean"):
        release(shipped.root, "churn", "v1.2.0", shipped.verifier)


@pytest.mark.parametrize("key", ["tag.gpgSign", "tag.forceSignAnnotated"])
def test_who_signs_tags_signs_these(shipped: Shop, tmp_path: Path, key: str) -> None:
    secret = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", secret], check=True)
    shipped.git("config", "gpg.format", "ssh")
    shipped.git("config", "user.signingKey", f"{secret}.pub")
    shipped.git("config", key, "true")
    name = shipped.rollback().tag.name
    shipped.snapshot()
    assert "BEGIN SSH SIGNATURE" in shipped.git("cat-file", "-p", f"refs/tagship/tags/{name}")
    assert shipped.rollback().tag.name == name


@pytest.mark.parametrize("actor", ["", "octocat"])
def test_without_an_identity_it_says_what_to_set(
    shipped: Shop, monkeypatch: pytest.MonkeyPatch, actor: str
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{part}", raising=False)
    shipped.git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GITHUB_ACTOR", actor)
    with pytest.raises(TagshipError, match="git does not know who you are"):
        shipped.rollback()


def test_a_project_inside_a_larger_repository_is_refused(shipped: Shop, tmp_path: Path) -> None:
    outer = tmp_path / "mono"
    outer.mkdir()
    git(outer, "init", "-q", "-b", "main")
    inner = outer / "ml" / "shop"
    inner.parent.mkdir()
    git(outer, "remote", "add", "origin", str(shipped.remote))
    shipped.root.rename(inner)
    for path in (inner / ".git").iterdir():
        if path.is_dir():
            subprocess.run(["rm", "-rf", str(path)], check=True)
        else:
            path.unlink()
    (inner / ".git").rmdir()
    git(outer, "add", "-A")
    git(outer, "commit", "-qm", "all in one")
    inside = Shop(inner, shipped.remote)
    with pytest.raises(TagshipError, match="folder ml/shop/ of a larger repository"):
        inside.snapshot()
    with pytest.raises(TagshipError, match="folder ml/shop/ of a larger repository"):
        champion_here(inner, "churn")
