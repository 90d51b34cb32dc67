"""The small project with a remote, a release and deployments by Git's tags, and what it logs."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from prediction_logs import label, line, write

from projects import Project, make_table
from tagship.gitops.git import Git
from tagship.gitops.tags import compose
from tagship.training.lock import read_lock

WATCHED = "performance: {max_drop: {roc_auc: 0.1}, min_labels: 100, window: 7d}\n"


def git(folder: Path, *arguments: str) -> str:
    """Run git; who commits is the same on every machine."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def publish(project: Project) -> Path:
    """Commit the project and push it to a bare remote of its own."""
    remote = project.root.parent / "remote.git"
    git(project.root.parent, "init", "-q", "--bare", "-b", "main", str(remote))
    project.write(".gitignore", ".tagship/\nreports/\nmlflow.db\nmlruns/\n")
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "config", "user.name", "Ada")
    git(project.root, "config", "user.email", "ada@example.org")
    git(project.root, "remote", "add", "origin", str(remote))
    return push(project, remote)


def push(project: Project, remote: Path) -> Path:
    """Commit everything and push main."""
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "change")
    git(project.root, "push", "-q", "origin", "main")
    return remote


def tag(project: Project, name: str, **trailers: str) -> None:
    """Push a tag as `tagship` makes them."""
    known = ("Model-SHA256", "Lock-SHA256", "Config-SHA256", "Verdict", "Verdict-SHA256", "Image",
             "Manifests")  # fmt: skip
    values = dict.fromkeys(known, "0" * 64) | {"Model": "tiny"}
    text = compose(name, "", values | {k.replace("_", "-"): v for k, v in trailers.items()})
    made = Git(project.root)
    assert made.push(made.tag(name, git(project.root, "rev-parse", "HEAD"), text),
                     f"refs/tags/{name}")  # fmt: skip


def deploy(project: Project, version: str, *places: str, sha256: str | None = None) -> str:
    """Release what is committed and deploy it to places such as ``production/1``."""
    release = f"tiny/{version}"
    sha256 = sha256 or read_lock(project.lock).artifact.sha256
    tag(project, release, Release=release, Model_SHA256=sha256)
    for place in places:
        environment = place.partition("/")[0]
        says = {"Release": release, "Environment": environment, "Action": "deploy"}
        tag(project, f"tiny/{place}", **says, Model_SHA256=sha256)
    return release


def asked(rows: int, seed: int) -> tuple[list[dict], np.ndarray, list[str]]:
    """Records of visitors, how likely each is to buy, and whether each did."""
    table = make_table(rows, seed)
    age = table["age"].fillna(45)
    pull = 0.5 * (table["visits"] - 8) + 1.5 * (table["plan"] != "free") - 0.03 * (age - 45) - 1
    table = table.astype(object).where(pd.notna(table), None)
    records = table[["age", "visits", "plan"]].to_dict(orient="records")
    return records, 1 / (1 + np.exp(-pull.to_numpy(float))), table["bought"].tolist()


def log(
    project: Project,
    folder: Path,
    rows: int = 400,
    seed: int = 1,
    release: str = "unreleased",
    turned: bool = False,
    labels: int | None = None,
    end: datetime | None = None,
    shift: float = 0,
) -> None:
    """What the service of ``tiny`` writes in the 20 hours before ``end``, and its feedback.

    ``turned`` makes every label the opposite; ``shift`` is added to each visitor's visits.
    """
    sha256 = read_lock(project.lock).artifact.sha256
    end = end or datetime.now(UTC)
    records, chances, bought = asked(rows, seed)
    lines, feedback = [], []
    for number, (record, p) in enumerate(zip(records, chances, strict=True)):
        time = end - timedelta(hours=20 * (rows - number) / rows)
        answer = {"prediction": "yes" if p >= 0.5 else "no", "probability": float(p)}
        record["visits"] = min(record["visits"] + shift, 50)
        name = f"{seed}-{number}"
        about = {"model": "tiny", "release": release, "model_sha256": sha256}
        lines.append(line(record, answer, time, name, **about))
        actual = bought[number] if not turned else {"yes": "no", "no": "yes"}[bought[number]]
        feedback.append(label(name, actual, time=time + timedelta(minutes=5)))
    write(folder, *lines, began=end - timedelta(hours=20), process=seed)
    write(folder, *feedback[: rows if labels is None else labels], kind="feedback",
          began=end - timedelta(hours=20), process=seed)  # fmt: skip
