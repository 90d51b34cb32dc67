"""`tagship status` and `tagship reconcile` over many models and thousands of tags."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from history import git, tag, tag_object
from measure import ROOT, TAGSHIP, Figure, middle, options, run, save
from tagship.config.project_files import load_project
from tagship.gitops.deployment_records import (
    AUTOMATIC,
    Record,
    edit_pin,
    edit_record,
    pin_path,
    record_path,
)
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.gitops.tags import compose
from tagship.new_model.overlays import overlay_files

BOUNDS = {"status": 1.0, "reconcile": 8.0, "status after a change of the base": 1.0}
SHA = "1" * 64
WHEN = datetime.fromtimestamp(1790000000, UTC)


def found(folder: Path, models: int) -> Path:
    """A repository whose environments all run v1.0.0, and its bare remote."""
    root, remote = folder / "work", folder / "remote.git"
    git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
    git(folder, "clone", "-q", str(remote), str(root))
    shutil.copytree(ROOT / "deploy" / "base", root / "deploy" / "base")
    (root / "config").mkdir()
    shutil.copy(ROOT / "config" / "project.yaml", root / "config")
    project = load_project(root)
    for number in range(models):
        model = f"m{number}"
        (root / "config" / model).mkdir()
        (root / "config" / model / "model.yaml").touch()
        texts = dict(overlay_files(project, model))
        for environment in project.environments:
            record = record_of(model, environment, project.registry, project.name)
            path, pin = record_path(model, environment), pin_path(model, environment)
            texts[path] = edit_record(texts[path], path, record)
            texts[pin] = edit_pin(texts[pin], pin, record.image, record.digest)
        for path, text in texts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "feat: begin")
    git(root, "push", "-q", "origin", "HEAD:main")
    return root


def change_base(root: Path) -> None:
    """Push other manifests for every environment: each is rendered twice, the first time."""
    path = root / "deploy" / "base" / "deployment.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 46")
    )
    git(root, "commit", "-qam", "feat: another base")
    git(root, "push", "-q", "origin", "HEAD:main")


def record_of(model: str, environment: str, registry: str, name: str) -> Record:
    image = f"{registry}/{name}-{model}"
    return Record(
        model, environment, f"{model}/v1.0.0", image, f"sha256:{SHA}", SHA, SHA, SHA, "none", SHA,
        AUTOMATIC,
    )  # fmt: skip


def tags(snapshot: Snapshot, each: int) -> Iterator[str]:
    """A stream for ``git fast-import``: of each model a release, and its deployments."""
    for model in snapshot.models:
        release = {"Model": model, "Release": f"{model}/v1.0.0", "Verdict": "pass"}
        release |= {f"{key}-SHA256": SHA for key in ("Model", "Lock", "Config", "Data", "Verdict")}
        name = f"{model}/v1.0.0"
        yield tag(name, snapshot.head, WHEN, compose(name, "", release))
        for environment in snapshot.environments:
            record = snapshot.record(snapshot.head, model, environment)
            assert record
            said = record.trailers() | {"Manifests": SHA, "Kustomize": "v5.7.1"}
            said |= {"Model": model, "Environment": environment, "Action": "deploy"}
            before = ""
            for number in range(1, each + 1):
                name = f"{model}/{environment}/{number}"
                text = compose(name, "", {**said, "Previous": before} if before else said)
                yield tag(name, snapshot.head, WHEN, text)
                before = f"{name}@{tag_object(name, snapshot.head, WHEN, text)}"


def main() -> None:
    given = options(__doc__)
    models, numbers = (3, 4) if given.quick else (50, 49)
    with tempfile.TemporaryDirectory() as folder:
        root = found(Path(folder), models)
        snapshot = fetch_snapshot(root)
        stream = "".join(tags(snapshot, numbers))
        git(root.parent / "remote.git", "fast-import", "--quiet", stdin=stream)
        commands = {
            "status": [TAGSHIP, "status"],
            "reconcile": [TAGSHIP, "reconcile", "--registry", "none"],
            "status after a change of the base": [TAGSHIP, "status"],
        }
        samples = {}
        for name, command in commands.items():
            cold = run(command, root)
            assert "m1" in cold.output, cold.output
            samples[name] = [cold, *(run(command, root) for _ in range(1 if given.quick else 3))]
            if name == "reconcile":  # from here on, all that runs differs from what main renders to
                change_base(root)
    count = models * (2 * numbers + 1)
    figures = [
        Figure(
            f"tagship {name}, {models} models, {count} tags",
            f"{middle(runs[1:]):.2f} s",
            f"first run {runs[0].seconds:.2f} s",
            None,
            f"≤ {BOUNDS[name]:g} s",
            None if given.quick else middle(runs[1:]) <= BOUNDS[name],
        )
        for name, runs in samples.items()
    ]
    save("gitops_scale", given, figures, samples)


if __name__ == "__main__":
    sys.exit(main())
