"""Logs read file by file on a cluster: the same rows, counts and verdict as here."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prediction_logs import line, write

from clusters import Cluster
from projects import Project
from tagship.compute.tasks import LOCAL, open_compute
from tagship.errors import TagshipError
from tagship.monitoring.log_reader import read_predictions
from tagship.training.lock import read_lock
from tagship.training.reference import committed_reference, parse_reference

NOW = datetime.now(UTC).replace(microsecond=0)


def log(folder: Path, sha256: str) -> None:
    """Three files: some lines stand in two of them, some cannot be used."""
    for file in range(3):
        began = NOW - timedelta(hours=3 - file)
        lines = []
        for number in range(400):
            record = {"age": 41.5, "visits": (number * 7 + file) % 50, "plan": "pro"}
            answer = {"prediction": "yes", "probability": (number % 97) / 100}
            name = f"{file if number % 9 else 0}-{number}"
            time = began + timedelta(seconds=number)
            lines.append(line(record, answer, time, name, model_sha256=sha256))
        write(folder, *lines, b"no json\n", began=began, process=file)


def test_the_same_is_read_whatever_is_thinned(run_project: Project, cluster: Cluster) -> None:
    files = run_project.files
    locked = read_lock(files.lock_path).artifact.sha256
    log(run_project.root / "log", locked)
    boundary = parse_reference(committed_reference(files), "reference").boundary()
    with open_compute(run_project.root, lambda _: None) as compute:
        for most in (1_000_000, 300):
            here, there = (
                read_predictions(
                    run_project.root / "log", boundary, model="tiny", most=most, compute=each
                )
                for each in (LOCAL, compute)
            )
            assert len(here) > 100
            assert (there.one_in, there.releases) == (here.one_in, here.releases)
            assert there.requests.tolist() == here.requests.tolist()
            assert (there.times == here.times).all()
            for name in here.columns:
                assert np.array_equal(there.columns[name], here.columns[name], equal_nan=True)
            if most > 1000:
                assert there.skipped == here.skipped
                assert here.skipped["repeated"] == 2 * len(range(0, 400, 9))
        elsewhere = [
            read_predictions(
                run_project.root / "log", boundary, release="tiny/v9.0.0", compute=each
            ).elsewhere.tolist()
            for each in (LOCAL, compute)
        ]
    assert elsewhere[0] == elsewhere[1] != []


def test_drift_gives_the_same_verdict(
    run_project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(run_project.root / "log", read_lock(run_project.lock).artifact.sha256)
    there = run_project.tagship("drift", "tiny", "--current", "log", "--json")
    assert "on Dask" in there.err
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS")
    here = run_project.tagship("drift", "tiny", "--current", "log", "--json")
    assert (there.code, json.loads(there.out)) == (here.code, json.loads(here.out))


class Losing:
    """A cluster which loses the log once its files are listed, as one without it would."""

    def __init__(self, compute: Any, folder: Path) -> None:
        self._compute, self._folder = compute, folder
        self.share = compute.share

    def map(self, function: Any, shared: Any, items: Iterable[Any]) -> Any:
        listed = list(items)
        self._folder.rename(self._folder.with_name("elsewhere"))
        return self._compute.map(function, shared, listed)


def test_a_log_that_a_worker_does_not_see_is_refused(
    run_project: Project, cluster: Cluster
) -> None:
    boundary = parse_reference(committed_reference(run_project.files), "r").boundary()
    folder = run_project.root / "log"
    log(folder, "0" * 64)
    with open_compute(run_project.root, lambda _: None) as compute:
        losing: Any = Losing(compute, folder)
        with pytest.raises(TagshipError, match="a worker does not see") as refused:
            read_predictions(folder, boundary, compute=losing)
    assert "shared volume" in refused.value.hint
