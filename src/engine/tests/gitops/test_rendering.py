"""Review means what is rendered: whatever changes it counts, and nothing else does."""

import os
from pathlib import Path

import pytest

from shop import BASE, Shop, image, put, sha
from tagship.errors import TagshipError
from tagship.gitops import kustomize
from tagship.gitops.status import status
from tagship.gitops.verify import verify

PRODUCTION = "deploy/churn/production/kustomization.yaml"


def add(shop: Shop, path: str, text: str) -> None:
    """Add lines to a file."""
    shop.put(path, (shop.root / path).read_text(encoding="utf-8") + text)


def deployed(shop: Shop, environment: str = "production") -> str:
    outcome = shop.reconcile()["churn", environment]
    return f"{outcome.state} {outcome.detail}"


def overlays(shop: Shop) -> list[str]:
    return [f"deploy/churn/{environment}/kustomization.yaml" for environment in
            ("staging", "production")]  # fmt: skip


# what was no YAML under a known folder, and changes what runs


def plant_env_file(shop: Shop, value: str) -> None:
    """A ConfigMap from a file without extension that anybody would call configuration."""
    put(shop.root, "deploy/base/settings.env", f"LEVEL={value}\n")
    base = BASE["kustomization.yaml"] + "  - {name: settings, envs: [settings.env]}\n"
    put(shop.root, "deploy/base/kustomization.yaml", base)


def plant_patch_without_extension(shop: Shop, value: str) -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: model}\n"
    paused = "true" if value == "two" else "false"
    put(shop.root, "deploy/base/patch", f"{patch}spec: {{paused: {paused}}}\n")
    base = BASE["kustomization.yaml"] + "patches: [{path: patch}]\n"
    put(shop.root, "deploy/base/kustomization.yaml", base)


def plant_other_folder(shop: Shop, value: str) -> None:
    """A component outside of deploy/components, whose kustomization is spelt without extension."""
    put(
        shop.root,
        "deploy/shared/Kustomization",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        f"commonAnnotations: {{level: {value}}}\n",
    )
    for path in overlays(shop):
        if "../../shared" not in (shop.root / path).read_text():
            add(shop, path, "components: [../../shared]\n")


@pytest.mark.parametrize(
    "plant", [plant_env_file, plant_patch_without_extension, plant_other_folder]
)
def test_whatever_changes_the_rendering_is_a_change(shipped: Shop, plant) -> None:
    shipped.pull()
    plant(shipped, "one")
    shipped.commit()
    assert deployed(shipped, "staging") == "deployed churn/staging/3"
    assert deployed(shipped).startswith("pending")
    proposal = shipped.propose(None)
    shipped.pull()
    plant(shipped, "two")
    shipped.commit("after the review")
    assert {row.main for row in status(shipped.snapshot()).rows} == {"has other manifests"}
    shipped.merge(proposal.branch)
    assert "are not those that were proposed and reviewed" in deployed(shipped)
    shipped.merge(shipped.propose(None).branch)
    assert deployed(shipped) == "deployed churn/production/3"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("deploy/base/deployment.yaml", "# a comment\n"),
        ("deploy/base/README.md", "words\n"),
        ("deploy/churn/production/release.yaml", "# a comment\n"),
    ],
)
def test_what_renders_to_the_same_is_no_change(shipped: Shop, path: str, text: str) -> None:
    shipped.pull()
    put(shipped.root, path, BASE.get(Path(path).name, "") + text)
    if "release" in path:
        shipped.git("checkout", "-q", path)
        add(shipped, path, text)
    shipped.commit()
    assert deployed(shipped, "staging").startswith("current")
    assert deployed(shipped).startswith("current")


def remap(shop: Shop) -> None:
    for path in overlays(shop):
        text = (shop.root / path).read_text(encoding="utf-8")
        entry = "  - {name: registry.example/shop/shop-churn, newName: evil.example/x}\nconfigMap"
        put(shop.root, path, text.replace("configMap", entry, 1))


