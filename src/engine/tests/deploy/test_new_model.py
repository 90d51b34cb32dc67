"""The overlays that `tagship new` writes are as sound as those that the template ships."""

import shutil

from rendering import DEPLOY

from tagship.gitops.deployment_records import parse_pin, parse_record
from tagship.new_model.overlays import overlay_files


def test_the_overlays_of_a_new_model_render_and_are_pinned_to_nothing_yet(
    project, render, tmp_path
):
    shutil.copytree(DEPLOY / "base", tmp_path / "deploy" / "base")
    made = dict(overlay_files(project, "brand-new"))
    for path, text in made.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for environment in project.environments:
        folder = f"deploy/brand-new/{environment}"
        record = parse_record(made[f"{folder}/release.yaml"], f"{folder}/release.yaml")
        assert not record.is_deployed
        pin = parse_pin(made[f"{folder}/kustomization.yaml"], folder)
        assert pin == (f"{project.registry}/{project.name}-brand-new", record.digest)
        resources = render(tmp_path / folder)
        deployment = next(r for r in resources if r["kind"] == "Deployment")
        assert deployment["metadata"]["name"] == "brand-new-model"
        assert deployment["metadata"]["namespace"] == f"{project.name}-{environment}"


def test_a_third_environment_gets_an_overlay_and_only_the_last_is_larger(project):
    wider = project.model_copy(update={"environments": ["dev", "staging", "prod"]})
    made = dict(overlay_files(wider, "brand-new"))
    assert "patches" not in made["deploy/brand-new/staging/kustomization.yaml"]
    assert "replicas: 2" in made["deploy/brand-new/prod/kustomization.yaml"]
