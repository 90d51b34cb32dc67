"""A model in the registry, beside its image: artifact and boundary by their hash.

They are two blobs of the image's own repository. One manifest, tagged ``<version>.model``, keeps
the registry from clearing them away; to fetch them takes only the hashes, which the lock holds.
"""

import json
from dataclasses import dataclass

from tagship.gitops.image_registry import Repository
from tagship.training.lock import LockedArtifact

KIND = "application/vnd.tagship.model"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_LARGEST_BOUNDARY = 1 << 26


@dataclass(frozen=True)
class RegistryArtifact:
    """What scoring needs of a model."""

    model: bytes
    """``model.onnx``"""
    boundary: bytes
    """``boundary.json``"""


def push_artifact(image: str, tag: str, release: str, artifact: RegistryArtifact) -> None:
    """Push a model into its image's repository; what is there already is not sent again.

    Raises:
        TagshipError: the registry refuses.
    """
    repository = Repository(image, push=True)

    def descriptor(content: bytes, kind: str, **more: object) -> dict[str, object]:
        digest = repository.push_blob(content)
        return {"mediaType": kind, "digest": digest, "size": len(content), **more}

    files = {"model.onnx": artifact.model, "boundary.json": artifact.boundary}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "artifactType": KIND,
        "config": descriptor(b"{}", _EMPTY),
        "layers": [
            descriptor(
                content,
                f"{KIND}.{name.partition('.')[0]}",
                annotations={"org.opencontainers.image.title": name},
            )
            for name, content in files.items()
        ],
        "annotations": {"org.opencontainers.image.version": release},
    }
    repository.push_manifest(tag, json.dumps(manifest).encode(), _MANIFEST)


def fetch_artifact(image: str, locked: LockedArtifact) -> RegistryArtifact | None:
    """The very bytes that a lock names; None when the registry has them no more.

    Raises:
        TagshipError: the registry gives other bytes, or no clear answer.
    """
    if locked.boundary_sha256 is None:
        return None
    repository = Repository(image)
    model = repository.fetch(locked.sha256, locked.bytes)
    boundary = repository.fetch(locked.boundary_sha256, _LARGEST_BOUNDARY)
    return RegistryArtifact(model, boundary) if model is not None and boundary is not None else None
