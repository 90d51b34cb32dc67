"""``prove.sh``: the loop on a cluster that obeys, and on some that do not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shop import Shop

ROOT = Path(__file__).parents[4]
CLUSTER = """\
import json, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {shared!r}]
from shop import Shop
from test_cluster import items
Path({items!r}).write_text(json.dumps({{"items": items(Shop(Path({root!r}), Path({remote!r})))}}))
"""
ENGINE = """\
import sys
from shop import VERIFIER
import tagship.cli.verifier
tagship.cli.verifier.make_verifier = lambda *arguments, **options: VERIFIER
from tagship.cli import main
main()
"""


@pytest.fixture
def prove(shipped: Shop, tmp_path: Path) -> list[str]:
    """The command, in a shop whose ``argocd`` makes the cluster follow the tags."""
    programs, here = tmp_path / "programs", Path(__file__).parent
    programs.mkdir()
    items = tmp_path / "items.json"
    (programs / "cluster.py").write_text(
        CLUSTER.format(tests=str(here), shared=str(here.parent), items=str(items),
                       root=str(shipped.root), remote=str(shipped.remote))
    )  # fmt: skip
    (programs / "engine.py").write_text(
        f"import sys\nsys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n" + ENGINE
    )
    for name, line in {
        "argocd": f'"{sys.executable}" "{programs}/cluster.py"',
        "kubectl": kubectl(f'cat "{items}"'),
        "tagship": f'"{sys.executable}" "{programs}/engine.py" "$@"',
        "sleep": "true",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    (shipped.root / "deploy" / "argocd").mkdir(parents=True)
    script = shipped.root / "deploy" / "argocd" / "prove.sh"
    shutil.copy(ROOT / "deploy" / "argocd" / "prove.sh", script)
    return ["env", f"PATH={programs}:{os.environ['PATH']}", "bash", str(script), "churn"]


def kubectl(answer: str) -> str:
    """A kubectl whose cluster gives this answer; it renders as the real one does."""
    real = shutil.which("kubectl") or "false"
    return f'[ "$1" = get ] || exec {real} "$@"\n{answer}'


def start(command: list[str], shop: Shop) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=shop.root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.slow
def test_the_loop_is_proven_by_what_the_cluster_shows(shipped: Shop, prove: list[str]) -> None:
    told = []
    with start(prove, shipped) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        for line in running.stdout:
            told.append(line)
            if "press Enter" in line:
                shipped.merge("rollback/churn/production/3")
                running.stdin.write("\n")
                running.stdin.flush()
    assert running.returncode == 0, "".join(told)
    ours = [line.strip() for line in told if line.startswith(("✓", "merge "))]
    assert ours == [
        "✓ production runs what Git says",
        "✓ rolled back: churn/production/3 runs in the cluster",
        "merge rollback/churn/production/3, then press Enter",
        "✓ churn/v1.1.0 is rejected, and lifted again",
        "✓ proposed again: merge promote/churn/v1.1.0, then: tagship status --cluster",
    ]
    page = (ROOT / "docs" / "how-to" / "argo-cd.md").read_text()
    assert "\n".join(ours).replace("churn", "iris") in page
    shipped.git("fetch", "-q", "origin", "promote/churn/v1.1.0")


@pytest.mark.parametrize(
    ("program", "line", "problem"),
    [
        ("kubectl", "echo 'connection refused' >&2; exit 1", "connection refused"),
        ("argocd", "echo 'not logged in' >&2; exit 20", "not logged in"),
        ("argocd", "exit 0", "No such file"),
    ],
)
def test_a_cluster_that_does_not_answer_stops_it_before_anything_is_tagged(
    shipped: Shop, prove: list[str], program: str, line: str, problem: str, tmp_path: Path
) -> None:
    text = kubectl(line) if program == "kubectl" else line
    (tmp_path / "programs" / program).write_text(f"#!/bin/sh\n{text}\n")
    before = shipped.remote_tags()
    running = start(prove, shipped)
    told = running.communicate("")[0]
    assert running.returncode
    assert problem in told
    assert "✓" not in told
    assert shipped.remote_tags() == before
