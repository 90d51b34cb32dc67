"""The champion is scored as it was released: its artifact by hash, its own feature functions."""

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from projects import Project, copy_project, make_project, own_modules
from registries import Registry
from released import deploy, git
from tagship.config.project_files import load_project
from tagship.errors import TagshipError
from tagship.files import sha256_of_file
from tagship.gates.champion import champion_here, champion_of
from tagship.gates.lock_verifier import LockVerifier
from tagship.gitops.artifacts import RegistryArtifact, push_artifact
from tagship.gitops.tags import compose
from tagship.new_model.overlays import overlay_files
from tagship.subprocesses import run_program
from tagship.training.bundle import load_bundle
from tagship.training.lock import read_lock
from tagship.verdict import GateResult, Verdict, read_verdict

ROOT = Path(__file__).parents[4]

_CHAMPION = "champion: {metric: roc_auc, max_drop: 0.01, test: none}\n"
_DERIVE = """\
import numpy as np


def derive(columns):
    return {"eager": columns["visits"] * (columns["plan"] %s "free")}
"""


def gated(project: Project) -> tuple[Verdict, GateResult]:
    """The verdict after a training, and what the champion's gate says."""
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err
    return judged(project)[:2]


def judged(project: Project) -> tuple[Verdict, GateResult, str]:
    """The verdict on the last training, what the champion's gate says, and what was shown."""
    shown = project.tagship("gate", "tiny").err
    verdict = read_verdict(project.files.work / "verdict.json")
    return verdict, next(r for r in verdict.results if r.gate == "champion"), shown


def forget(project: Project) -> None:
    """As on a machine that never had this champion."""
    shutil.rmtree(project.root / ".tagship" / "champions")


def kept(project: Project) -> Path:
    """The folder of the only champion that is kept."""
    (folder,) = (project.root / ".tagship" / "champions").iterdir()
    return folder


@pytest.fixture(scope="module")
def _registry() -> Iterator[Registry]:
    with Registry().served() as registry:
        yield registry


@pytest.fixture
def registry(_registry: Registry) -> Iterator[Registry]:
    """The registry that has the model of tiny/v1.0.0; what a test breaks in it is mended."""
    blobs = dict(_registry.blobs)
    yield _registry
    _registry.blobs, _registry.broken = blobs, False


@pytest.fixture(scope="module")
def _released(tmp_path_factory: pytest.TempPathFactory, _registry: Registry) -> Project:
    project = make_project(tmp_path_factory.mktemp("champion") / "project")
    project.write("thresholds", project.path("thresholds").read_text() + _CHAMPION)
    project.write("src/features/tiny.py", _DERIVE % "!=")
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.tiny:derive\n")
    project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    project.write(".gitignore", ".tagship\ndata\nmlflow.db\nmlruns\nreports\n")
    git(project, "init", "-q", "-b", "main")
    assert champion_here(project.root, "tiny") is None
    project.relock()
    image, bundle = f"{_registry.host}/shop/tiny", load_bundle(project.files)
    artifact = RegistryArtifact(bundle.artifact, bundle.boundary.to_json().encode())
    push_artifact(image, "v1.0.0.model", "tiny/v1.0.0", artifact)
    deploy(project, "tiny/v1.0.0", 1, image)
    assert champion_here(project.root, "tiny") == "tiny/v1.0.0"
    verdict, champion, shown = judged(project)
    assert (verdict.champion, champion.value) == ("tiny/v1.0.0", 0.0), champion
    assert f"tiny/v1.0.0: fetched from {image}" in shown
    return project


@pytest.fixture
def released(_released: Project, tmp_path: Path) -> Project:
    """A project whose production runs tiny/v1.0.0: that champion is kept here, its scores not."""
    project = copy_project(_released, tmp_path / "project")
    for scores in (project.root / ".tagship" / "champions").glob("*/scores-*.npz"):
        scores.unlink()
    return project


def test_outside_a_repository_there_is_no_champion_and_the_gate_says_so(project: Project) -> None:
    project.tagship("train", "tiny")
    assert "no champion yet" in project.tagship("gate", "tiny").out


@pytest.mark.slow
def test_a_champion_that_is_kept_needs_no_registry_and_its_scores_are_remembered(
    released: Project, registry: Registry
) -> None:
    registry.broken = True
    for _ in range(2):
        verdict, champion, shown = judged(released)
        assert (verdict.status, champion.value) == ("pass", 0.0)
        assert not {"fetched", "training"} & set(shown.split())
    assert len(list(kept(released).glob("scores-*.npz"))) == 1


