"""From a locked bundle to a bento: one folder with the artifact, its contract and the service."""

import json
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import tagship
from tagship.bento.store import UNRELEASED, Bento, bentoml_environment, bentoml_home, hash_lock_file
from tagship.config.project_files import ModelFiles, config_sha256
from tagship.errors import TagshipError
from tagship.files import explain_os_error, sha256_of_bytes, write_atomically
from tagship.training.bundle import Bundle, load_bundle
from tagship.training.fingerprint import changes
from tagship.training.lock import lock_sha256, read_lock
from tagship.training.lock_verification import difference, refuse_stale
from tagship.training.reference import committed_reference
from tagship.verdict import Verdict, read_verdict

ENGINE = (
    "__init__.py", "errors.py", "files.py", "project_functions.py",
    "contract/__init__.py", "contract/boundary.py", "contract/example.py",
    "contract/finite_values.py", "contract/json_records.py", "contract/raw_records.py",
    "contract/values.py", "contract/text_tokens.py", "contract/value_formats.py",
)  # fmt: skip
_REQUIREMENTS = (
    "bentoml",
    "httptools",
    "msgspec",
    "numpy",
    "onnxruntime",
    "uvloop; os_name != 'nt'",
)


def build_bento(
    files: ModelFiles, release: str = UNRELEASED, bundle: Bundle | None = None
) -> Bento:
    """Build a model's bento from a training, the last one here, without network.

    Raises:
        TagshipError: the training is not the locked one, its verdict fails or is missing, or
            BentoML refuses.
    """
    bundle = bundle or load_bundle(files)
    verdict = check_releasable(files, bundle)
    if release != UNRELEASED:
        _refuse_other_bytes(files, bundle)
    version = release.rpartition("/v")[2] if release != UNRELEASED else ""
    version = version or bundle.lock.artifact.sha256[:12]
    home = bentoml_home(files.root)
    home.mkdir(parents=True, exist_ok=True)
    # Outside the repository: BentoML refuses to build below a hidden folder such as .tagship.
    with tempfile.TemporaryDirectory(prefix=f"tagship-{files.name}-") as folder:
        stage = Path(folder)
        try:
            _stage(files, bundle, verdict, release, stage)
        except OSError as error:
            raise explain_os_error(error, stage) from error
        path = home / "bentos" / files.name / version
        shutil.rmtree(path, ignore_errors=True)
        command = [sys.executable, "-m", "bentoml", "build", "--version", version, "-o", "tag", "."]
        result = subprocess.run(
            command,
            cwd=stage,
            env=bentoml_environment(files.root),
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode or not path.is_dir():
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no output"]
        reason = next((line for line in lines if line.startswith("error: ")), lines[-1])
        raise TagshipError(
            f"bentos/{files.name}: bentoml build failed: {reason.removeprefix('error: ')}",
            "run `bentoml build` there by hand to see all of it",
        )
    return Bento(f"{files.name}:{version}", path)


def check_releasable(files: ModelFiles, bundle: Bundle) -> Verdict:
    """The verdict on a bundle that is the locked one and did not fail.

    Raises:
        TagshipError: otherwise.
    """
    lock = read_lock(files.lock_path)
    refuse_stale(files, changes(lock, bundle.lock.inputs, bundle.lock.data.sha256))
    first_difference = difference(lock, bundle.lock)
    if first_difference:
        raise TagshipError(
            f"{files.lock_path}: is not the lock of the last training here: {first_difference}",
            f"run `tagship run {files.name}` and commit the lock",
        )
    committed_reference(files)
    return check_verdict(files, bundle)


def _refuse_other_bytes(files: ModelFiles, bundle: Bundle) -> None:
    """Equivalent is not enough for a release: its record names the lock's bytes."""
    lock_hash = read_lock(files.lock_path).artifact.sha256
    if bundle.lock.artifact.sha256 != lock_hash:
        raise TagshipError(
            f"{files.lock_path}: artifact {bundle.lock.artifact.sha256[:12]}… of this machine"
            f" predicts the same as {lock_hash[:12]}…, but has other bytes",
            "lock the model on a machine like the one that releases it: same CPU, same libraries",
        )


def verdict_on(files: ModelFiles, bundle: Bundle) -> Verdict:
    """The last verdict, which must be about a bundle.

    Raises:
        TagshipError: there is no verdict, or it is about another training or other thresholds.
    """
    verdict = read_verdict(files.work / "verdict.json")
    about = (verdict.lock_sha256, verdict.thresholds_sha256)
    if about != (lock_sha256(bundle.lock), files.thresholds_sha256):
        raise TagshipError(
            f"{files.name}: the verdict is about another training or other thresholds",
            f"run `tagship gate {files.name}`",
        )
    return verdict


def check_verdict(files: ModelFiles, bundle: Bundle) -> Verdict:
    """The verdict on a bundle, which must be about it and not fail.

    Raises:
        TagshipError: otherwise.
    """
    verdict = verdict_on(files, bundle)
    if verdict.status == "fail":
        failures = ", ".join(f"{r.gate} ({r.subject})" for r in verdict.of_status("fail"))
        raise TagshipError(
            f"{files.name}: its verdict fails: {failures}", "a model that fails a gate is not built"
        )
    return verdict


def _stage(files: ModelFiles, bundle: Bundle, verdict: Verdict, release: str, stage: Path) -> None:
    source = files.root / "bentos" / files.name
    if not (source / "service.py").is_file():
        raise TagshipError(f"{source / 'service.py'}: no such file", "every model has a service")
    shutil.copytree(source, stage, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    engine = Path(tagship.__file__).parent
    serving = [f"serving/{path.name}" for path in (engine / "serving").glob("*.py")]
    for name in (*ENGINE, *serving):
        target = stage / "tagship" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(engine / name, target)
    if (files.work / "src").is_dir():
        shutil.copytree(files.work / "src", stage, dirs_exist_ok=True)
    write_atomically(stage / "artifact" / "model.onnx", bundle.artifact)
    write_atomically(stage / "artifact" / "boundary.json", bundle.boundary.to_json())
    write_atomically(stage / "artifact" / "reference.json", committed_reference(files))
    record = make_record(files, bundle, verdict, release)
    write_atomically(stage / "artifact" / "record.json", json.dumps(record, indent=1) + "\n")
    write_atomically(stage / "requirements.txt", "\n".join(serving_pins()) + "\n")


def serving_pins() -> list[str]:
    """Every package that serving needs, at the version that is installed and tested here."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins: dict[str, str] = {}
    requirements = [Requirement(text) for text in _REQUIREMENTS]
    while requirements:
        need = requirements.pop()
        name = canonicalize_name(need.name)
        if name in pins or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        try:
            pins[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            raise TagshipError(
                f"{name}: not installed here, and serving needs it", "run `make setup-all`"
            ) from None
        requirements += map(Requirement, metadata.requires(name) or [])
    return [f"{name}=={version}" for name, version in sorted(pins.items())]


def make_record(
    files: ModelFiles, bundle: Bundle, verdict: Verdict, release: str
) -> dict[str, str]:
    """What the service reports at ``/info``, and what a deployment record repeats."""
    return {
        "model": files.name,
        "release": release,
        "model_sha256": bundle.lock.artifact.sha256,
        "data_sha256": bundle.lock.data.sha256,
        "config_sha256": sha256_of_bytes(
            (config_sha256(files.data) + config_sha256(files.model)).encode()
        ),
        "lock_sha256": hash_lock_file(files.lock_path),
        "verdict_sha256": verdict.sha256,
    }
