"""The champion is scored by its own code, in a work tree of its release, on the same rows."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from projects import Project, copy_project, make_project, own_modules
from tagship.champion import champion_here
from tagship.config.project_files import load_project
from tagship.errors import TagshipError
from tagship.gates.verdict import GateResult, Verdict, read_verdict
from tagship.gitops.tags import compose
from tagship.proofs import Proofs
from tagship.scaffolding.overlays import overlay_files
from tagship.training.lock import read_lock

_CHAMPION = "champion: {metric: roc_auc, max_drop: 0.01, test: none}\n"
_DERIVE = """\
import numpy as np


def derive(columns):
    return {"eager": columns["visits"] * (columns["plan"] %s "free")}
"""
_WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def git(project: Project, *arguments: str, said: str = "") -> None:
    environment = {**os.environ, **_WHO, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=project.root, env=environment, input=said, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def train_and_lock(project: Project) -> None:
    for command in (("train", "tiny"), ("gate", "tiny"), ("lock", "write", "tiny")):
        ran = project.tagship(*command)
        assert ran.code == 0, ran.out + ran.err


def deploy(project: Project, release: str, number: int) -> None:
    """What a release and its merge leave in Git, without the rest of the loop."""
    git(project, "add", "-A")
    git(project, "commit", "-qm", release)
    hashes = ("Model-SHA256", "Config-SHA256", "Lock-SHA256", "Verdict-SHA256", "Manifests")
    says = {"Model": "tiny", "Release": release, **dict.fromkeys(hashes, "0"), "Verdict": "pass"}
    told = {
        release: says,
        f"tiny/production/{number}": {
            **says, "Environment": "production", "Action": "deploy", "Image": "i@sha256:0",
        },
    }  # fmt: skip
    for name, trailers in told.items():
        message = compose(name, "", trailers)
        git(project, "tag", "-a", "--cleanup=verbatim", "-F", "-", name, said=message)


def gated(project: Project) -> tuple[Verdict, GateResult]:
    """The verdict after a training, and what the champion's gate says."""
    ran = project.tagship("train", "tiny")
    assert ran.code == 0, ran.err
    project.tagship("gate", "tiny")
    verdict = read_verdict(project.files.work / "verdict.json")
    return verdict, next(r for r in verdict.results if r.gate == "champion")


def forget(project: Project) -> None:
    """As on a machine that never trained this champion."""
    shutil.rmtree(project.root / ".tagship" / "champions")


@pytest.fixture(scope="module")
def _released(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("champion") / "project")
    project.write("thresholds", project.path("thresholds").read_text() + _CHAMPION)
    project.write("src/features/tiny.py", _DERIVE % "!=")
    project.edit("model", "task: binary\n", "task: binary\nfeatures: features.tiny:derive\n")
    project.edit("data", "rows: {min: 50}", "rows: {min: 50, duplicates: 1}")
    project.write(".gitignore", ".tagship\ndata\nmlflow.db\nmlruns\nreports\n")
    git(project, "init", "-q", "-b", "main")
    assert champion_here(project.root, "tiny") is None
    train_and_lock(project)
    deploy(project, "tiny/v1.0.0", 1)
    assert champion_here(project.root, "tiny") == "tiny/v1.0.0"
    verdict, champion = gated(project)  # trains the champion again, in its work tree
    assert (verdict.champion, champion.value) == ("tiny/v1.0.0", 0.0), champion
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


def test_the_same_model_passes(released: Project) -> None:
    verdict, champion = gated(released)
    assert (verdict.status, champion.value) == ("pass", 0.0)


def test_a_worse_model_is_rejected(released: Project, rejected) -> None:
    released.edit("model", "max_depth: 3", "max_depth: 1")
    lines = released.path("model").read_text().splitlines()
    released.write("model", "\n".join(line for line in lines if "line:" not in line) + "\n")
    verdict, _ = gated(released)
    assert rejected(verdict, "champion", "a model worse than what production runs").value > 0.01


