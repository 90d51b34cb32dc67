"""The demo tells the loop to its end on a small project, with real trainings and verdicts."""

from pathlib import Path

import pytest

from projects import MODEL, Project, own_modules
from shop import BASE, KUSTOMIZATION, RECORD, git, put
from tagship.demo import Demo, prepare

pytestmark = pytest.mark.slow

CHAMPION = "champion: {metric: roc_auc, max_drop: 0.01}\n"


def test_demo_ends_with_the_first_deployment_byte_for_byte(
    project: Project, tmp_path: Path
) -> None:
    project.write("thresholds", project.path("thresholds").read_text() + CHAMPION)
    for name, text in (("kustomization", KUSTOMIZATION), ("release", RECORD)):
        for environment in ("staging", "production"):
            mine = text.format(environment=environment, zeros="0" * 64).replace("churn", MODEL)
            mine = mine.replace("registry.example/shop/shop", _REGISTRY)
            mine = mine.replace("namespace: shop-", "namespace: little-shop-")
            put(project.root, f"deploy/{MODEL}/{environment}/{name}.yaml", mine)
    for name, text in BASE.items():
        put(project.root, f"deploy/base/{name}", text)
    put(project.root, ".gitignore", "data\n")
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    told: list[str] = []
    with own_modules(project.root / "src"):
        root = prepare(project.root, tmp_path / "demo", MODEL)
        Demo(root, MODEL, told.append).tell()
    assert told[0].startswith("the committed lock is stale (there is none)")
    assert told[-1].startswith(f"byte-identical: deploy/{MODEL}/production at {MODEL}/production/3")
    refused = [line for line in told if line.startswith("refused:")]
    assert len(refused) == 2
    assert "champion drop in roc_auc" in refused[0]


_REGISTRY = "ghcr.io/shopkeepers/little-shop"
