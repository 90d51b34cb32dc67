"""The image of a release, really built, pushed, pulled by digest and run as the cluster runs it."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from projects import Project
from registries import docker_registry, free_port
from tagship.gitops.artifacts import fetch_artifact
from tagship.training.lock import read_lock
from tools import find_program, lacking

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
CACHE = ROOT / ".tools" / "image"
"""Where `.ci/tools` keeps a base image and the packages of the serving image."""
PROGRAMS = ("buildah", "podman", "runc", "docker-registry")
RELEASE = "tiny/v1.0.0"


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=600
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def ask(url: str, content: Any = None) -> Any:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text.strip().startswith(b"{") else text


@dataclass(frozen=True)
class Built:
    """An image in a registry here, and where its storage is."""

    reference: str
    storage: dict[str, str]
    project: Project

    def podman(self, *arguments: str) -> str:
        runc = shutil.which("runc") or "runc"
        return run(
            "podman", "--runtime", runc, "--cgroup-manager", "cgroupfs", *arguments, **self.storage
        )


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Storage of our own for images, with the base in it."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    base = CACHE / "base.tar"
    why = f"not installed: {', '.join(missing)}" if missing else ""
    why = why or ("" if base.is_file() else f"no {base.relative_to(ROOT)}: run `make tools`")
    if os.geteuid() != 0:
        pytest.skip("containers are built here as root only; template.yml builds one with docker")
    if why:
        lacking(why)
    folder = tmp_path_factory.mktemp("storage")
    config = folder / "storage.conf"
    config.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
    )
    here = {"CONTAINERS_STORAGE_CONF": str(config), "BUILDAH_ISOLATION": "chroot"}
    (folder / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
    (
        os.link(base, folder / "base.tar")
        if base.stat().st_dev == folder.stat().st_dev
        else (shutil.copy(base, folder))
    )
    run("buildah", "bud", "-t", "localhost/python-base", "-f", f"{folder}/Containerfile",
        str(folder), **here)  # fmt: skip
    yield here
    emptied = {**os.environ, **here}
    subprocess.run(["podman", "system", "reset", "--force"], env=emptied, capture_output=True)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on 127.0.0.1."""
    find_program("docker-registry")
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="module")
def built(
    storage: dict[str, str],
    registry: str,
    _run_once: Project,
    tmp_path_factory: pytest.TempPathFactory,
) -> Built:
    """What `tagship build` and `tagship image --push` make of a release."""
    root = tmp_path_factory.mktemp("shop") / "project"
    shutil.copytree(_run_once.root, root)
    shutil.copytree(ROOT / "deploy/image", root / "deploy/image")
    project = Project(root)
    project.edit("config/project.yaml", "ghcr.io/", f"{registry}/")
    made = project.spawn("build", "tiny", "--release", RELEASE)
    assert made.code == 0, made.err
    options = ["--from=localhost/python-base", "--pull-never"]
    # pip inside asks the same index as outside, and trusts the same certificates.
    options += ["--volume=/etc/ssl/certs:/etc/ssl/certs:ro", "--network=host"]
    pip = Path("/etc/pip.conf")
    options += [f"--volume={pip}:{pip}:ro"] if pip.is_file() else []
    arguments = [part for option in options for part in ("--option", option)]
    done = project.spawn(
        "image",
        "tiny",
        "--release",
        RELEASE,
        "--push",
        "--builder",
        "buildah",
        *arguments,
        **storage,
    )
    assert done.code == 0, done.out + done.err
    return Built(done.out.strip(), storage, project)


