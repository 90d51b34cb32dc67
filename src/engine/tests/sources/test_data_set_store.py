"""A data set in a real S3 server: the same rows as on disk, and no object read twice."""

import json
import uuid

import pytest

from event_files import FOLDER, counted_reads, make_events, place_of, read_files
from object_stores import ObjectStore
from projects import Project

ALL = 6 * 3


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def lake(
    request: pytest.FixtureRequest,
    project: Project,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A bucket with the data set in ``events/``."""
    store.use(monkeypatch)
    make_events(project)
    bucket = store.bucket(f"lake-{uuid.uuid4().hex[:12]}", versions=request.param)
    store.put(bucket, "events/_SUCCESS", "")
    for file in range(6):
        upload(project, store, bucket, file)
    return bucket


def upload(project: Project, store: ObjectStore, bucket: str, file: int) -> None:
    content = (project.root / FOLDER / place_of(file)).read_bytes()
    store.put(bucket, f"events/{place_of(file)}", content)


def validated(project: Project) -> dict[str, object]:
    ran = project.tagship("validate", "tiny", "--json")
    assert ran.code == 0, ran
    answer: dict[str, object] = json.loads(ran.out)[0]
    return answer


def test_a_folder_and_a_glob_are_read_as_on_disk_and_only_once(
    project: Project, store: ObjectStore, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = validated(project)
    for path in ("events/", "events", "events/*/part-*", "e*"):
        read_files(project, f"s3://{lake}/{path}")
        with counted_reads(monkeypatch) as reads:
            assert validated(project) == local
        assert len(reads) == ALL
    with counted_reads(monkeypatch) as reads:
        assert validated(project) == local
    assert reads == []
    upload(project, store, lake, 2)
    with counted_reads(monkeypatch) as reads:
        assert validated(project) == local
    assert len(reads) == 3


def test_a_lock_is_verified_by_the_same_objects(
    project: Project, store: ObjectStore, lake: str
) -> None:
    read_files(project, f"s3://{lake}/events/", more="sample: {rows: 200}\n")
    project.relock()
    assert project.tagship("lock", "verify", "tiny").code == 0
    store.client.delete_object(Bucket=lake, Key=f"events/{place_of(5)}")
    project.refused("lock", "verify", "tiny", says="it changed since the lock: files 6 → 5; rows")


@pytest.mark.parametrize(
    ("path", "changed", "says"),
    [
        ("{lake}/nothing/", {}, "no Parquet file is there"),
        ("{lake}/events/*.csv", {}, "no Parquet file is there"),
        ("{lake}/events/", {"AWS_SECRET_ACCESS_KEY": "wrong-one"}, "the store refuses"),
        ("{lake}/events/", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_what_cannot_be_read_is_refused_without_a_key(
    project: Project,
    store: ObjectStore,
    lake: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    changed: dict[str, str],
    says: str,
) -> None:
    read_files(project, f"s3://{path.format(lake=lake)}")
    store.use(monkeypatch, **changed)
    ran = project.tagship("validate", "tiny")
    ran.must_refuse((says, "s3://"))
    assert "wrong-one" not in ran.err
