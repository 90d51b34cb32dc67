"""Objects of a real S3 server: the lock names their version, and exactly that is read again."""

import re
import socket
import uuid
from pathlib import Path

import pytest

from object_stores import KEY, SECRET, ObjectStore, before_each_get
from projects import Project, make_table
from tagship.config.sources import CsvSource
from tagship.errors import TagshipError
from tagship.sources.fetching import local_file
from tagship.sources.read import identify_source
from tagship.training.lock import read_lock

CSV = make_table().to_csv(index=False)
NEWER = make_table(seed=8).to_csv(index=False)


@pytest.fixture
def plain(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket that keeps the last version alone."""
    store.use(monkeypatch)
    return store.bucket(f"plain-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def versioned(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket that keeps every version."""
    store.use(monkeypatch)
    return store.bucket(f"versioned-{uuid.uuid4().hex[:12]}", versions=True)


def source(bucket: str, key: str = "tiny.csv") -> CsvSource:
    return CsvSource(kind="csv", path=f"s3://{bucket}/{key}")


def declare(project: Project, bucket: str) -> Project:
    project.edit("data", "path: data/tiny.csv", f"path: s3://{bucket}/tiny.csv")
    return project


def locked(project: Project) -> dict[str, str]:
    return read_lock(project.lock).data.identity


def refusal(address: str, root: Path) -> str:
    with pytest.raises(TagshipError) as refused:
        local_file(address, root)
    message = str(refused.value)
    assert SECRET not in message
    return message


def test_a_lock_names_the_version_and_is_verified_by_it_after_the_object_was_overwritten(
    project: Project, store: ObjectStore, versioned: str
) -> None:
    first = store.put(versioned, "tiny.csv", CSV)
    declare(project, versioned).relock()
    assert locked(project) == first
    before = project.lock.read_text()
    second = store.put(versioned, "tiny.csv", NEWER)
    ran = project.tagship("lock", "verify", "tiny")
    assert ran.code == 0, ran.err
    assert project.lock.read_text() == before
    project.relock()
    assert locked(project) == second != first
    assert KEY not in project.lock.read_text()


def test_a_deleted_object_is_verified_by_its_version_and_a_version_that_is_gone_is_named(
    project: Project, store: ObjectStore, versioned: str
) -> None:
    version = store.put(versioned, "tiny.csv", CSV)["version"]
    declare(project, versioned).relock()
    store.client.delete_object(Bucket=versioned, Key="tiny.csv")
    assert project.tagship("lock", "verify", "tiny").code == 0
    project.refused("train", "tiny", says=(f"s3://{versioned}/tiny.csv: not found (404)",))
    store.client.delete_object(Bucket=versioned, Key="tiny.csv", VersionId=version)
    project.refused(
        "lock",
        "verify",
        "tiny",
        says=(f"version {version}, which the lock names, is no longer there", "train again"),
    )


def test_without_versions_an_overwritten_object_is_refused_by_its_etag(
    project: Project, store: ObjectStore, plain: str
) -> None:
    first = store.put(plain, "tiny.csv", CSV)["etag"]
    declare(project, plain).relock()
    assert locked(project) == {"etag": first}
    assert project.tagship("lock", "verify", "tiny").code == 0
    second = store.put(plain, "tiny.csv", NEWER)["etag"]
    project.refused(
        "lock",
        "verify",
        "tiny",
        says=(
            f"s3://{plain}/tiny.csv: it changed since the lock: etag {first} → {second}",
            "restore what the lock names, or train again",
        ),
    )
    store.put(plain, "tiny.csv", CSV)
    assert project.tagship("lock", "verify", "tiny").code == 0, "restored"


def test_a_lock_from_before_versions_were_named_demands_none(
    project: Project, store: ObjectStore, versioned: str
) -> None:
    store.put(versioned, "tiny.csv", CSV)
    declare(project, versioned).relock()
    older = re.sub(r"  identity:.*\n(    .*\n)*", "", project.lock.read_text())
    project.lock.write_text(older)
    assert locked(project) == {}
    ran = project.tagship("lock", "verify", "tiny")
    assert ran.code == 0, ran.err
    assert project.lock.read_text() == older
    store.put(versioned, "tiny.csv", NEWER)
    project.refused("lock", "verify", "tiny", says="is stale")


def test_a_bucket_that_began_to_keep_versions_is_held_to_the_etag_of_the_lock(
    tmp_path: Path, store: ObjectStore, plain: str
) -> None:
    store.put(plain, "tiny.csv", CSV)
    _, identity = identify_source(source(plain), tmp_path)
    for status in ("Enabled", "Suspended"):
        store.client.put_bucket_versioning(Bucket=plain, VersioningConfiguration={"Status": status})
        store.put(plain, "tiny.csv", CSV)
        assert identify_source(source(plain), tmp_path, expected=identity)[1] == identity
    assert identify_source(source(plain), tmp_path)[1] == identity, "`null` names no version"


def test_an_object_in_parts_has_an_etag_as_any(
    tmp_path: Path, store: ObjectStore, plain: str
) -> None:
    content = b"a,b\n" + b"1,2\n" * 1_500_000
    place = {"Bucket": plain, "Key": "tiny.csv"}
    upload = {**place, "UploadId": store.client.create_multipart_upload(**place)["UploadId"]}
    halves = {1: content[: 5 * 2**20], 2: content[5 * 2**20 :]}
    parts = [
        {"PartNumber": n, "ETag": store.client.upload_part(**upload, PartNumber=n, Body=b)["ETag"]}
        for n, b in halves.items()
    ]
    store.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    frame, identity = identify_source(source(plain), tmp_path)
    assert len(frame) == 1_500_000
    assert identity["etag"].endswith("-2")
    assert identify_source(source(plain), tmp_path / "elsewhere", expected=identity)[1] == identity


def test_an_object_is_downloaded_once_for_each_version(
    tmp_path: Path, store: ObjectStore, versioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.put(versioned, "tiny.csv", CSV)
    second = store.put(versioned, "tiny.csv", NEWER)
    gets: list[bool] = []
    with before_each_get(store, lambda: gets.append(True)) as address:
        store.use(monkeypatch, AWS_ENDPOINT_URL=address)
        for held in (None, second, first, None, first):
            frame, _ = identify_source(source(versioned), tmp_path, expected=held)
            assert frame.to_csv(index=False) == (CSV if held == first else NEWER)
    assert len(gets) == 2


@pytest.mark.parametrize("kept", [False, True])
def test_an_object_that_is_replaced_while_it_is_read_is_refused(
    kept: bool,
    tmp_path: Path,
    store: ObjectStore,
    plain: str,
    versioned: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = versioned if kept else plain
    store.put(bucket, "tiny.csv", CSV)
    with before_each_get(store, lambda: store.put(bucket, "tiny.csv", NEWER)) as address:
        store.use(monkeypatch, AWS_ENDPOINT_URL=address)
        message = refusal(f"s3://{bucket}/tiny.csv", tmp_path)
    assert "tiny.csv: it was replaced while it was read" in message
    assert "run this again" in message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    store.use(monkeypatch)
    assert local_file(f"s3://{bucket}/tiny.csv", tmp_path).read_text() == NEWER


def test_a_declared_sha256_holds_for_objects_too(
    project: Project, store: ObjectStore, plain: str
) -> None:
    store.put(plain, "tiny.csv", CSV)
    declare(project, plain)
    project.edit("data", "/tiny.csv", f"/tiny.csv, sha256: {'a' * 64}")
    project.refused("train", "tiny", says=("source.sha256", "restore the file"))


def test_what_is_not_there_is_named(tmp_path: Path, store: ObjectStore, plain: str) -> None:
    store.put(plain, "folder/tiny.csv", CSV)
    assert "not found (404)" in refusal(f"s3://{plain}/other.csv", tmp_path)
    assert "no such bucket" in refusal(f"s3://{plain}x/tiny.csv", tmp_path)
    for folder in (f"s3://{plain}/folder", f"s3://{plain}"):
        assert "is a folder, not a file" in refusal(folder, tmp_path)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the store refuses: Forbidden"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "check the URL, the network and your credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "the server cannot be reached"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "Invalid endpoint: nonsense"),
    ],
)
def test_a_store_that_refuses_or_is_down_says_so(
    changed: dict[str, str],
    says: str,
    tmp_path: Path,
    store: ObjectStore,
    plain: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.put(plain, "tiny.csv", CSV)
    store.use(monkeypatch, **changed)
    assert says in refusal(f"s3://{plain}/tiny.csv", tmp_path)


def test_credentials_that_are_not_set_are_asked_for(
    tmp_path: Path, store: ObjectStore, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    message = refusal(f"s3://{plain}/tiny.csv", tmp_path)
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in message


def test_a_store_that_went_down_stops_a_verification_and_leaves_the_lock(
    project: Project, store: ObjectStore, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(plain, "tiny.csv", CSV)
    declare(project, plain).relock()
    store.use(monkeypatch, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    project.refused("lock", "verify", "tiny", says=("the server cannot be reached", "ENDPOINT"))


@pytest.mark.slow
def test_a_store_that_takes_connections_and_is_silent_is_given_up(
    tmp_path: Path, store: ObjectStore, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store.use(monkeypatch, AWS_ENDPOINT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "the server cannot be reached" in refusal(f"s3://{plain}/tiny.csv", tmp_path)