def sidecar(shop: Shop) -> None:
    text = BASE["deployment.yaml"]
    container = "        - {name: model, image: model-image}\n"
    other = container + "        - {name: other, image: 'evil.example/x:latest'}\n"
    put(shop.root, "deploy/base/deployment.yaml", text.replace(container, other))


def patched_image(shop: Shop) -> None:
    where = "/spec/template/spec/containers/0/image"
    patch = (
        "patches:\n  - target: {kind: Deployment}\n    patch: |-\n"
        f"      - {{op: replace, path: {where}, value: evil.example/x}}\n"
    )
    for path in overlays(shop):
        add(shop, path, patch)


def image_volume(shop: Shop) -> None:
    text = BASE["deployment.yaml"]
    volume = "        - {name: more, image: {reference: 'evil.example/x:latest'}}\n"
    put(shop.root, "deploy/base/deployment.yaml", text + volume)


@pytest.mark.parametrize("plant", [remap, sidecar, patched_image, image_volume])
def test_an_image_that_nobody_declared_is_refused_before_any_tag(shipped: Shop, plant) -> None:
    shipped.new_lock("three")
    shipped.release("v1.2.0")
    plant(shipped)
    shipped.commit()
    before = shipped.remote_tags()
    with pytest.raises(TagshipError, match=r"evil\.example/x.*neither the record's image"):
        shipped.propose("v1.2.0", image=image("three"))
    assert "neither the record's image" in deployed(shipped, "staging")
    assert "neither the record's image" in deployed(shipped)
    assert shipped.remote_tags() == before


def test_another_image_may_run_by_its_digest(shipped: Shop) -> None:
    shipped.pull()
    sidecar(shipped)
    path = "deploy/base/deployment.yaml"
    listed = f"registry.example/proxy@sha256:{sha('proxy')}"
    put(
        shipped.root,
        path,
        (shipped.root / path).read_text().replace("evil.example/x:latest", listed),
    )
    add(shipped, "config/project.yaml", f"manifests: {{images: ['{listed}']}}\n")
    shipped.commit()
    assert deployed(shipped, "staging") == "deployed churn/staging/3"
    assert verify(shipped.root, "churn/staging/3", shipped.verifier).ok
    shipped.pull()
    add(shipped, "config/project.yaml", "# the list by tag is refused\n")
    text = (shipped.root / "config/project.yaml").read_text().replace(listed, "proxy:latest")
    put(shipped.root, "config/project.yaml", text)
    with pytest.raises(TagshipError, match=r"manifests\.images"):
        shipped.snapshot()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("resources: [https://evil.example/x.yaml]\n", "no file or folder"),
        ("resources: ['git@evil.example:a/b']\n", "no file or folder"),
        ("resources: [github.com/a/b//deploy?ref=main]\n", "no file or folder"),
        ("resources: [../../config]\n", "no file or folder"),
        ("resources: [../../deploy/fraud/production]\n", "no file or folder"),
        ("patches: [{path: 'http://127.0.0.1:9/x.yaml'}]\n", "is not under deploy/"),
        ("transformers: ['https://evil.example/t.yaml']\n", "no file or folder"),
        ("helmCharts: [{name: x, repo: 'https://evil.example'}]\n", "is not under deploy/"),
    ],
)
def test_nothing_is_rendered_from_elsewhere(shipped: Shop, lines: str, problem: str) -> None:
    shipped.pull()
    text = BASE["kustomization.yaml"]
    if lines.startswith("resources"):
        text = text.replace("resources: [", lines.strip().rstrip("]") + ", ")
    else:
        text += lines
    put(shipped.root, "deploy/base/kustomization.yaml", text)
    shipped.commit()
    for environment in ("staging", "production"):
        assert "deploy/base/kustomization.yaml: " in deployed(shipped, environment)
        assert problem in deployed(shipped, environment)


def test_an_environment_is_not_rendered_from_another(shipped: Shop) -> None:
    shipped.pull()
    add(shipped, PRODUCTION, "components: [../staging]\n")
    shipped.commit()
    assert f"{PRODUCTION}: components: ../staging is no file or folder" in deployed(shipped)