@pytest.mark.slow
def test_a_champion_is_fetched_by_the_hashes_of_its_lock(released: Project) -> None:
    """Even where it could not be trained again: its data and its libraries are gone."""
    artifact = read_lock(released.lock).artifact
    forget(released)
    assert "fetched from" in judged(released)[2]
    assert sha256_of_file(kept(released) / "model.onnx") == artifact.sha256
    assert sha256_of_file(kept(released) / "boundary.json") == artifact.boundary_sha256


def test_a_worse_model_is_rejected(released: Project, rejected) -> None:
    released.edit("model", "max_depth: 3", "max_depth: 1")
    lines = released.path("model").read_text().splitlines()
    released.write("model", "\n".join(line for line in lines if "line:" not in line) + "\n")
    verdict, _ = gated(released)
    assert rejected(verdict, "champion", "a model worse than what production runs").value > 0.01


@pytest.mark.slow
def test_the_champion_keeps_its_own_feature_functions(released: Project) -> None:
    released.write("src/features/tiny.py", _DERIVE % "==")
    assert gated(released)[1].value is not None
    released.write("src/features/tiny.py", "raise SystemExit('broken')\n")
    released.edit("model", "features: features.tiny:derive\n", "")
    champion = gated(released)[1]
    assert champion.value is not None
    assert abs(champion.value) < 0.1


@pytest.mark.slow
def test_the_order_of_categories_may_change(released: Project) -> None:
    released.edit("data", "[free, plus, pro]", "[pro, plus, free]")
    verdict, champion = gated(released)
    assert verdict.status == "pass"
    assert champion.value == pytest.approx(0, abs=1e-3)


@pytest.mark.slow
def test_a_value_that_the_champion_does_not_know_is_missing_to_it(released: Project) -> None:
    released.rewrite_table(lambda t: t.assign(plan=t["plan"].replace({"plus": "family"})))
    released.edit("data", "plus", "family")
    champion = gated(released)[1]
    assert champion.value is not None
    assert champion.value < 0


@pytest.mark.slow
def test_a_column_may_leave_the_model_while_the_source_has_it(released: Project) -> None:
    released.edit("model", "features: features.tiny:derive\n", "")
    released.edit("data", "values: [free, plus, pro]", "values: [free, plus, pro], feature: false")
    assert gated(released)[1].value is not None


@pytest.mark.slow
@pytest.mark.parametrize("how", ["gone from the source", "personal data now"])
def test_a_champion_whose_column_is_gone_fails_the_gate(
    released: Project, how: str, rejected
) -> None:
    released.edit("model", "features: features.tiny:derive\n", "")
    column = "  plan: {dtype: category, values: [free, plus, pro]}\n"
    if how == "gone from the source":
        released.rewrite_table(lambda t: t.drop(columns="plan"))
        released.edit("data", column, "")
    else:
        released.edit("data", column, "  plan: {dtype: string, pii: drop}\n")
    failed = rejected(gated(released)[0], "champion", f"the champion's column is {how}")
    assert "it needs the column 'plan'" in failed.detail


@pytest.mark.slow
def test_one_that_no_registry_has_is_trained_again_once(
    released: Project, registry: Registry
) -> None:
    forget(released)
    registry.blobs = {}
    champion, shown = judged(released)[1:]
    assert champion.value == 0.0
    assert f"it is gone from {registry.host}/shop/tiny: training it again" in shown
    for scores in kept(released).glob("scores-*.npz"):
        scores.unlink()
    assert "training" not in judged(released)[2].split()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["down", "other bytes", "not asked", "no image", "no boundary"])
