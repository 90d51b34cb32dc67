"""``tagship drift``: every source of data, every refusal, each answer with its own exit code."""

import html
import importlib.util
import json
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prediction_logs import line, write

from projects import Project, Ran, make_table
from tagship.training.lock import read_lock

NOW = datetime.now(UTC).replace(microsecond=0)
REQUEST = ["age", "visits", "plan"]


@pytest.fixture
def trained(run_project: Project) -> Project:
    """The project after a run, and tables like its training's and unlike it."""
    new = make_table(1200, seed=99)
    new.to_csv(run_project.root / "same.csv", index=False)
    shifted(new).to_csv(run_project.root / "shifted.csv", index=False)
    return run_project


def shifted(frame: pd.DataFrame) -> pd.DataFrame:
    """Visits counted twice."""
    return frame.assign(visits=(frame["visits"] * 2).clip(0, 50))


def drift(project: Project, current: str, *more: str) -> tuple[Ran, dict[str, Any]]:
    ran = project.tagship("drift", "tiny", "--current", current, "--json", *more)
    return ran, json.loads(ran.out) if ran.out else {}


def log(
    project: Project, frame: pd.DataFrame, folder: str = "log", hours: int = 1, **changed: Any
) -> None:
    """Log a table's rows, answered by the locked artifact, with training's scores' spread."""
    sha256 = read_lock(project.lock).artifact.sha256
    about = {"model_sha256": sha256, "release": "unreleased"} | changed
    began = NOW - timedelta(hours=hours)
    lines = []
    scores = json.loads((project.root / "config/tiny/reference.json").read_text())["prediction"]
    for number, row in enumerate(frame[REQUEST].itertuples(index=False)):
        record = {"age": None if pd.isna(row.age) else row.age, "visits": row.visits} | {
            "plan": row.plan
        }
        p = scores["points"][number % len(scores["points"])]
        answer = {"prediction": "yes" if p >= 0.5 else "no", "probability": p}
        time = began + timedelta(seconds=number)
        lines.append(line(record, answer, time, f"{hours}-{number}", **about))
    write(project.root / folder, *lines, began=began, process=hours)


def test_a_file_like_the_training_is_ok(trained: Project) -> None:
    ran = trained.tagship("drift", "tiny", "--current", "same.csv")
    assert (ran.code, ran.out.splitlines()[0]) == (
        0,
        "tiny: ok: nothing differs beyond its limit (1,200 rows)",
    )


def test_a_file_that_drifted_says_where(trained: Project) -> None:
    ran = trained.tagship("drift", "tiny", "--current", "shifted.csv")
    assert ran.code == 3, ran
    assert ran.out.startswith("tiny: fail: visits")
    assert "✗  visits  drift" in ran.out
    _, content = drift(trained, "shifted.csv")
    assert content["status"] == "fail"
    assert [f["column"] for f in content["findings"] if f["status"] == "fail"] == ["visits"] * len(
        [f for f in content["findings"] if f["status"] == "fail"]
    )


@pytest.mark.parametrize("kind", ["parquet", "json", "jsonl"])
def test_the_same_table_in_every_format(trained: Project, kind: str) -> None:
    frame = shifted(make_table(1200, seed=99))
    path = trained.root / f"current.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=kind == "jsonl")
    _, table = drift(trained, "shifted.csv")
    assert drift(trained, f"current.{kind}")[1] == table


def test_a_query_of_a_database(trained: Project) -> None:
    with sqlite3.connect(trained.root / "shop.db") as database:
        make_table(1200, seed=99).to_sql("visitors", database)
    database.close()
    query = ("--query", "select age, visits, plan from visitors")
    ran, content = drift(trained, "sqlite:///shop.db", *query)
    assert (ran.code, content["rows"]) == (0, 1200), ran
    nothing = drift(trained, "sqlite:///shop.db", f"{query[0]}={query[1]} where visits > 99")
    assert (nothing[0].code, nothing[1]["status"]) == (4, "no data")
    trained.tagship("drift", "tiny", "--query", "select 1").must_refuse("of which database?")
    refused = trained.tagship(
        "drift", "tiny", "--current", "sqlite:///shop.db", "--query", "select * from visits"
    )
    refused.must_refuse("no such table")


