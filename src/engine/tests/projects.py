"""A small real project: one model on a generated table, and the command line run inside it."""

import contextlib
import io
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tagship.cli import guarded, make_app
from tagship.config.project_files import ModelFiles, load_model
from tagship.config.schemas import write_schemas

MODEL = "tiny"
ROWS = 300

_PROJECT = """\
name: little-shop
title: Little Shop
owner: shopkeepers
registry: ghcr.io/shopkeepers
"""
_DATA = """\
source: {kind: csv, path: data/tiny.csv}
target: {column: bought, positive: "yes"}
id: visitor
split: {test: 0.2, stratify: true}
rows: {min: 50}
columns:
  age: {dtype: float, min: 18, max: 100, missing: 0.2}
  visits: {dtype: int, min: 0, max: 50}
  plan: {dtype: category, values: [free, plus, pro]}
"""
_MODEL = """\
task: binary
select: {metric: roc_auc, folds: 3}
candidates:
  line: {estimator: sklearn.linear_model.LogisticRegression, scale: true}
  tree: {estimator: sklearn.tree.DecisionTreeClassifier, params: {max_depth: 3}}
"""
_THRESHOLDS = """\
metrics: {roc_auc: {fail_below: 0.6}}
baseline: {metric: f1, margin: 0.0}
parity: {max_difference: 1.0e-4}
drift:
  method: ks
  fail_below: 0.001
  categories: {method: chi_square, fail_below: 0.001}
  min_rows: 50
"""
_BENTOFILE = """\
service: "service:service"
labels: {model: tiny}
include: ["service.py", "tagship/**", "features/**", "artifact/**"]
python: {requirements_txt: requirements.txt, lock_packages: false}
"""
_SERVICE = """\
from tagship.serving import make_service

service = make_service("tiny", __file__)
"""


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    def must_refuse(self, says: tuple[str, ...] | str) -> None:
        """Assert exit code 1 and a message with every text of ``says``, without a traceback."""
        assert self.code == 1, self
        assert "Traceback" not in self.out + self.err
        assert "error: " in self.err
        for text in (says,) if isinstance(says, str) else says:
            assert text in self.err, f"{text!r} is not in: {self.err}"


