"""Row groups checked on a cluster: the same hashes and failures, and the rows stay there."""

import json

import pytest

from clusters import Cluster
from event_files import counted_reads, event_table, make_events, read_files, write_files
from projects import Project, copy_project
from tagship.compute.tasks import ADDRESS
from tagship.data import blocks
from tagship.errors import TagshipError
from tagship.sources.dataset import RowGroup

WINDOW = "window: {time: seen, last: 5d, until: newest}\n"


@pytest.fixture
def events(project: Project) -> Project:
    return make_events(project)


@pytest.mark.parametrize("more", ["", WINDOW])
def test_what_is_validated_there_is_the_same_and_is_not_read_here(
    events: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    read_files(events, more=more)
    here = copy_project(events, events.root.with_name("here"))
    with counted_reads(monkeypatch) as reads:
        there = events.tagship("validate", "tiny", "--json")
    assert "on Dask" in there.err
    times_alone = {columns for _, columns in reads}
    assert times_alone == ({("seen",)} if more else set())
    monkeypatch.delenv(ADDRESS)
    assert json.loads(there.out) == json.loads(here.tagship("validate", "tiny", "--json").out)


def test_what_breaks_the_contract_there_is_named_as_here(
    events: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = event_table()
    table.loc[[130, 260], "visits"] = 70
    write_files(events, table)
    here = copy_project(events, events.root.with_name("here"))
    there = events.tagship("validate", "tiny")
    there.must_refuse(("visits", "131, 261", "year=2024/part-0.parquet"))
    monkeypatch.delenv(ADDRESS)
    refused = here.tagship("validate", "tiny").err.replace(str(here.root), str(events.root))
    assert there.err.partition("error: ")[2] == refused.partition("error: ")[2]


def test_a_sample_is_locked_as_here(
    events: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_files(events, more="sample: {rows: 200}\n")
    here = copy_project(events, events.root.with_name("here"))
    events.relock()
    monkeypatch.delenv(ADDRESS)
    here.relock()
    assert events.lock.read_bytes() == here.lock.read_bytes()


def test_a_worker_that_has_other_files_is_refused(events: Project) -> None:
    files = events.files
    part = blocks.ScanPart(files, (None, None), set())
    group = RowGroup("year=2023/part-0.parquet", 0, 0, 20, "another")
    with pytest.raises(TagshipError, match="has another file there, or none") as refused:
        blocks.tally_there(part, group)
    assert "shared volume" in refused.value.hint