def test_a_log_that_is_ok_and_one_that_drifted(trained: Project) -> None:
    log(trained, make_table(1200, seed=99))
    ran, content = drift(trained, "log")
    assert (ran.code, content["rows"], content["releases"]) == (0, 1200, {"unreleased": 1200}), ran
    log(trained, shifted(make_table(3000, seed=98)), folder="other")
    ran, content = drift(trained, "other")
    assert (ran.code, content["reason"]) == (3, "visits"), ran


def test_without_current_it_reads_what_was_served_here(trained: Project) -> None:
    assert trained.tagship("drift", "tiny").code == 4
    log(trained, make_table(300, seed=99), folder=".tagship/predictions/tiny")
    assert trained.tagship("drift", "tiny").code == 0


def test_a_window_of_time(trained: Project) -> None:
    log(trained, shifted(make_table(500, seed=98)), hours=30)
    log(trained, make_table(500, seed=99), hours=2)
    assert drift(trained, "log", "--since", "3h")[0].code == 0
    ran, content = drift(trained, "log", "--until", "3h")
    assert (ran.code, content["rows"]) == (3, 500)
    assert drift(trained, "log", "--since", f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")[
        0
    ].code == (4)


def test_a_file_with_times_can_be_cut_too_and_one_without_cannot(trained: Project) -> None:
    frame = pd.concat([shifted(make_table(400, seed=1)), make_table(400, seed=2)])
    stamps = pd.date_range("2026-11-01", periods=800, freq="h")
    frame.assign(time=stamps).to_csv(trained.root / "timed.csv", index=False)
    cut = str(stamps[400].isoformat())
    _, content = drift(trained, "timed.csv", "--since", cut)
    assert (content["rows"], [f for f in content["findings"] if f["status"] == "fail"]) == (400, [])
    assert drift(trained, "timed.csv", "--until", cut)[0].code == 3
    refused = trained.tagship("drift", "tiny", "--current", "same.csv", "--since", "2h")
    refused.must_refuse(("no column 'time'", "--since"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "yesterday"], "'yesterday' is no time"),
        (["--since", "1h", "--until", "2h"], "is not before"),
        (["--current", "nowhere.csv"], "nowhere.csv"),
        (["--current", "README"], "its ending does not say"),
        (["--current", "other.csv"], "none of tiny's columns"),
        (["--release", "churn/v1.0.0"], "no release of tiny"),
        (["--release", "tiny/v9.9.9"], "no tag 'tiny/v9.9.9'"),
    ],
    ids=["time", "order", "missing", "ending", "columns", "model", "tag"],
)
def test_what_cannot_be_compared_is_refused(
    trained: Project, arguments: list[str], says: str
) -> None:
    trained.write("README", "no table")
    trained.write("other.csv", "height,weight\n1,2\n")
    trained.refused("drift", "tiny", *arguments, says=says)


def test_no_rows_and_too_few_are_no_data(trained: Project) -> None:
    make_table(0).to_csv(trained.root / "none.csv", index=False)
    make_table(49).to_csv(trained.root / "few.csv", index=False)
    for name, reason in (("none.csv", "there are no rows"), ("few.csv", "49 rows, fewer than")):
        ran = trained.tagship("drift", "tiny", "--current", name)
        assert ran.code == 4, ran
        assert ran.out.startswith(f"tiny: no data: {reason}")