def test_the_champion_keeps_its_own_feature_functions(released: Project) -> None:
    released.write("src/features/tiny.py", _DERIVE % "==")
    assert gated(released)[1].value is not None
    released.write("src/features/tiny.py", "raise SystemExit('broken')\n")
    released.edit("model", "features: features.tiny:derive\n", "")
    champion = gated(released)[1]
    assert champion.value is not None
    assert abs(champion.value) < 0.1


def test_the_order_of_categories_may_change(released: Project) -> None:
    released.edit("data", "[free, plus, pro]", "[pro, plus, free]")
    verdict, champion = gated(released)
    assert verdict.status == "pass"
    assert champion.value == pytest.approx(0, abs=1e-3)


def test_a_value_that_the_champion_does_not_know_is_missing_to_it(released: Project) -> None:
    released.rewrite_table(lambda t: t.assign(plan=t["plan"].replace({"plus": "family"})))
    released.edit("data", "plus", "family")
    champion = gated(released)[1]
    assert champion.value is not None
    assert champion.value < 0


def test_a_column_may_leave_the_model_while_the_source_has_it(released: Project) -> None:
    released.edit("model", "features: features.tiny:derive\n", "")
    released.edit("data", "values: [free, plus, pro]", "values: [free, plus, pro], feature: false")
    assert gated(released)[1].value is not None


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


def test_a_champion_that_cannot_be_trained_again_fails_the_gate(
    released: Project, rejected
) -> None:
    forget(released)
    released.rewrite_table(lambda table: table.iloc[:250])
    failed = rejected(gated(released)[0], "champion", "the champion's data is gone")
    assert "another model than its lock names (data: " in failed.detail
    assert not list((released.root / ".tagship" / "champions").glob("*/model.onnx"))


def test_a_champion_of_an_engine_that_could_not_score_fails_the_gate(
    released: Project, rejected
) -> None:
    forget(released)
    released.write("src/tagship/__init__.py", "")
    deploy(released, "tiny/v1.1.0", 2)
    failed = rejected(gated(released)[0], "champion", "the champion's engine is too old")
    assert "its engine is older" in failed.detail


def test_a_champion_without_its_tag_fails_the_gate(released: Project, rejected) -> None:
    git(released, "tag", "-d", "tiny/v1.0.0")
    failed = rejected(gated(released)[0], "champion", "the champion's tag is not here")
    assert "git fetch --tags" in failed.detail


def test_a_champion_trained_elsewhere_to_other_bits_is_accepted(released: Project) -> None:
    """The lock names another artifact with the same predictions: another processor made it."""
    forget(released)
    sha256 = read_lock(released.lock).artifact.sha256
    released.edit("config/tiny/model.lock.yaml", sha256, "f" * 64)
    deploy(released, "tiny/v1.0.1", 2)
    verdict, champion = gated(released)
    assert (verdict.champion, champion.value) == ("tiny/v1.0.1", 0.0)


def test_a_release_is_judged_against_the_champion_that_it_names(released: Project) -> None:
    with own_modules(released.root / "src"):
        proofs = Proofs(released.root)
        verdict = proofs.gate(released.files, "tiny/v1.0.0")
        assert (verdict.status, verdict.champion) == ("pass", "tiny/v1.0.0")
        assert proofs.gate(released.files, None).champion is None


def test_a_lock_that_retraining_does_not_give_is_refused(released: Project) -> None:
    text = re.sub(r"(?m)^probe: .*$", "probe: [0.5]", released.lock.read_text())
    other = re.sub(r"\n  sha256: \w+", f"\n  sha256: {'f' * 64}", text, count=1)
    released.write("config/tiny/model.lock.yaml", other)
    with (
        own_modules(released.root / "src"),
        pytest.raises(TagshipError, match="retraining gave another model"),
    ):
        Proofs(released.root).gate(released.files, "tiny/v1.0.0")


def test_a_verdict_is_about_the_artifact_that_the_lock_names(released: Project) -> None:
    """Retraining gave other bits with the same predictions; the lock's artifact is what ships."""
    sha256 = read_lock(released.lock).artifact.sha256
    released.edit("config/tiny/model.lock.yaml", sha256, "f" * 64)
    with own_modules(released.root / "src"):
        assert Proofs(released.root).gate(released.files, None).artifact_sha256 == "f" * 64


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