def test_without_a_true_artifact_and_a_training_that_gives_it_the_gate_fails(
    released: Project, registry: Registry, how: str, rejected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion's data is gone, so that nothing but its registry could give it."""
    forget(released)
    says = {
        "down": "the registry gives no clear answer: HTTP 500",
        "other bytes": "the registry gave other bytes",
        "not asked": "its registry is not asked",
        "no image": "no deployment names its image",
        "no boundary": "its lock names no artifact and boundary",
    }
    if how == "down":
        registry.broken = True
    elif how == "other bytes":
        registry.blobs = {key: content + b" " for key, content in registry.blobs.items()}
    elif how == "not asked":
        monkeypatch.setenv("TAGSHIP_REGISTRY_CHECK", "none")
    elif how == "no image":
        deploy(released, "tiny/v1.0.1", 2)
    else:
        text = released.lock.read_text()
        released.lock.write_text(re.sub(r"\n  boundary_sha256: .*", "", text))
        deploy(released, "tiny/v1.0.1", 2, f"{registry.host}/shop/tiny")
    released.rewrite_table(lambda table: table.iloc[:250])
    failed = rejected(gated(released)[0], "champion", f"the champion's registry: {how}")
    assert says[how] in failed.detail
    assert "another model came out than its lock names (data: " in failed.detail
    assert not list((released.root / ".tagship" / "champions").glob("*/model.onnx"))


def other_libraries(project: Project, registry: Registry) -> None:
    """Production runs a release that other libraries trained, and no registry has it."""
    forget(project)
    numpy = read_lock(project.lock).inputs.libraries["numpy"]
    project.edit("config/tiny/model.lock.yaml", f"numpy: {numpy}", "numpy: 1.0.0")
    deploy(project, "tiny/v1.0.1", 2, f"{registry.host}/shop/tiny")
    registry.blobs = {}


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with git alone, and an interpreter beside which there is no uv."""
    folder.mkdir()
    (folder / "git").symlink_to(shutil.which("git") or "git")
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return folder


def test_other_libraries_and_no_uv_fail_the_gate(
    released: Project, registry: Registry, rejected, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other_libraries(released, registry)
    programs(tmp_path / "bin", monkeypatch)
    failed = rejected(judged(released)[0], "champion", "other libraries, and no uv")
    for told in ("it is gone from", "numpy 1.0.0 → ", "uv, which", "is not installed"):
        assert told in failed.detail


def test_a_uv_that_fails_fails_the_gate(
    released: Project, registry: Registry, rejected, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other_libraries(released, registry)
    uv = programs(tmp_path / "bin", monkeypatch) / "uv"
    uv.write_text(
        f'#!/bin/sh\n/usr/bin/env > {tmp_path}/env\necho "$@" > {tmp_path}/arguments\n'
        "echo 'error: no lock\n  | file here' >&2\nexit 2\n"
    )
    uv.chmod(0o755)
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "GITHUB_TOKEN", "PYTHONPATH"):
        monkeypatch.setenv(name, "/here")
    verdict, champion, _ = judged(released)
    failed = rejected(verdict, "champion", "other libraries, and uv fails")
    assert champion == failed
    assert "uv run: no lock | file here" in failed.detail
    environment = (tmp_path / "env").read_text()
    assert "/here" not in environment
    assert "UV_PYTHON_DOWNLOADS=never" in environment
    asked = (tmp_path / "arguments").read_text()
    assert asked.startswith("run --quiet --frozen --directory /")
    assert asked.endswith("--extra train --no-default-groups -- tagship train -- tiny\n")


@pytest.mark.slow
def test_uv_trains_a_champion_of_other_libraries_in_its_own_environment(
    released: Project, registry: Registry
) -> None:
    """With the root's own lock file, whose packages uv has from the engine's set-up."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if not Path(uv).is_file():
        if os.environ.get("TAGSHIP_REQUIRE_TOOLS") == "1":
            pytest.fail("uv is not installed")
        pytest.skip("uv is not installed")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, released.root)
    (released.root / "src/engine").symlink_to(ROOT / "src/engine")
    other_libraries(released, registry)
    champion, shown = judged(released)[1:]
    assert champion.value == 0.0, champion
    assert "training it again" in shown


@pytest.mark.slow
def test_an_engine_in_the_tree_of_a_release_is_not_the_one_that_scores(released: Project) -> None:
    """A release from before the engine was a dependency has one under src/."""
    released.write("src/tagship/__init__.py", "raise SystemExit('an old engine')\n")
    deploy(released, "tiny/v1.1.0", 2)
    assert judged(released)[1].value == 0.0


@pytest.mark.slow
def test_feature_functions_on_the_python_path_are_not_the_champions(
    released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(released.root / "src"))
    released.write("src/features/tiny.py", "raise SystemExit('today')\n")
    released.edit("model", "features: features.tiny:derive\n", "")
    assert gated(released)[1].value is not None


def test_a_boundary_of_another_form_fails_the_gate(released: Project, rejected) -> None:
    (kept(released) / "boundary.json").write_text('{"fields": []}')
    failed = rejected(judged(released)[0], "champion", "the champion's boundary is of another form")
    assert "boundary.json is of another form" in failed.detail


def test_a_training_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    script = f"trap 'kill $!; exit 1' TERM; (while :; do date > {beat}; sleep 0.1; done) & wait"
    with pytest.raises(TagshipError, match="longer than 1 seconds"):
        run_program(tmp_path, ("sh", "-c", script), seconds=1)
    beat.unlink()
    time.sleep(0.5)
    assert not beat.exists()