def test_a_table_that_is_broken_is_judged_not_refused(trained: Project) -> None:
    """What a contract refuses in training is what monitoring is there to report."""
    frame = make_table(1200, seed=99).rename(columns={"age": "years"})
    frame["plan"] = frame["plan"].replace("pro", "gold")
    frame["visits"] = [*["many"] * 100, *frame["visits"][100:]]
    frame.to_csv(trained.root / "broken.csv", index=False)
    ran, content = drift(trained, "broken.csv")
    assert ran.code == 3
    found = {(f["column"], f["check"]): f["status"] for f in content["findings"]}
    assert found["age", "column"] == "fail"
    assert found["years", "column"] == "warn"
    assert found["plan", "unknown"] == "fail"
    assert found["visits", "unknown"] == "fail"


def test_without_a_drift_section_it_says_how_to_add_one(trained: Project) -> None:
    text = trained.path("thresholds").read_text()
    trained.write("thresholds", text[: text.index("drift:")])
    trained.refused("drift", "tiny", says=("declares no drift", "add `drift:"))


def test_a_missing_or_changed_reference_is_refused(trained: Project) -> None:
    path = trained.root / "config/tiny/reference.json"
    text = path.read_text()
    path.unlink()
    trained.refused("drift", "tiny", "--current", "same.csv", says="reference.json: no such file")
    path.write_text(text.replace('"rows":240', '"rows":239'))
    trained.refused("drift", "tiny", "--current", "same.csv", says="one of the two was changed")


def test_a_log_of_another_artifact_is_refused_with_its_releases(trained: Project) -> None:
    log(trained, make_table(300), model_sha256="b" * 64, release="tiny/v1.0.0")
    trained.refused(
        "drift", "tiny", "--current", "log", says=("only by tiny/v1.0.0", "--release tiny/v1.0.0")
    )


def test_broken_log_lines_are_counted_not_believed(trained: Project) -> None:
    log(trained, make_table(300, seed=99))
    [path] = (trained.root / "log").iterdir()
    text = path.read_text()
    path.write_text("{not json\n" + text + line(schema=0) + "\n" + text[:50])
    ran = trained.tagship("drift", "tiny", "--current", "log")
    assert ran.code == 0, ran
    assert "log lines left out: " in ran.out
    assert "1 older schema" in ran.out


@pytest.mark.slow
def test_evidentlys_report_is_written_beside_the_verdict(trained: Project) -> None:
    ran = trained.tagship("drift", "tiny", "--current", "shifted.csv", "--html", "drift.html")
    assert ran.code == 3
    assert "wrote drift.html" in ran.out
    page = (trained.root / "drift.html").read_text()
    assert "<title>Drift of tiny: fail</title>" in page
    head = page.partition("<header>")[2].partition("</header>")[0]
    verdict = json.loads(trained.tagship("drift", "tiny", "--current", "shifted.csv", "--json").out)
    for told in (verdict["reason"], "visits", "≥ 0.001", "no times", f"{verdict['rows']:,} rows"):
        assert html.escape(told) in head, told
    for finding in verdict["findings"]:
        assert f"<td>{finding['column']}</td><td>{finding['check']}</td>" in head
        assert f"<td>{html.escape(finding['limit'])}</td>" in head


@pytest.mark.slow
def test_evidentlys_page_names_the_releases_and_the_window_of_a_log(trained: Project) -> None:
    log(trained, make_table(400, seed=3), release="tiny/v1.2.0")
    ran = trained.tagship("drift", "tiny", "--current", "log", "--html", "drift.html")
    assert "wrote drift.html" in ran.out, ran
    head = (trained.root / "drift.html").read_text().partition("</header>")[0]
    assert re.search(r"<dd>tiny/v1.2.0 \(\d+\)</dd>", head)
    assert re.search(r"<dd>\d{4}-\d\d-\d\dT\S+ to \d{4}-\d\d-\d\dT\S+ UTC, \d+ rows</dd>", head)


def test_without_evidently_the_extra_is_named(
    trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: None if name == "evidently" else real(name, *a),
    )
    trained.refused("drift", "tiny", "--html", "drift.html", says=("extra `monitor`", "uv sync"))
    assert not (trained.root / "drift.html").exists()


