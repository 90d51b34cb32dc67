"""Whatever is wrong with one model's log, the others are judged, and the exit code says so."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest
from deployed_models import WATCHED, log
from prediction_logs import RECORD, label, line, write

from projects import Project
from tagship.monitoring import observe
from tagship.monitoring.verdicts import PerformanceReport

NAME = "predictions-20261121T100000000000-9.jsonl"


@pytest.fixture
def two(run_project: Project) -> Project:
    """The project after a run, and the same model again as ``other``, whose log is sound."""
    run_project.edit("thresholds", "parity:", f"{WATCHED}parity:")
    shutil.copytree(run_project.path("config/tiny"), run_project.path("config/other"))
    for name in ("tiny", "other"):
        log(run_project, folder(run_project, name))
    for path in folder(run_project, "other").iterdir():
        path.write_text(path.read_text().replace('"model":"tiny"', '"model":"other"'))
    return run_project


def folder(project: Project, model: str = "tiny") -> Path:
    return project.root / ".tagship" / "predictions" / model


def monitored(project: Project, code: int) -> dict[str, dict]:
    ran = project.tagship("monitor", "--env", "local", "--json")
    assert ran.code == code, ran
    return {one["model"]: one for one in json.loads(ran.out)}


def test_everything_that_may_be_broken_at_once_is_counted_and_judged(two: Project) -> None:
    place = folder(two)
    write(place, "oops", line(RECORD)[:50], line(model="else"), line().replace("Z", "+02Z"),
          process=77)  # fmt: skip
    write(place, label("1-1", "yes", row=2**70), label("1-2", 10**30), "[" * 5000,
          label("1-3", "yes").replace("Z", "+02Z"), kind="feedback", process=77)  # fmt: skip
    for path in list(place.glob("predictions-*-1.jsonl")):
        (place / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    os.mkfifo(place / NAME)
    (place / NAME.replace("predictions", "feedback")).symlink_to("/dev/zero")
    (place / f"{NAME}.bz2").write_bytes(b"no")
    (place / f"{NAME}.zst").write_bytes(b"no")
    found = monitored(two, code=0)
    assert (found["tiny"]["status"], found["tiny"]["rows"]) == ("ok", 400)
    assert found["tiny"]["skipped"] == {
        "repeated": 400, "not JSON": 2, "cut off": 1, "other model": 1, "not a log line": 2,
        "not a regular file": 2, "broken compression": 1, "another file name": 1,
    }  # fmt: skip
    counts = found["tiny"]["performance"]["labels"]
    assert (counts["joined"], counts["unknown"], counts["invalid"]) == (400, 1, 1)
    assert (found["other"]["status"], found["other"]["skipped"]) == ("ok", {})
    ran = two.tagship("monitor", "--env", "local")
    assert "  tiny/local: left out of the log: 1 another file name, " in ran.out
    assert "other/local: left out" not in ran.out


def test_five_deliveries_of_too_few_lines_are_too_few(run_project: Project) -> None:
    log(run_project, folder(run_project), rows=30, shift=40)
    [path] = folder(run_project).glob("predictions-*")
    path.write_text(path.read_text() * 20)
    found = monitored(run_project, code=4)["tiny"]
    assert (found["status"], found["rows"]) == ("no data", 30)
    assert found["skipped"] == {"repeated": 19 * 30}


def _stop(*_: object, **__: object) -> None:
    raise KeyError("secret of a row")


def test_an_error_that_nobody_foresaw_is_that_models(
    two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = observe.read_predictions
    monkeypatch.setattr(
        observe,
        "read_predictions",
        lambda *a, **o: (_stop if o["model"] == "tiny" else read)(*a, **o),
    )
    found = monitored(two, code=1)
    assert (found["tiny"]["status"], found["other"]["status"]) == ("error", "ok")
    assert "unexpected KeyError in test_monitor_hostile.py, line " in found["tiny"]["error"]
    assert "secret" not in json.dumps(found)
    assert "Traceback" not in two.tagship("monitor", "--env", "local").err


def test_a_figure_that_is_no_number_is_that_models_error(
    two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = observe.judge_performance

    def broken(boundary: object, *rest: object) -> PerformanceReport:
        report = judged(boundary, *rest)
        metrics = [metric.model_copy(update={"value": float("nan")}) for metric in report.metrics]
        return report.model_copy(update={"metrics": metrics})

    monkeypatch.setattr(observe, "judge_performance", broken)
    found = monitored(two, code=1)
    assert {one["status"] for one in found.values()} == {"error"}


@pytest.mark.parametrize("broken", ["config/tiny/thresholds.yaml", "config/tiny/reference.json"])
def test_a_broken_file_of_one_model_is_that_models_error(two: Project, broken: str) -> None:
    two.path(broken).write_text("{{{")
    found = monitored(two, code=1)
    assert (found["tiny"]["status"], found["other"]["status"]) == ("error", "ok")


def test_a_history_that_cannot_be_written_is_that_models_error(two: Project) -> None:
    two.write(".tagship/monitor/history/tiny", "in the way")
    found = monitored(two, code=1)
    assert (found["tiny"]["status"], found["other"]["status"]) == ("error", "ok")
    assert list(two.path(".tagship/monitor/history/other/local").glob("*.json"))


def test_a_folder_in_place_of_the_log_or_none_is_no_data_for_that_model(two: Project) -> None:
    shutil.rmtree(folder(two))
    folder(two).write_text("a file")
    found = monitored(two, code=4)
    assert (found["tiny"]["status"], found["other"]["status"]) == ("no data", "ok")