def test_gates_ask_for_the_champion_that_a_tag_names(released: Project) -> None:
    hashes = ("Model-SHA256", "Config-SHA256", "Lock-SHA256", "Verdict-SHA256")
    for version, names in (("v1.1.0", "tiny/v1.0.0"), ("v1.2.0", "none"), ("v1.3.0", None)):
        says = {"Model": "tiny", "Release": f"tiny/{version}", "Verdict": "pass"}
        says |= dict.fromkeys(hashes, "0") | ({"Champion": names} if names else {})
        message = compose(f"tiny/{version}", "", says)
        git(released, "tag", "-a", "--cleanup=verbatim", "-F", "-", f"tiny/{version}", said=message)
    assert champion_of(released.root, "tiny", "tiny/v1.1.0") == "tiny/v1.0.0"
    assert champion_of(released.root, "tiny", "tiny/v1.2.0") is None
    for model, release, says in (
        ("tiny", "tiny/v1.3.0", "says nothing of a champion"),
        ("huge", "tiny/v1.1.0", "is no release of huge"),
        ("tiny", "tiny/v9.0.0", "no release tiny/v9.0.0"),
    ):
        with pytest.raises(TagshipError, match=says):
            champion_of(released.root, model, release)
    assert "no champion yet" in released.tagship("gate", "tiny", "--release=tiny/v1.2.0").out


def test_a_champion_without_its_tag_fails_the_gate(released: Project, rejected) -> None:
    git(released, "tag", "-d", "tiny/v1.0.0")
    failed = rejected(judged(released)[0], "champion", "the champion's tag is not here")
    assert "git fetch --tags" in failed.detail


@pytest.mark.slow
def test_a_champion_trained_elsewhere_to_other_bits_is_accepted(
    released: Project, registry: Registry
) -> None:
    """The lock names another artifact with the same predictions: another processor made it."""
    forget(released)
    sha256 = read_lock(released.lock).artifact.sha256
    released.edit("config/tiny/model.lock.yaml", sha256, "f" * 64)
    deploy(released, "tiny/v1.0.1", 2, f"{registry.host}/shop/tiny")
    verdict, champion, _ = judged(released)
    assert (verdict.champion, champion.value) == ("tiny/v1.0.1", 0.0)


@pytest.mark.slow
def test_a_release_is_judged_against_the_champion_that_it_names(released: Project) -> None:
    with own_modules(released.root / "src"):
        verifier = LockVerifier(released.root)
        verdict = verifier.gate(released.files, "tiny/v1.0.0")
        assert (verdict.status, verdict.champion) == ("pass", "tiny/v1.0.0")
        assert verifier.gate(released.files, None).champion is None


def test_a_lock_that_retraining_does_not_give_is_refused(released: Project) -> None:
    text = re.sub(r"(?m)^probe: .*$", "probe: [0.5]", released.lock.read_text())
    other = re.sub(r"\n  sha256: \w+", f"\n  sha256: {'f' * 64}", text, count=1)
    released.write("config/tiny/model.lock.yaml", other)
    with (
        own_modules(released.root / "src"),
        pytest.raises(TagshipError, match="retraining gave another model"),
    ):
        LockVerifier(released.root).gate(released.files, "tiny/v1.0.0")


def test_a_verdict_is_about_the_artifact_that_the_lock_names(released: Project) -> None:
    """Retraining gave other bits with the same predictions; the lock's artifact is what ships."""
    sha256 = read_lock(released.lock).artifact.sha256
    released.edit("config/tiny/model.lock.yaml", sha256, "f" * 64)
    with own_modules(released.root / "src"):
        assert LockVerifier(released.root).gate(released.files, None).artifact_sha256 == "f" * 64


def test_rows_other_than_those_of_the_training_are_not_compared(
    released: Project, rejected
) -> None:
    assert released.tagship("train", "tiny").code == 0
    released.rewrite_table(lambda table: table.assign(age=table["age"].max()))
    released.tagship("gate", "tiny")
    verdict = read_verdict(released.files.work / "verdict.json")
    failed = rejected(verdict, "champion", "the data changed after the training")
    assert "changed since the training" in failed.detail
    assert "take `champion` out of thresholds.yaml" in failed.detail


def test_a_clone_without_the_deployments_tags_does_not_pass_for_a_first_release(
    released: Project,
) -> None:
    project = load_project(released.root)
    for path, text in overlay_files(project, "tiny"):
        released.write(path, text.replace("release: none", "release: tiny/v1.0.0"))
    assert champion_here(released.root, "tiny") == "tiny/v1.0.0"
    git(released, "tag", "-d", "tiny/production/1")
    with pytest.raises(TagshipError, match="the champion is unknown"):
        champion_here(released.root, "tiny")
    ran = released.tagship("gate", "tiny")
    assert ran.code == 1
    assert "git fetch --tags" in ran.err