def git(project: Project, *arguments: str) -> None:
    import subprocess

    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
        cwd=project.root,
        check=True,
        capture_output=True,
    )


def test_the_reference_of_a_release_comes_from_its_tag(trained: Project) -> None:
    git(trained, "init", "-q")
    git(trained, "add", "config")
    git(trained, "commit", "-qm", "one")
    git(trained, "tag", "-a", "tiny/v1.0.0", "-m", "one")
    trained.rewrite_table(shifted)
    trained.relock()
    old = ("--release", "tiny/v1.0.0")
    assert drift(trained, "same.csv")[0].code == 3
    assert drift(trained, "same.csv", *old)[0].code == 0
    assert drift(trained, "shifted.csv")[0].code == 0
    assert drift(trained, "shifted.csv", *old)[0].code == 3


@pytest.mark.parametrize("broken", ["absent", "edited", "no lock"])
def test_a_release_without_its_reference_is_refused(trained: Project, broken: str) -> None:
    path = trained.root / "config/tiny/reference.json"
    text = path.read_text()
    git(trained, "init", "-q")
    git(trained, "add", "config")
    if broken == "absent":
        git(trained, "rm", "-q", "--cached", "config/tiny/reference.json")
    if broken == "no lock":
        git(trained, "rm", "-q", "--cached", "config/tiny/model.lock.yaml")
    if broken == "edited":
        path.write_text(text.replace('"rows":240', '"rows":239'))
        git(trained, "add", "config")
        path.write_text(text)
    git(trained, "commit", "-qm", "one")
    git(trained, "tag", "tiny/v1.0.0")
    says = {
        "absent": "before there were references",
        "edited": "is not the reference that its lock names",
        "no lock": "its commit has no config/tiny/model.lock.yaml",
    }
    trained.refused("drift", "tiny", "--release", "tiny/v1.0.0", says=says[broken])


def test_nothing_heavy_is_imported_until_it_runs(trained: Project) -> None:
    code = (
        "import sys; from tagship.cli import make_app; make_app();"
        "print({'pandas', 'scipy', 'evidently', 'numpy'} & set(sys.modules))"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("{method: ks, fail_above: 0.1}", "ks gives a p-value, which drift lowers: use fail_below"),
        ("{method: psi, fail_below: 0.1}", "psi gives a distance, which drift raises"),
        ("{method: ks, fail_below: 0.1}", "ks is not for categories"),
        ("{method: wasserstein, fail_above: 0.1}", "wasserstein is not for categories"),
        ("{method: psi, fail_above: 0.1, columns: {agee: {}}}", "did you mean 'age'?"),
        (
            "{method: psi, fail_above: 0.1, columns: {plan: {method: ks, fail_below: 0.1}}}",
            "drift.columns.plan: ks is not for categories",
        ),
        (
            "{method: psi, fail_above: 0.1, columns: {age: {method: ks}}}",
            "drift.columns.age: give fail_below",
        ),
        ("{method: psi, fail_above: 0.1, window: {fail: 4, of: 3}}", "4 of 3 windows can never"),
        (
            "{method: psi, fail_above: 0.1, quality: {missing: {fail_below: 0.1}}}",
            "high values are the bad ones",
        ),
        ("{method: kl, fail_above: 0.1}", "drift.method"),
    ],
)
def test_a_section_that_cannot_work_is_refused_by_key(
    project: Project, section: str, says: str
) -> None:
    text = project.path("thresholds").read_text()
    project.write("thresholds", text[: text.index("drift:")] + f"drift: {section}\n")
    project.tagship("check", "tiny").must_refuse(("thresholds.yaml:", says))


@pytest.mark.slow
def test_the_drift_section_leaves_verdict_and_lock_as_they_are(trained: Project) -> None:
    before = trained.files.thresholds_sha256
    trained.edit("thresholds", "min_rows: 50", "min_rows: 60")
    assert trained.files.thresholds_sha256 == before
    assert trained.tagship("build", "tiny").code == 0


