"""The adapter around kustomize."""

from pathlib import Path

import pytest
from rendering import DEPLOY, Render

from tagship.errors import TagshipError
from tagship.gitops import kustomize


def test_without_a_tool_the_error_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TagshipError, match="make tools"):
        kustomize.render(DEPLOY / "base")


@pytest.mark.usefixtures("render")
def test_what_kustomize_says_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    with pytest.raises(TagshipError, match=r"missing\.yaml"):
        kustomize.render_text(tmp_path)


def test_base_is_complete_on_its_own(render: Render) -> None:
    kinds = [resource["kind"] for resource in render(DEPLOY / "base")]
    assert sorted(kinds) == [
        "ConfigMap",
        "Deployment",
        "Job",
        "NetworkPolicy",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
