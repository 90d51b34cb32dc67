"""From a bento to a container image: the only file that runs docker, podman or buildah."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tagship.bento.store import UNRELEASED, Bento, latest_bento
from tagship.config.project_files import ModelFiles, load_project
from tagship.errors import TagshipError, suggest
from tagship.files import sha256_of_file
from tagship.gitops.artifacts import RegistryArtifact, push_artifact
from tagship.gitops.image_registry import credentials, is_local
from tagship.training.lock import locked_artifact

BUILDERS = ("docker", "podman", "buildah")
DOCKERFILE = "deploy/image/Dockerfile"


@dataclass(frozen=True)
class Image:
    """A built image; it has a digest once it was pushed."""

    name: str
    tag: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """By digest where there is one, else by tag."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"


def build_image(
    files: ModelFiles,
    release: str = UNRELEASED,
    push: bool = False,
    builder: str = "",
    options: tuple[str, ...] = (),
) -> Image:
    """Build the image of the lock's bento; push it and its model if asked to.

    ``options`` are passed on to the builder.

    Raises:
        TagshipError: no bento of this release, other bytes than the lock's, no builder, or the
            builder or the registry refuses.
    """
    bento = latest_bento(files.root, files.name)
    record = json.loads((bento.path / "src/artifact/record.json").read_text(encoding="utf-8"))
    if record["release"] != release:
        raise TagshipError(
            f"{bento.tag} was built as {record['release']}, not as {release}",
            f"tagship build {files.name} --release {release}",
        )
    if release != UNRELEASED:
        _refuse_other_bytes(files, bento, str(record["model_sha256"]))
    project = load_project(files.root)
    tag = release.rpartition("/")[2] if release != UNRELEASED else bento.tag.rpartition(":")[2]
    image = Image(f"{project.registry}/{project.name}-{files.name}", tag)
    program = _builder(builder)
    # The workflow attests; docker's own attestation would give the digest of an index.
    form = {"docker": ["--provenance=false"], "podman": ["--format=docker"]}
    form["buildah"] = form["podman"]
    _run(
        program,
        "build",
        *form[program],
        *("--file", str(files.root / DOCKERFILE), "--tag", image.reference),
        *_labels(release, record["model_sha256"]),
        *options,
        str(bento.path),
    )
    if not push:
        return image
    digest = _push(program, image)
    folder = bento.path / "src" / "artifact"
    artifact = RegistryArtifact(
        (folder / "model.onnx").read_bytes(), (folder / "boundary.json").read_bytes()
    )
    push_artifact(image.name, f"{image.tag}.model", release, artifact)
    return Image(image.name, image.tag, digest)


def _refuse_other_bytes(files: ModelFiles, bento: Bento, model_sha256: str) -> None:
    """Compare what another job built with the lock of this tree, before anything is pushed.

    Raises:
        TagshipError: there is no lock here, or a file is not the one that it names.
    """
    text = files.lock_path.read_text(encoding="utf-8") if files.lock_path.is_file() else ""
    lock_artifact = locked_artifact(text)
    if lock_artifact is None:
        raise TagshipError(f"{files.lock_path}: no lock", f"run `tagship run {files.name}`")
    folder = bento.path / "src" / "artifact"
    hashes = {name: sha256_of_file(folder / name) for name in ("model.onnx", "boundary.json")}
    lock_hashes = {
        "model.onnx": lock_artifact.sha256,
        "boundary.json": lock_artifact.boundary_sha256,
    }
    claims = [("its record", model_sha256, lock_artifact.sha256)]
    claims += [(name, hashes[name], lock_hashes[name] or hashes[name]) for name in hashes]
    for name, actual_hash, locked_hash in claims:
        if actual_hash != locked_hash:
            raise TagshipError(
                f"{bento.tag}: {name} says {actual_hash[:12]}…, the lock {locked_hash[:12]}…",
                f"tagship build {files.name} --release …",
            )


def _builder(choice: str) -> str:
    if choice and choice not in BUILDERS:
        raise TagshipError(f"no builder '{choice}'", suggest(choice, BUILDERS))
    program = next((name for name in ((choice,) if choice else BUILDERS) if shutil.which(name)), "")
    if not program:
        raise TagshipError(
            f"{choice or 'docker, podman or buildah'}: not installed", "one of them builds images"
        )
    return program


def _labels(release: str, model_sha256: str) -> list[str]:
    labels = {"version": release, "title": release.partition("/")[0]}
    repository = os.environ.get("GITHUB_REPOSITORY")
    if repository:
        labels["source"] = f"{os.environ.get('GITHUB_SERVER_URL', '')}/{repository}"
    pairs = [f"org.opencontainers.image.{key}={value}" for key, value in labels.items()]
    pairs.append(f"tagship.model-sha256={model_sha256}")
    return [part for pair in pairs for part in ("--label", pair)]


def _push(program: str, image: Image) -> str:
    reference = f"{image.name}:{image.tag}"
    host = image.name.split("/")[0]
    tls = ["--tls-verify=false"] if is_local(host) and program != "docker" else []
    user, token = credentials(host)
    if token:
        _run(program, "login", *tls, "--username", user, "--password-stdin", host, stdin=token)
    if program == "docker":
        _run("docker", "push", reference)
        output = _run("docker", "inspect", "--format", "{{json .RepoDigests}}", reference)
        digests = [str(listed_digest).rpartition("@") for listed_digest in json.loads(output)]
        own_digests = [digest for name, _, digest in digests if name == image.name]
        if len(own_digests) != 1:
            raise TagshipError(f"{reference}: docker does not say which digest it pushed")
        return own_digests[0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digest"
        _run(program, "push", *tls, "--digestfile", str(file), reference, f"docker://{reference}")
        return file.read_text(encoding="utf-8").strip()


def _run(*command: str, stdin: str = "") -> str:
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise TagshipError(f"{command[0]} {command[1]} failed:\n" + "\n".join(lines[-15:]))
    return result.stdout