def test_reading_the_prediction_log_needs_no_training_data(trained: Project) -> None:
    log(trained, make_table(300, seed=99))
    trained.path("data/tiny.csv").unlink()
    assert drift(trained, "log")[0].code == 0


def test_numbers_beyond_a_float32_are_out_of_range(trained: Project) -> None:
    frame = make_table(600, seed=99).assign(age=[1e308, -1e308] * 300)
    frame.to_csv(trained.root / "far.csv", index=False)
    ran, found = drift(trained, "far.csv")
    assert ran.code == 3
    assert "NaN" not in ran.out
    assert "Infinity" not in ran.out
    assert ("out of range", "age") in {(f["check"], f["column"]) for f in found["findings"]}


@pytest.mark.parametrize(
    "place", ["/nope", "nope/", "file:///nope/log", "${HOME}/nope", "nope.csv"]
)
def test_a_place_that_is_not_there_is_refused_not_empty(trained: Project, place: str) -> None:
    trained.refused("drift", "tiny", "--current", place, says=("nope", "no such file"))


@pytest.mark.parametrize(
    ("place", "make", "says"),
    [
        ("t.csv", os.mkfifo, "is a pipe, socket or device"),
        ("t.csv", lambda path: path.symlink_to("/dev/zero"), "is a pipe, socket or device"),
        ("t.csv", lambda path: path.symlink_to(path), "no such file"),
        ("folder", lambda path: path.symlink_to(path), "no such file"),
        ("~nobody-of-this-name/t.csv", lambda path: None, "no such file"),
        ("a" * 300 + ".csv", lambda path: None, "no such file"),
        ("t.csv", lambda path: path.write_bytes(b"\xef\xbb\xbf"), "the file is empty"),
        ("t.csv", lambda path: path.write_bytes(b"\xff\xfe\r\0\n\0"), "the file is empty"),
    ],
)
def test_what_is_no_file_with_rows_is_told(
    trained: Project, place: str, make: Callable[[Path], object], says: str
) -> None:
    make(trained.root / place)
    trained.refused("drift", "tiny", "--current", place, says=says)


def test_a_log_that_is_delivered_again_and_again_stays_too_small(trained: Project) -> None:
    log(trained, make_table(30, seed=99))
    [path] = (trained.root / "log").iterdir()
    for copy in range(20):
        (path.parent / f"predictions-copy-{copy}.jsonl").write_bytes(path.read_bytes())
    ran, found = drift(trained, "log")
    assert (ran.code, found["status"], found["rows"]) == (4, "no data", 30)
    assert found["skipped"] == {"repeated": 600}


def test_an_empty_name_is_no_default(trained: Project) -> None:
    trained.refused("drift", "tiny", "--current", "", says="--current: it is empty")


def test_a_folder_that_is_there_and_empty_is_no_data(trained: Project) -> None:
    (trained.root / "log").mkdir()
    ran, found = drift(trained, "log")
    assert (ran.code, found["status"]) == (4, "no data")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "root:x:0:0:hunter2\n"),
        ("t.csv", "a,b\n1,2\nhunter2\n"),
        ("t.csv", "hunter2,hunter2\n1,2\n"),
        ("t.csv", "hunter2,b\n1,2\n"),
        ("t.json", '[{"a": 1}, 5, "hunter2"]'),
        ("t.json", '"hunter2"'),
        ("t.jsonl", "hunter2"),
        ("t.parquet", "hunter2"),
    ],
)
def test_what_is_no_table_of_the_model_is_not_quoted(
    trained: Project, name: str, content: str
) -> None:
    trained.write(name, content)
    ran = trained.tagship("drift", "tiny", "--current", name)
    assert ran.code == 1, ran
    assert name in ran.err
    assert "hunter2" not in ran.err + ran.out
