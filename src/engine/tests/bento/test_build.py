"""What a release may be built from: the very artifact that its lock names."""

import tomllib
from pathlib import Path

import pytest
from packaging import markers

from projects import Project
from tagship.bento.build import serving_pins
from tagship.training.lock import read_lock


@pytest.mark.slow
def test_a_release_of_other_bytes_is_refused_though_they_predict_the_same(
    run_project: Project,
) -> None:
    sha256 = read_lock(run_project.lock).artifact.sha256
    run_project.edit("config/tiny/model.lock.yaml", sha256, "f" * 64)
    assert run_project.tagship("build", "tiny").code == 0
    refused = run_project.tagship("build", "tiny", "--release", "tiny/v1.0.0")
    refused.must_refuse(("model.lock.yaml", "f" * 12, sha256[:12]))
    run_project.edit("config/tiny/model.lock.yaml", "f" * 64, sha256)
    built = run_project.tagship("build", "tiny", "--release", "tiny/v1.0.0")
    assert (built.code, built.out.split()[0]) == (0, "tiny:1.0.0"), built.err


def test_an_image_gets_every_package_at_the_version_that_uv_lock_names() -> None:
    content = tomllib.loads((Path(__file__).parents[4] / "uv.lock").read_text(encoding="utf-8"))
    locked = {package["name"]: package["version"] for package in content["package"]}
    pins = dict(pin.split("==") for pin in serving_pins())
    assert {"bentoml", "onnxruntime", "starlette", "uvicorn", "msgspec"} <= pins.keys()
    assert pins.items() <= locked.items()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_an_image_needs_the_same_packages_whichever_python_builds_its_bento(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    here = serving_pins()
    other = {"python_version": version, "python_full_version": f"{version}.9"}
    environment = {**markers.default_environment(), **other}
    monkeypatch.setattr(markers, "default_environment", lambda: environment)
    assert serving_pins() == here
