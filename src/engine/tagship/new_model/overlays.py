"""The text of a new model's deployment overlays: one folder for each environment."""

from tagship.config.project import ProjectConfig
from tagship.new_model.file_texts import NewFile

_NO_DIGEST = "sha256:" + "0" * 64


def overlay_files(project: ProjectConfig, name: str) -> list[NewFile]:
    """``deploy/<model>/<environment>/`` of a model that was never released."""
    image = f"{project.registry}/{project.name}-{name}"
    files = []
    for environment in project.environments:
        folder = f"deploy/{name}/{environment}"
        text = _kustomization(project.name, name, environment, image)
        if environment == project.environments[-1]:
            text += _LARGER
        files.append((f"{folder}/kustomization.yaml", text))
        files.append((f"{folder}/release.yaml", _record(name, environment, image)))
    return files


def _kustomization(project: str, name: str, environment: str, image: str) -> str:
    return f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../base]
namespace: {project}-{environment}
namePrefix: {name}-
labels:
  - pairs: {{app.kubernetes.io/name: {name}}}
    includeSelectors: true
  - pairs: {{app.kubernetes.io/part-of: {project}, environment: {environment}}}
    includeTemplates: true
images:
  - name: model-image
    newName: {image}
    digest: {_NO_DIGEST}
configMapGenerator:
  - {{name: release, behavior: replace, files: [release.yaml]}}
"""


_LARGER = """\
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: model}
      spec: {replicas: 2}
"""


def _record(name: str, environment: str, image: str) -> str:
    unknown = ("model_sha256", "data_sha256", "config_sha256", "run_id", "verdict_sha256")
    head = "# The deployment record: written by the release, mounted in the pod."
    lines = [
        f'{head} "none" until the first one.',
        f"model: {name}",
        f"environment: {environment}",
        "release: none",
        f"image: {image}",
        f"digest: {_NO_DIGEST}",
        *(f"{key}: none" for key in unknown),
    ]
    return "\n".join(lines) + "\n"