@dataclass(frozen=True)
class Project:
    """A project on disk, and the words to change it and to run commands in it."""

    root: Path

    def path(self, name: str) -> Path:
        """A file of the project: ``data``, ``model`` and ``thresholds`` name the model's config."""
        if name in ("data", "model", "thresholds"):
            return self.root / "config" / MODEL / f"{name}.yaml"
        return self.root / name

    @property
    def files(self) -> ModelFiles:
        """The model's config, loaded and checked."""
        return load_model(self.root, MODEL)

    @property
    def lock(self) -> Path:
        """Where the model's lock is, once there is one."""
        return self.root / "config" / MODEL / "model.lock.yaml"

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a whole file."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that the file must hold."""
        path = self.path(name)
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def rewrite_table(self, change: Callable[[pd.DataFrame], object]) -> None:
        """Write the model's csv again after ``change``, which may work in place or give a frame."""
        path = self.path("data/tiny.csv")
        frame = pd.read_csv(path)
        changed = change(frame)
        (changed if isinstance(changed, pd.DataFrame) else frame).to_csv(path, index=False)

    def tagship(self, *arguments: str) -> Ran:
        """Run a command in this process; an exception that is no refusal fails the test."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.root),
            own_modules(self.root / "src"),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = guarded(lambda: make_app()(list(arguments)))
            except SystemExit as stopped:
                code = stopped.code if isinstance(stopped.code, int) else 1
        return Ran(code, out.getvalue(), err.getvalue())

    def relock(self) -> Ran:
        """Train, judge and lock: a run without MLflow, report and bento, in a tenth of the time."""
        for command in (("train",), ("gate",), ("lock", "write")):
            ran = self.tagship(*command, MODEL)
            assert ran.code == 0, ran
        return ran

    def kept(self) -> tuple[bytes | None, list[object]]:
        """What a refusal must leave as it was: the lock, and the runs and versions in MLflow."""
        lock = self.lock.read_bytes() if self.lock.is_file() else None
        path = self.root / "mlflow.db"
        if not path.is_file():
            return lock, []
        with contextlib.closing(sqlite3.connect(path)) as database:
            assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
            runs = database.execute("select run_uuid, status from runs order by 1").fetchall()
            versions = database.execute("select name, version from model_versions").fetchall()
        return lock, [*runs, *versions]

    def refused(self, *arguments: str, says: tuple[str, ...] | str) -> str:
        """Run a command that must refuse, say why and how out, and leave nothing behind."""
        before = self.kept()
        ran = self.tagship(*arguments)
        ran.must_refuse(says)
        assert self.kept() == before
        assert self.leftovers() == []
        return ran.err

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, for tests about processes."""
        return subprocess.Popen(
            [sys.executable, "-m", "tagship", *arguments],
            cwd=self.root,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def spawn(self, *arguments: str, **variables: str) -> Ran:
        """Run a command in a process of its own to its end."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=900)
        return Ran(process.returncode, out, err)

    def leftovers(self) -> list[Path]:
        """Files that a command began and did not finish."""
        hidden = [p for p in self.root.rglob(".*.*") if p.is_file() and ".git" not in p.parts]
        unfinished = [p for p in self.root.rglob("*") if p.suffix in (".part", ".tmp")]
        known = {".gitignore", ".bentoignore"}
        return sorted({p for p in (*hidden, *unfinished) if p.name not in known})


def make_table(rows: int = ROWS, seed: int = 7) -> pd.DataFrame:
    """Visitors of a shop; who visits often, on a paid plan, tends to buy."""
    random = np.random.default_rng(seed)
    age = random.normal(45, 12, rows).clip(18, 99).round(1)
    visits = random.poisson(8, rows).clip(0, 50)
    plan = random.choice(["free", "plus", "pro"], rows)
    pull = 0.5 * (visits - 8) + 1.5 * (plan != "free") - 0.03 * (age - 45) - 1
    bought = np.where(random.random(rows) < 1 / (1 + np.exp(-pull)), "yes", "no")
    age[random.random(rows) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "visitor": [f"v{number:05d}" for number in range(rows)],
            "age": age,
            "visits": visits,
            "plan": plan,
            "bought": bought,
        }
    )


def make_project(root: Path) -> Project:
    """Write a project with the model ``tiny``; a full training of it takes about a second."""
    project = Project(root)
    project.write("config/project.yaml", _PROJECT)
    project.write("data", _DATA)
    project.write("model", _MODEL)
    project.write("thresholds", _THRESHOLDS)
    project.write(f"bentos/{MODEL}/bentofile.yaml", _BENTOFILE)
    project.write(f"bentos/{MODEL}/service.py", _SERVICE)
    project.write("src/features/__init__.py", '"""Feature functions."""\n')
    project.write("src/sources/__init__.py", '"""Own sources."""\n')
    project.write("data/tiny.csv", make_table().to_csv(index=False))
    write_schemas(root)
    return project


def copy_project(project: Project, root: Path) -> Project:
    """The same project elsewhere, with all that it has made."""
    shutil.copytree(project.root, root, dirs_exist_ok=True)
    if (root / "mlflow.db").is_file():  # MLflow keeps absolute paths
        with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as database, database:
            database.execute(
                "update experiments set artifact_location = replace(artifact_location, ?, ?)",
                (project.root.as_uri(), root.as_uri()),
            )
    return Project(root)


@contextlib.contextmanager
def own_modules(source: Path) -> Iterator[None]:
    """Import what lies under ``source`` from there, and forget it afterwards."""
    packages = {path.stem for path in source.glob("*")} if source.is_dir() else set()

    def ours(name: str) -> bool:
        return name.partition(".")[0] in packages - {"tagship"}

    before = {name: module for name, module in sys.modules.items() if ours(name)}
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(source))
    try:
        yield
    finally:
        sys.path.remove(str(source))
        for name in [name for name in sys.modules if ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)