@pytest.fixture(scope="module")
def container(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The service, run read-only and without rights, by digest; its name and its address."""
    record = built.project.root / "release.yaml"
    artifact = next(built.project.root.glob(".tagship/bentoml/bentos/tiny/1.0.0/src/artifact"))
    held = json.loads((artifact / "record.json").read_text())
    lines = {"model": "tiny", "release": RELEASE, "model_sha256": held["model_sha256"]}
    record.write_text("".join(f'{key}: "{value}"\n' for key, value in lines.items()))
    record.chmod(0o644)
    name = f"tagship-test-{os.getpid()}"
    port = free_port()
    built.podman(
        *("run", "--detach", "--name", name, "--no-healthcheck", "--tls-verify=false"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network=host"),
        *("--read-only", "--read-only-tmpfs=false", "--cap-drop=all"),
        *("--tmpfs", "/tmp", "--tmpfs", "/home/tagship"),
        *("--volume", f"{record}:/etc/tagship/release.yaml:ro", "--env", f"BENTOML_PORT={port}"),
        *(built.reference, "--port", str(port)),
    )
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 90
    while True:
        try:
            ask(f"{url}/readyz")
            break
        except OSError:
            assert time.monotonic() < end, built.podman("logs", name)
            time.sleep(0.5)
    yield name, url
    built.podman("rm", "--force", "--time", "2", name)


def test_the_image_is_known_by_digest_and_small(
    built: Built, container: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "@sha256:" in built.reference
    about = json.loads(built.podman("image", "inspect", built.reference))[0]
    base = json.loads(built.podman("image", "inspect", "localhost/python-base"))[0]
    with capsys.disabled():
        own = (about["Size"] - base["Size"]) / 1e6
        print(f"\nimage: {about['Size'] / 1e6:.0f} MB, {own:.0f} MB of it on top of the base")
    assert own < 350
    assert about["Config"]["User"] == "10001:10001"
    checked = about.get("Healthcheck") or about["Config"].get("Healthcheck")  # podman, docker
    assert "/livez" in str(checked) or "/readyz" in str(checked)
    assert about["Labels"]["org.opencontainers.image.version"] == RELEASE


def test_it_serves_read_only_and_without_rights(built: Built, container: tuple[str, str]) -> None:
    name, url = container
    example = {"age": 30.0, "visits": 9, "plan": "pro"}
    answer = ask(f"{url}/predict", example)
    assert (answer["release"], answer["prediction"]) == (RELEASE, "yes")
    assert ask(f"{url}/info")["release"] == RELEASE
    assert built.podman("exec", name, "id", "-u") == "10001"
    with pytest.raises(AssertionError, match="Read-only file system"):
        built.podman("exec", name, "touch", "/srv/bento/x")


def test_the_smoke_job_passes_in_the_image_and_sees_a_difference(
    built: Built, container: tuple[str, str]
) -> None:
    name, url = container
    smoke = ("python", "-m", "tagship.serving.smoke")
    said = built.podman("exec", "--env", f"SERVICE_URL={url}", name, *smoke)
    assert said.startswith(f"{RELEASE} runs at")
    other = "import pathlib as p; p.Path('/tmp/r.yaml').write_text(" \
        "p.Path('/etc/tagship/release.yaml').read_text().replace('v1.0.0', 'v1.1.0'))"  # fmt: skip
    built.podman("exec", name, "python", "-c", other)
    asked = ("--env", f"SERVICE_URL={url}", "--env", "TAGSHIP_RECORD=/tmp/r.yaml")
    with pytest.raises(AssertionError, match=r"the record says tiny/v1\.1\.0"):
        built.podman("exec", *asked, name, *smoke)


def test_the_image_holds_no_training_library(built: Built, container: tuple[str, str]) -> None:
    code = "import importlib.util as u; print([n for n in " \
        "('pandas', 'sklearn', 'mlflow', 'pip') if u.find_spec(n)])"  # fmt: skip
    assert built.podman("exec", container[0], "python", "-c", code) == "[]"


def test_the_registry_check_finds_it_and_nothing_else(built: Built) -> None:
    from tagship.gitops.image_registry import by_http

    assert by_http(built.reference)
    assert not by_http(built.reference[:-64] + "0" * 64)


def test_the_model_is_beside_the_image_by_the_hashes_of_its_lock(built: Built) -> None:
    artifact = fetch_artifact(
        built.reference.partition("@")[0], read_lock(built.project.lock).artifact
    )
    assert artifact is not None
    assert artifact.model == (built.project.files.work / "model.onnx").read_bytes()
    assert artifact.boundary == (built.project.files.work / "boundary.json").read_bytes()


def test_the_deployment_runs_it_as_it_was_built() -> None:
    """The manifests and the Dockerfile agree on user, port, home and the smoke test's command."""
    dockerfile = (ROOT / "deploy/image/Dockerfile").read_text(encoding="utf-8")
    deployment = yaml.safe_load((ROOT / "deploy/base/deployment.yaml").read_text(encoding="utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    server = pod["containers"][0]
    user = pod["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in dockerfile
    assert f"EXPOSE {server['ports'][0]['containerPort']}" in dockerfile
    homes = [one["value"] for one in server["env"] if one["name"] == "BENTOML_HOME"]
    assert f"BENTOML_HOME={homes[0]}" in dockerfile
    assert homes[0] in [mount["mountPath"] for mount in server["volumeMounts"]]
    smoke = yaml.safe_load((ROOT / "deploy/base/smoke-job.yaml").read_text(encoding="utf-8"))
    command = smoke["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:2] == ["python", "-m"]
    found = subprocess.run(
        [sys.executable, "-c", f"import importlib.util as u; assert u.find_spec('{command[2]}')"]
    )
    assert found.returncode == 0
