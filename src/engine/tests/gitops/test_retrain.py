"""`tagship retrain` against a bare remote: new data becomes a branch, or a reason why not."""

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from projects import Project, copy_project, make_table
from shop import git
from tagship.files import sha256_of_file
from tagship.gitops.tags import compose
from tagship.training.lock import read_lock

pytestmark = pytest.mark.slow

_CHAMPION = "champion: {metric: roc_auc, max_drop: 0.05, test: none}\n"
LOCK = "config/tiny/model.lock.yaml"
ONE = "tiny/v1.0.0"


@dataclass
class Watched:
    """A project whose production runs tiny/v1.0.0, and its bare remote."""

    project: Project
    remote: Path

    def git(self, *arguments: str) -> str:
        return git(self.project.root, *arguments)

    def push(self, message: str = "feat: change") -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def retrain(self, *options: str, code: int = 0) -> dict[str, Any]:
        ran = self.project.tagship("retrain", "tiny", "--push", "--json", *options)
        assert ran.code == code, ran.out + ran.err
        return dict(json.loads(ran.out))

    def refused(self, *options: str, says: str) -> None:
        """Refused with a reason, and nothing pushed."""
        before = self.refs
        answer = self.retrain(*options, code=3)
        assert (answer["state"], answer["branch"]) == ("refused", "")
        assert says in answer["why"]
        assert self.refs == before

    @property
    def refs(self) -> str:
        return git(self.remote, "for-each-ref")

    def branch(self, path: str) -> str:
        return git(self.remote, "show", f"retrain/tiny:{path}")

    def changed(self) -> list[str]:
        return git(self.remote, "diff", "--name-only", "main", "retrain/tiny").split()

    def deployed(self, number: int, release: str, **trailers: str) -> None:
        """A deployment tag of production."""
        says = {"Model": "tiny", "Environment": "production", "Action": "deploy"}
        says |= {"Release": release, "Image": "i@sha256:0", "Model-SHA256": "0", "Manifests": "0"}
        self.tag(f"tiny/production/{number}", {**says, **trailers})

    def tag(self, name: str, says: dict[str, str]) -> None:
        self.git("tag", "-am", compose(name, "", says), "--cleanup=verbatim", name)
        self.git("push", "-q", "origin", f"refs/tags/{name}")


def more(project: Project, rows: int, spoil: bool = False) -> pd.DataFrame:
    """The project's table with rows of other, older visitors below."""
    new = make_table(rows, seed=99).assign(visitor=[f"n{rows}-{n}" for n in range(rows)])
    new["age"] = (new["age"] + 20).clip(18, 99)
    if spoil:
        new["bought"] = new["bought"].map({"yes": "no", "no": "yes"})
    return pd.concat([pd.read_csv(project.path("data/tiny.csv")), new])


@pytest.fixture(scope="module")
def _released(
    tmp_path_factory: pytest.TempPathFactory, _run_once: Project, _identity: None
) -> Watched:
    folder = tmp_path_factory.mktemp("released")
    project = copy_project(_run_once, folder / "work")
    remote = folder / "remote.git"
    git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "remote", "add", "origin", str(remote))
    project.write("thresholds", project.path("thresholds").read_text() + _CHAMPION)
    project.write(".gitignore", ".tagship\nmlflow.db\nmlruns\nreports\nlake\n")
    watched = Watched(project, remote)
    watched.push()
    ran = project.tagship("release", "tiny", "v1.0.0", "--push")
    assert ran.code == 0, ran.err
    watched.deployed(1, ONE)
    return watched