def test_a_link_that_leads_out_is_refused(shipped: Shop) -> None:
    shipped.pull()
    (shipped.root / "deploy/base/settings.env").symlink_to("/etc/hostname")
    shipped.commit()
    assert "deploy/base/settings.env: a symbolic link" in deployed(shipped)


def test_a_plugin_that_would_run_a_program_is_refused(shipped: Shop) -> None:
    shipped.pull()
    put(
        shipped.root,
        "deploy/base/run.yaml",
        "apiVersion: v1\nkind: Run\nmetadata:\n  name: run\n  annotations:\n"
        "    config.kubernetes.io/function: 'exec: {path: ./run.sh}'\n",
    )
    add(shipped, "deploy/base/kustomization.yaml", "generators: [run.yaml]\n")
    shipped.commit()
    assert "kustomize refuses it" in deployed(shipped)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Secret\napiVersion: v1\nmetadata: {name: key}\n", "Secret churn-key: a kind that"),
        ("kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: all}\n",
         "ClusterRole churn-all: a kind that"),
    ],
)  # fmt: skip
def test_a_kind_that_nobody_declared_is_refused(shipped: Shop, text: str, problem: str) -> None:
    shipped.pull()
    put(shipped.root, "deploy/base/more.yaml", text)
    base = BASE["kustomization.yaml"].replace("[deployment.yaml]", "[deployment.yaml, more.yaml]")
    put(shipped.root, "deploy/base/kustomization.yaml", base)
    shipped.commit()
    assert problem in deployed(shipped)
    shipped.pull()
    add(shipped, "config/project.yaml", "manifests: {kinds: [Secret, ClusterRole]}\n")
    shipped.commit()
    assert deployed(shipped).startswith("pending")


def test_another_namespace_is_refused(shipped: Shop) -> None:
    shipped.pull()
    for path in overlays(shipped):
        text = (shipped.root / path).read_text().replace("namespace: shop-", "namespace: other-")
        put(shipped.root, path, text)
    shipped.commit()
    assert "in namespace other-production" in deployed(shipped)


def test_an_overlay_that_does_not_render_its_record_is_refused(shipped: Shop) -> None:
    shipped.pull()
    text = (shipped.root / PRODUCTION).read_text(encoding="utf-8")
    put(shipped.root, PRODUCTION, text.partition("configMapGenerator")[0])
    shipped.commit()
    assert "it renders its release.yaml 0 times, not once" in deployed(shipped)


def test_another_kustomize_redeploys_nothing_and_claims_nothing(
    shipped: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(shipped.root, "churn/production/2", shipped.verifier).checks[-2].not_derived == ""
    real = kustomize.command()
    program = tmp_path / "bin" / "kustomize"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nif [ "$1" = version ]; then echo v9.9.9; exit; fi\n'
        f"{' '.join(real)} \"$2\" | /bin/sed 's/^kind: Deployment$/&\\nstatus: {{newer: true}}/'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    kustomize._version.cache_clear()
    assert kustomize.version() == "v9.9.9"
    assert deployed(shipped, "staging").startswith("current")
    assert deployed(shipped).startswith("current")
    assert all(row.main == "same" for row in status(shipped.snapshot()).rows)
    verification = verify(shipped.root, "churn/production/2", shipped.verifier)
    open_ = {check.what: check.not_derived for check in verification.checks if check.not_derived}
    assert verification.ok
    assert set(open_) == {
        "its trailers are what its commit holds", "the manifests are those that were reviewed",
    }  # fmt: skip
    assert all("here is v9.9.9" in doubt for doubt in open_.values())
    # A rejection of manifests holds, whoever rendered them.
    shipped.new_manifests(2)
    shipped.merge(shipped.propose(None).branch)
    assert deployed(shipped) == "deployed churn/production/3"
    back = shipped.rollback("too much")
    assert back.rejects == "churn/production/3"
    shipped.merge(back.branch)
    program.unlink()
    with pytest.raises(TagshipError, match="churn/production/3 was rejected"):
        shipped.propose(None)
