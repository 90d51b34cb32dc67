"""Data that the real DVC keeps: held to its pointer, pulled if it is missing, named in the lock."""

import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from event_files import FOLDER, make_events, place_of, read_files
from object_stores import ObjectStore
from projects import Project, copy_project, make_project, make_table
from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.sources.dvc import content_md5
from tagship.sources.fetching import borrow_data, local_file
from tagship.training.lock import read_lock
from tools import find_program

NEWER = make_table(seed=8).to_csv(index=False)
PLACE = "data/tiny.csv.dvc"


def run(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dvc(root: Path, *arguments: str) -> str:
    return run(root, find_program("dvc"), *arguments)


def commit(root: Path) -> str:
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-q", "-m", "chore: as it is")
    return run(root, "git", "rev-parse", "HEAD").strip()


@pytest.fixture(scope="session")
def _tracked_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("dvc")
    project = make_project(folder / "project")
    run(project.root, "git", "init", "-q", "-b", "main")
    run(project.root, "git", "config", "user.name", "Test")
    run(project.root, "git", "config", "user.email", "test@example.org")
    project.write(".gitignore", ".tagship/\n")
    dvc(project.root, "init", "-q")
    dvc(project.root, "remote", "add", "-q", "-d", "shared", str(folder / "remote"))
    dvc(project.root, "add", "-q", "data/tiny.csv")
    dvc(project.root, "push", "-q")
    commit(project.root)
    return project


@pytest.fixture
def tracked(_tracked_once: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project ``tiny`` with its table in DVC, pushed to a remote and committed."""
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return copy_project(_tracked_once, tmp_path / "project")


def pointed(project: Project, place: str = PLACE) -> str:
    named = re.search(r"md5: (\w+(\.dir)?)", project.path(place).read_text())
    assert named
    return named[1]


def without_data(project: Project) -> Project:
    """As a clone is: the pointer alone, and no cache."""
    project.path("data/tiny.csv").unlink()
    shutil.rmtree(project.root / ".dvc/cache")
    return project


def test_missing_data_is_pulled_and_the_lock_names_its_hash(tracked: Project) -> None:
    before = content_md5(tracked.path("data/tiny.csv"))
    without_data(tracked).relock()
    assert pointed(tracked) == before == content_md5(tracked.path("data/tiny.csv"))
    assert read_lock(tracked.lock).data.identity == {"dvc": f"md5 {before}"}
    assert tracked.tagship("lock", "verify", "tiny").code == 0


def test_data_that_is_not_what_the_pointer_names_is_refused_until_one_of_them_is_mended(
    tracked: Project,
) -> None:
    tracked.write("data/tiny.csv", NEWER)
    tracked.refused(
        "train",
        "tiny",
        says=(
            f"data/tiny.csv is not what {PLACE} names",
            f"`dvc checkout {PLACE}`",
            "`dvc add data/tiny.csv`",
        ),
    )
    dvc(tracked.root, "add", "-q", "data/tiny.csv")
    assert tracked.tagship("validate", "tiny").code == 0
    tracked.write("data/tiny.csv", "damaged")
    dvc(tracked.root, "checkout", "-q", "--force", PLACE)
    assert tracked.tagship("validate", "tiny").code == 0
    assert tracked.path("data/tiny.csv").read_text() == NEWER


def test_a_pointer_to_other_data_than_the_lock_s_is_refused(tracked: Project) -> None:
    tracked.relock()
    first = pointed(tracked)
    tracked.write("data/tiny.csv", NEWER)
    dvc(tracked.root, "add", "-q", "data/tiny.csv")
    change = f"data/tiny.csv: it changed since the lock: dvc md5 {first} → md5 {pointed(tracked)}"
    tracked.refused("lock", "verify", "tiny", says=(change, "restore what the lock names"))


def test_a_lock_from_before_the_data_was_in_dvc_stays_current(tracked: Project) -> None:
    tracked.path(PLACE).rename(tracked.root / "aside")
    tracked.relock()
    assert read_lock(tracked.lock).data.identity == {}
    (tracked.root / "aside").rename(tracked.path(PLACE))
    assert tracked.tagship("lock", "verify", "tiny").code == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (None, "No remote provided and no default remote set"),
        ("empty", "do not exist neither locally nor on remote"),
        ("ssh://someone:s3cret@127.0.0.1/data", "ssh is supported, but requires 'dvc-ssh'"),
        ("remote://someone:s3cret@other/data", "config file error: remote 'other' doesn't exist"),
    ],
)
def test_data_that_cannot_be_pulled_is_refused_with_dvc_s_reason(
    url: str | None, says: str, tracked: Project, tmp_path: Path
) -> None:
    dvc(tracked.root, "remote", "remove", "shared")
    if url is not None:
        place = url if "://" in url else str(tmp_path / url)
        dvc(tracked.root, "remote", "add", "-q", "-d", "other", place)
    message = without_data(tracked).refused(
        "train",
        "tiny",
        says=(f"no such file, and `dvc pull {PLACE}` did not bring it: ", says, "dvc push"),
    )
    assert "s3cret" not in message
    assert not tracked.path("data/tiny.csv").exists()


def test_without_dvc_missing_data_says_how_to_install_it(
    tracked: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert local_file("data/tiny.csv", tracked.root).is_file(), "what is here needs no DVC"
    tracked.path("data/tiny.csv").unlink()
    tracked.refused(
        "train", "tiny", says=(f"{PLACE} names it", "not installed", "uv tool install dvc")
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  hash: md5\n", "", "dvc cache migrate --dvc-files"),
        ("path: tiny.csv", "path: other.csv", "no pointer of DVC 3 to tiny.csv"),
        ("md5: ", "md5: ../../", "no pointer of DVC 3"),
        ("outs:", "deps:", "no pointer of DVC 3"),
        ("outs:", "outs: [", "tiny.csv.dvc:2: not valid YAML"),
    ],
)
def test_a_pointer_that_is_damaged_or_of_dvc_2_is_refused(
    old: str, new: str, says: str, tracked: Project
) -> None:
    tracked.edit(PLACE, old, new)
    tracked.refused("train", "tiny", says=(PLACE, says))


def test_what_is_no_file_at_all_has_no_pointer(tracked: Project) -> None:
    for path in ("/", ".", "..", "data"):
        with pytest.raises(TagshipError, match="is a folder"):
            local_file(path, tracked.root)


def test_a_name_that_begins_like_an_option_is_none(tracked: Project) -> None:
    shutil.move(tracked.path("data/tiny.csv"), tracked.root / "-f.csv")
    dvc(tracked.root, "add", "-q", "--", "-f.csv")
    (tracked.root / "-f.csv").unlink()
    assert local_file("-f.csv", tracked.root).is_file()


def test_a_file_in_a_folder_is_held_with_the_whole_folder(tracked: Project) -> None:
    names = ("a/1.csv", "a-b/1.csv", "a.csv", "é/ü.csv")
    for name in names:
        tracked.write(f"tables/{name}", f"x\n{name}\n")
    dvc(tracked.root, "add", "-q", "tables")
    dvc(tracked.root, "push", "-q")
    assert pointed(tracked, "tables.dvc") == content_md5(tracked.root / "tables")
    shutil.rmtree(tracked.root / "tables")
    shutil.rmtree(tracked.root / ".dvc/cache")
    for name in names:
        assert local_file(f"tables/{name}", tracked.root).read_text() == f"x\n{name}\n"
    tracked.write("tables/a/1.csv", "x\nother\n")
    with pytest.raises(TagshipError, match=r"tables/a.csv is not what tables.dvc names"):
        local_file("tables/a.csv", tracked.root)


def test_a_work_tree_gets_the_data_of_its_own_commit(tracked: Project, tmp_path: Path) -> None:
    """Of those, the second was never pushed: it is in the cache of this clone alone."""
    commits = [run(tracked.root, "git", "rev-parse", "HEAD").strip()]
    contents = [tracked.path("data/tiny.csv").read_text()]
    for seed in (8, 9):
        contents.append(make_table(seed=seed).to_csv(index=False))
        tracked.write("data/tiny.csv", contents[-1])
        dvc(tracked.root, "add", "-q", "data/tiny.csv")
        commits.append(commit(tracked.root))
    for revision, content in zip(commits, contents, strict=True):
        tree = tmp_path / revision
        run(tracked.root, "git", "worktree", "add", "-q", "--detach", str(tree), revision)
        borrowed = borrow_data(load_model(tree, "tiny"), tracked.root)
        assert (borrowed is None) == (revision != commits[-1]), "what is here needs no DVC"
        assert local_file("data/tiny.csv", tree).read_text() == content
        assert run(tree, "git", "status", "--porcelain") == ""


def test_data_is_pulled_from_a_store_of_s3(
    tracked: Project, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.use(monkeypatch)
    bucket = store.bucket(f"dvc-{uuid.uuid4().hex[:12]}")
    dvc(tracked.root, "remote", "add", "-q", "-d", "--force", "shared", f"s3://{bucket}/data")
    dvc(tracked.root, "push", "-q")
    assert without_data(tracked).tagship("validate", "tiny").code == 0
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    without_data(tracked).refused("validate", "tiny", says=("failed to connect to s3", "Forbidden"))


def test_a_data_set_is_pulled_and_held_to_its_pointer(tracked: Project) -> None:
    make_events(tracked)
    dvc(tracked.root, "add", "-q", FOLDER)
    dvc(tracked.root, "push", "-q")
    for path in (FOLDER, f"{FOLDER}/*/part-*"):
        shutil.rmtree(tracked.root / FOLDER)
        read_files(tracked, path)
        assert "300 rows" in tracked.tagship("validate", "tiny").out
    (tracked.root / FOLDER / place_of(2)).unlink()
    tracked.refused("validate", "tiny", says=("is not what data/events.dvc names", "dvc checkout"))