@pytest.fixture
def watched(
    _released: Watched, tmp_path: Path, warm: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Watched:
    """A copy for one test, in which the engine starts its own processes without their imports."""
    monkeypatch.setenv("TAGSHIP_WARM", warm["TAGSHIP_WARM"])
    monkeypatch.setattr(sys, "executable", warm["WARM_CLIENT"])
    project = copy_project(_released.project, tmp_path / "work")
    remote = tmp_path / "remote.git"
    git(tmp_path, "clone", "-q", "--mirror", str(_released.remote), str(remote))
    git(project.root, "remote", "set-url", "origin", str(remote))
    return Watched(project, remote)


def test_drifted_data_becomes_one_branch_with_a_proven_lock(
    watched: Watched, tmp_path: Path
) -> None:
    watched.project.rewrite_table(lambda _: more(watched.project, 150))
    head = watched.push("feat: the data of november")
    seen = tmp_path / "monitor.json"
    entry = {"time": "2026-11-21T10:00:00Z", "model": "tiny", "environment": "production"}
    drift = {"status": "fail", "rows": 900, "reasons": ["age: psi 0.4 is above 0.2 @everyone"]}
    seen.write_text(json.dumps([entry | drift, {**entry, **drift, "model": "other"}]))
    tags = watched.git("ls-remote", "--tags", "origin")

    before = watched.refs
    report = ("--report", str(seen))
    ran = watched.project.tagship("retrain", "tiny", "--json", *report)
    assert watched.refs == before
    answer = watched.retrain(*report)

    assert json.loads(ran.out) == answer  # the same commit again
    assert answer["state"] == "proposed"
    assert answer["branch"] == "retrain/tiny"
    assert "450 rows, 150 of them not seen by tiny/v1.0.0; verdict" in answer["why"]
    assert git(watched.remote, "rev-parse", "retrain/tiny~1") == head
    assert set(watched.changed()) <= {LOCK, "config/tiny/reference.json"}
    assert LOCK in watched.changed()
    for told in ("### `tiny`: ", f"champion `{ONE}`", "| champion | drop in roc_auc |", "450"):
        assert told in answer["body"]
    assert "```text\nage: psi 0.4 is above 0.2 @everyone\n```" in answer["body"]
    assert f"### The new data against {ONE}: fail" in answer["body"]
    assert "| ✗ | `age` | drift | ks |" in answer["body"]
    assert answer["body"].count("production:") == 1
    assert watched.git("ls-remote", "--tags", "origin") == tags
    assert watched.git("status", "--porcelain") == ""
    assert watched.git("rev-parse", "HEAD") == head
    assert watched.git("worktree", "list").count("\n") == 0

    clone = Project(tmp_path / "clone")
    git(tmp_path, "clone", "-q", "-b", "retrain/tiny", str(watched.remote), str(clone.root))
    proven = clone.tagship("lock", "verify", "tiny")
    assert "tiny: identical" in proven.out, proven.err

    watched.project.write("NOTES.md", "main goes on\n")
    moved = watched.push("docs: notes")
    assert watched.retrain()["commit"] != answer["commit"]
    assert git(watched.remote, "rev-parse", "retrain/tiny~1") == moved


def test_another_file_replaces_the_contracts_and_its_pin(watched: Watched) -> None:
    project = watched.project
    pin = sha256_of_file(project.path("data/tiny.csv"))
    project.edit("data", "path: data/tiny.csv}", f"path: data/tiny.csv, sha256: {pin}}} # pinned")
    watched.push()
    more(project, 150).to_csv(project.path("data/november.csv"), index=False)
    answer = watched.retrain("--data", "data/november.csv")
    assert answer["state"] == "proposed"
    new = sha256_of_file(project.path("data/november.csv"))
    source = f'source: {{kind: csv, path: "data/november.csv", sha256: "{new}"}} # pinned'
    assert watched.branch("config/tiny/data.yaml").splitlines()[0] == source
    assert {"data/november.csv", "config/tiny/data.yaml", LOCK} <= set(watched.changed())
    assert "450 rows, 150 of them not seen" in answer["why"]


def test_too_little_new_data_is_refused(watched: Watched) -> None:
    watched.project.rewrite_table(lambda _: more(watched.project, 20))
    watched.push()
    watched.refused(says="too little new data: 320 rows, 20 of them not seen by tiny/v1.0.0")
    project = watched.project
    project.rewrite_table(lambda _: more(project, 130))
    limit = "retrain: {min_new_rows: 151}\n"
    project.write("config/project.yaml", project.path("config/project.yaml").read_text() + limit)
    watched.push()
    watched.refused(
        says="450 rows, 150 of them not seen by tiny/v1.0.0; retrain.min_new_rows is 151"
    )


def test_rows_that_only_changed_places_are_not_new(watched: Watched) -> None:
    watched.project.rewrite_table(lambda table: table.iloc[::-1])
    watched.push()
    watched.refused(says="300 rows, 0 of them not seen")


def test_the_same_data_is_nothing_to_do(watched: Watched) -> None:
    before = watched.refs
    answer = watched.retrain()
    assert (answer["state"], answer["branch"]) == ("unchanged", "")
    assert watched.refs == before


def test_a_model_that_fails_a_gate_is_refused(watched: Watched) -> None:
    watched.project.rewrite_table(lambda _: more(watched.project, 300, spoil=True))
    watched.project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    watched.push()
    watched.refused(says="the verdict is fail")


def test_a_model_worse_than_the_champion_is_refused(watched: Watched) -> None:
    watched.project.rewrite_table(lambda _: more(watched.project, 150))
    model = watched.project.path("model").read_text().replace("max_depth: 3", "max_depth: 1")
    kept = [line for line in model.splitlines() if "line:" not in line]
    watched.project.write("model", "\n".join(kept) + "\n")
    watched.push()
    watched.refused(says="champion drop in roc_auc: 0.")


def test_a_rejected_version_is_refused_until_it_is_lifted(watched: Watched) -> None:
    watched.project.rewrite_table(lambda _: more(watched.project, 150))
    watched.push()
    assert watched.project.tagship("train", "tiny").code == 0
    sha = read_lock(watched.project.files.work / "lock.yaml").artifact.sha256
    keys = ("Config-SHA256", "Lock-SHA256", "Verdict-SHA256")
    says = {"Model": "tiny", "Release": "tiny/v1.1.0", "Model-SHA256": sha, "Verdict": "pass"}
    watched.tag("tiny/v1.1.0", {**says, **dict.fromkeys(keys, "0")})
    watched.deployed(2, "tiny/v1.1.0")
    back = {"Action": "rollback", "Rejects": "tiny/v1.1.0", "Reason": "it offends people"}
    watched.deployed(3, ONE, **back)
    watched.refused(says="that of tiny/v1.1.0, rejected by tiny/production/3: it offends people")
    watched.deployed(4, ONE, Action="lift", Lifts="tiny/v1.1.0", Reason="it does not")
    assert watched.retrain()["state"] == "proposed"


def test_what_somebody_else_committed_is_not_replaced(watched: Watched) -> None:
    watched.git("push", "-q", "origin", "main:retrain/tiny")
    watched.project.rewrite_table(lambda _: more(watched.project, 150))
    watched.push()
    watched.git("switch", "-q", "-c", "retrain/tiny")
    watched.project.write("NOTES.md", "mine\n")
    watched.git("add", "NOTES.md")
    watched.git("commit", "-qm", "docs: mine")
    watched.git("push", "-q", "origin", "retrain/tiny")
    before = watched.refs
    ran = watched.project.tagship("retrain", "tiny", "--push")
    ran.must_refuse("was not made by `tagship retrain`")
    assert watched.refs == before


def test_killed_while_training_it_left_nothing_and_runs_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # a process of its own, which can be killed
    watched.project.rewrite_table(lambda _: more(watched.project, 150))
    watched.push()
    before = watched.refs
    process = watched.project.start("retrain", "tiny", "--push", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    assert any("training: " in line for line in process.stdout)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert watched.refs == before
    assert watched.git("status", "--porcelain") == ""
    assert watched.retrain()["state"] == "proposed"


def test_data_that_breaks_the_contract_is_refused(watched: Watched) -> None:
    watched.project.rewrite_table(lambda t: more(watched.project, 150).replace("pro", "gold"))
    watched.push()
    watched.refused(says="gold")


def test_a_file_that_is_no_table_of_the_contract_is_not_quoted(watched: Watched) -> None:
    """What a retraining says becomes an issue or a pull request, and --data may name any file."""
    outside = watched.project.root.parent / "shadow"
    for content, says in (
        ("root:x:0:0:hunter2\ndaemon:x\n", "the header is one column, …"),
        ("a,b\n1,2\nhunter2\n", "line 3 (row 2 of the data) has 1 values, the header 2"),
        ("hunter2,hunter2\n1,2\n", "two columns are named …"),
        ("user,hunter2,age\n1,2,hunter2\n", "it lacks visitor, visits, plan, bought"),
    ):
        outside.write_text(content)
        answer = watched.retrain("--data", str(outside), code=3)
        assert says in answer["why"]
        assert "hunter2" not in json.dumps(answer)


@pytest.mark.parametrize("data", ["nope.csv", "/nope/nope.csv", "file:///nope.csv"])
def test_data_that_is_not_there_is_refused(watched: Watched, data: str) -> None:
    watched.refused("--data", data, says="nope.csv")


@pytest.mark.parametrize("kind", ["loop", "pipe", "long name"])
def test_data_that_is_no_file_is_refused(watched: Watched, kind: str) -> None:
    path = watched.project.root / "other.csv"
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    data = "a" * 300 + ".csv" if kind == "long name" else "other.csv"
    watched.refused("--data", data, says="no such file")


def test_an_empty_data_option_is_not_the_contracts_data(watched: Watched) -> None:
    watched.project.tagship("retrain", "tiny", "--data", "").must_refuse("--data: it is empty")


SOURCE = """\
import os
from pathlib import Path
import pandas as pd

def table():
    assert "GH_TOKEN" not in os.environ
    return pd.read_csv(Path(__file__).parents[2] / "data/tiny.csv")
"""


def test_a_python_source_is_read_by_the_code_of_its_commit(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is in the work tree counts, nor does a function see the token that pushes."""
    project = watched.project
    monkeypatch.setenv("GH_TOKEN", "secret")
    project.write("src/sources/tiny.py", SOURCE.replace("    assert", "    # "))
    source = "{kind: python, function: sources.tiny:table}"
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)
    project.relock()
    project.write("src/sources/tiny.py", SOURCE)
    more(project, 120).to_csv(project.path("data/tiny.csv"), index=False)
    watched.push()
    project.write("src/sources/tiny.py", "raise SystemExit('of the work tree')\n")
    answer = watched.retrain()
    assert (answer["state"], "120 of them" in answer["why"]) == ("proposed", True), answer["why"]
    project.write("src/sources/tiny.py", SOURCE.replace("tiny.csv", "none.csv"))
    watched.push()
    watched.refused(says="sources.tiny:table raised FileNotFoundError")


def test_a_source_without_new_data_is_refused(watched: Watched) -> None:
    watched.project.edit("data", "{kind: csv, path: data/tiny.csv}", "{kind: sklearn, table: wine}")
    watched.push()
    watched.refused(says="source has no new data")


def test_a_file_that_git_has_not_is_read_from_here(watched: Watched) -> None:
    """Appended to, what is new is known by the lock alone; overwritten, it is not."""
    project = watched.project
    project.write("lake/tiny.csv", project.path("data/tiny.csv").read_bytes())
    project.edit("data", "data/tiny.csv", "lake/tiny.csv")
    project.path("data/tiny.csv").unlink()
    for command in (("train", "tiny"), ("gate", "tiny"), ("lock", "write", "tiny")):
        assert project.tagship(*command).code == 0
    watched.push("feat: the data lies elsewhere")
    assert project.tagship("release", "tiny", "v1.1.0", "--push").code == 0
    watched.deployed(2, "tiny/v1.1.0")

    old = pd.read_csv(project.path("lake/tiny.csv"))
    new = make_table(150, seed=99).assign(visitor=[f"n{n:05d}" for n in range(150)])
    pd.concat([old, new]).to_csv(project.path("lake/tiny.csv"), index=False)
    answer = watched.retrain()
    assert "450 rows, 150 of them not seen by tiny/v1.1.0" in answer["why"]
    assert "lake/tiny.csv" not in watched.changed()

    make_table(300, seed=5).to_csv(project.path("lake/tiny.csv"), index=False)
    watched.refused(says="at least 0 of them not seen")


def test_a_data_set_that_git_has_not_is_read_from_here(watched: Watched) -> None:
    """What is new is counted by all its rows, though a sample is trained on."""
    project = watched.project
    lake = project.root / "lake/visits"
    lake.mkdir(parents=True)
    pd.read_csv(project.path("data/tiny.csv")).to_parquet(lake / "part-0.parquet")
    source = "{kind: parquet, path: lake/visits/part-*}\nsample: {rows: 280}"
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)
    project.edit("data", "min: 50", "min: 50, duplicates: 0.1")
    project.path("data/tiny.csv").unlink()
    project.relock()
    watched.push("feat: the data is a folder")
    assert project.tagship("release", "tiny", "v1.1.0", "--push").code == 0
    watched.deployed(2, "tiny/v1.1.0")

    new = make_table(150, seed=99).assign(visitor=[f"n{n:05d}" for n in range(150)])
    new.to_parquet(lake / "part-1.parquet")
    answer = watched.retrain()
    assert "450 rows, at least 150 of them not seen by tiny/v1.1.0" in answer["why"]
    assert "rows: '450'" in watched.branch(LOCK)


def test_a_project_without_a_remote_is_an_error(project: Project) -> None:
    git(project.root, "init", "-q", "-b", "main")
    project.tagship("retrain", "tiny").must_refuse("no git remote")
