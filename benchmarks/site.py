"""``tagship site`` over a history made in bulk, with locks, verdicts and observations."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from history import WHO, data, git, tag, tag_object, who
from measure import ROOT, TAGSHIP, Figure, middle, middle_cpu, options, peak, run, save
from tagship.config.project_files import load_project
from tagship.gitops.tags import compose, seen_lines
from tagship.new_model.overlays import overlay_files
from tagship.verdict import GateResult, Verdict, compact_json

BEGUN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ENVIRONMENTS = ("staging", "production")
WHOLE, PAGE = 5, 500
"""MB of a small site, kB of any page."""

# One training with two candidates again and again, as `tagship run` logs it.
_RUNS = """
import sys
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
client, runs, names = MlflowClient("sqlite:///mlflow.db"), int(sys.argv[1]), sys.argv[2:]
homes = [client.create_experiment(name) for name in names]
for number in range(runs // 3):
    home, made = homes[number % len(homes)], None
    for name in ("training", "logistic_regression", "random_forest"):
        sha = {"model_sha256": f"{number:064x}", "verdict": "pass"}
        tags = {"mlflow.parentRunId": made} if made else sha
        new = client.create_run(home, run_name=name, tags=tags)
        metrics = [Metric(key, 0.8, 0, 0) for key in ("roc_auc", "f1", "seconds")]
        client.log_batch(new.info.run_id, metrics, [Param("winner", "random_forest")])
        client.set_terminated(new.info.run_id)
        made = made or new.info.run_id
"""


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    models: int
    releases: int
    """Of each model."""
    deployments: int
    """Of each model, in both environments together."""
    runs: int
    bound: float

    def __str__(self) -> str:
        releases, deployments = self.models * self.releases, self.models * self.deployments
        counts = f"{self.models} models, {releases:,} releases, {deployments:,} deployments"
        return f"{counts}, {self.runs} runs"


def make_project(folder: Path, size: Size) -> Path:
    """Models that are copies of churn, and a bare remote with their history."""
    root, remote = folder / "work", folder / "remote.git"
    git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
    git(folder, "clone", "-q", str(remote), str(root))
    shutil.copytree(ROOT / "deploy" / "base", root / "deploy" / "base")
    for package in ("features", "sources"):
        shutil.copytree(ROOT / "src" / package, root / "src" / package)
    (root / "config").mkdir()
    shutil.copy(ROOT / "config" / "project.yaml", root / "config")
    (root / ".gitignore").write_text("/site/\n/mlflow.db\n", encoding="utf-8")
    project = load_project(root)
    names = [f"m{number}" for number in range(size.models)]
    for name in names:
        shutil.copytree(ROOT / "config" / "churn", root / "config" / name)
        for path, text in dict(overlay_files(project, name)).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "feat: begin")
    git(root, "push", "-q", "origin", "HEAD:main")
    lock = (ROOT / "config" / "churn" / "model.lock.yaml").read_text(encoding="utf-8")
    marks = folder / "marks"
    stream = "".join(commits(size, names, lock))
    git(remote, "fast-import", "--quiet", f"--export-marks={marks}", stdin=stream)
    pairs = (line.split() for line in marks.read_text(encoding="utf-8").splitlines())
    stream = "".join(tags(size, names, dict(pairs), project.registry))
    git(remote, "fast-import", "--quiet", stdin=stream)
    run([sys.executable, "-c", _RUNS, str(size.runs), *names], root)
    git(root, "pull", "-q", "--ff-only")
    return root


def artifact_of(name: str, number: int) -> str:
    return sha256(f"{name} {number}".encode()).hexdigest()


def commits(size: Size, names: list[str], lock: str) -> Iterator[str]:
    """A stream for ``git fast-import``: each release's commit with a lock of its own."""
    yield "reset refs/heads/main\nfrom refs/heads/main^0\n\n"
    old = lock.partition("\n  sha256: ")[2][:64]
    for number in range(size.releases):
        for at, name in enumerate(names):
            text = lock.replace(old, artifact_of(name, number))
            text = text.replace("0.857221", f"{0.84 + number / 1e4:.6f}")
            file = f"M 100644 inline config/{name}/model.lock.yaml\n{data(text)}"
            yield f"commit refs/heads/main\nmark :{number * len(names) + at + 1}\n"
            yield who("committer", BEGUN + timedelta(days=number))
            yield f"{data(f'feat: {name} {number}')}{file}\n"


def tags(size: Size, names: list[str], commit_of: dict[str, str], registry: str) -> Iterator[str]:
    """A stream for ``git fast-import``: releases, deployments, heads and observations."""
    heads: dict[str, str] = {}
    entries: list[str] = []
    each = size.deployments // 2
    for number in range(size.releases):
        date = BEGUN + timedelta(days=number)
        for at, name in enumerate(names):
            commit = commit_of[f":{number * len(names) + at + 1}"]
            artifact, release = artifact_of(name, number), f"{name}/v1.{number}.0"
            says = {"Model": name, "Release": release, "Actor": WHO, "Verdict": "pass"}
            says |= {f"{key}-SHA256": artifact for key in ("Model", "Lock", "Config", "Verdict")}
            yield tag(release, commit, date, compose(release, verdict(name, artifact), says))
            first, last = (each * step // size.releases for step in (number, number + 1))
            for place, environment in enumerate(ENVIRONMENTS):
                for count in range(first + 1, last + 1):
                    when = date + timedelta(hours=6 * (place + 1), seconds=count)
                    told = {
                        "Model": name, "Release": release, "Environment": environment,
                        "Action": "deploy", "Manifests": artifact, "Model-SHA256": artifact,
                        "Image": f"{registry}/{name}@sha256:{artifact}", "Actor": WHO,
                        "Reason": f"planned, with <b>markup</b> & a word: {'w' * 40}",
                        "Reviewed": "#7", "Approved-By": "Grace",
                    }  # fmt: skip
                    series = f"{name}/{environment}"
                    if count > 1:
                        told["Previous"] = f"{series}/{count - 1}@{heads[series]}"
                    text = compose(f"{series}/{count}", "", told)
                    yield tag(f"{series}/{count}", commit, when, text)
                    heads[series] = tag_object(f"{series}/{count}", commit, when, text)
        stamp = (date + timedelta(days=1)).strftime("%Y-%m-%dT%H-%M-%SZ")
        seen = {f"{series}/{last}": held for series, held in heads.items()}
        entries.append(f"M 100644 inline {stamp[:7]}/{stamp}\n{data(seen_lines(seen))}")
    for branch, files in (("tagship/heads", entries), ("monitor", observed(size, names))):
        yield f"commit refs/heads/{branch}\n{who('committer', BEGUN)}{data('entries')}"
        yield from files
        yield "\n"


def observed(size: Size, names: list[str]) -> Iterator[str]:
    for name in names:
        for number in range(size.releases):
            time = BEGUN + timedelta(days=number, hours=20)
            finding = {
                "check": "drift", "column": "tenure_months", "method": "psi", "status": "ok",
                "value": 0.04, "limit": "≤ 0.2",
            }  # fmt: skip
            entry = {
                "version": 1, "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "model": name,
                "environment": "production", "release": f"{name}/v1.{number}.0", "status": "ok",
                "rows": 4000, "reasons": [], "performance": None,
                "drift": {"status": "ok", "findings": [finding]},
            }  # fmt: skip
            path = f"history/{name}/production/{time:%Y%m%dT%H%M%S.000Z}.json"
            yield f"M 100644 inline {path}\n{data(json.dumps(entry))}"


def verdict(name: str, artifact: str) -> str:
    results = [
        GateResult(gate="metrics", subject=subject, value=0.8, limit="≥ 0.5", status="pass")
        for subject in ("roc_auc", "f1", "accuracy", "calibration_error", "recall", "precision")
    ]
    told = Verdict(
        model=name, artifact_sha256=artifact, thresholds_sha256=artifact, champion=None,
        results=results, lock_sha256=artifact,
    )  # fmt: skip
    return f"verdict {compact_json(told)}"


def main() -> None:
    given = options(__doc__)
    sizes = [Size(4, 20, 60, 500, 5.0), Size(50, 20, 100, 0, 60.0)]
    if given.quick:
        sizes = [Size(2, 3, 6, 6, 5.0)]
    figures, samples = [], {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
            root = make_project(Path(temporary), size)
            made = [run([TAGSHIP, "site"], root) for _ in range(1 if given.quick else 3)]
            files = [path for path in (root / "site").rglob("*") if path.is_file()]
            sizes_of = {path: path.stat().st_size for path in files}
            site = json.loads((root / "site" / "site.json").read_text(encoding="utf-8"))
        deployments = sum(len(model["deployments"]) for model in site["models"])
        if deployments != size.models * size.deployments:
            sys.exit(f"the site has {deployments} deployments, not those of {size}")
        samples[str(size)] = made
        pages = [count for path, count in sizes_of.items() if path.suffix == ".html"]
        figures += [
            Figure(
                f"tagship site: {size}",
                f"{middle(made):.2f} s",
                f"{middle_cpu(made):.2f} s of CPU, {peak(made):.0f} MB",
                None,
                f"<= {size.bound:g} s",
                None if given.quick else middle(made) <= size.bound,
            ),
            Figure(
                f"the whole site, and its largest page: {size.models} models",
                f"{sum(sizes_of.values()) / 1e6:.2f} MB, {max(pages, default=0) / 1e3:.0f} kB",
                "",
                None,
                f"<= {WHOLE} MB, <= {PAGE} kB" if size.models < 10 else f"a page <= {PAGE} kB",
                max(pages, default=0) <= PAGE * 1e3
                and (size.models > 10 or sum(sizes_of.values()) <= WHOLE * 1e6),
            ),
        ]
    save("site", given, figures, samples)


if __name__ == "__main__":
    main()
