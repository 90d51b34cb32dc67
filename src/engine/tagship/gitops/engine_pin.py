"""The engine that a project pins: which, whether it is what the lock says, and the next one."""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tagship.config.root import model_names
from tagship.config.yaml_file import read_yaml
from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.files import sha256_of_file, write_atomically

PYPROJECT, LOCK = "pyproject.toml", "uv.lock"
WHEEL_MAKER = "hooks/engine_wheel.py"
"""In the template: writes the engine's wheel into a folder."""
NUMBER = "src/engine/tagship/training/__init__.py"
TAGS = "template/v"
_SOURCE = re.compile(r"^tagship = \{[^}\n]*\}$", re.MULTILINE)
_WHEEL = re.compile(r"tagship-([0-9][\w.]*)-py3-none-any\.whl")
_SECONDS = 300


@dataclass(frozen=True)
class Pin:
    """What ``[tool.uv.sources]`` says of the engine."""

    kind: Literal["vendored", "git", "template"]
    version: str
    """Empty in the template, which holds the engine itself."""
    path: str = ""
    """The wheel, from the project's root."""


def read_pin(root: Path) -> Pin:
    """The pin of the project at ``root``.

    Raises:
        TagshipError: ``pyproject.toml`` cannot be read, or names no version of the engine.
    """
    path = root / PYPROJECT
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TagshipError(
            f"{path}: {error}", "the engine's pin stands there: mend the file, then run this again"
        ) from None
    source = content.get("tool", {}).get("uv", {}).get("sources", {}).get("tagship", {})
    wheel = _WHEEL.search(str(source.get("path", "")))
    if wheel:
        return Pin("vendored", wheel[1], str(source["path"]))
    if str(source.get("tag", "")).startswith(TAGS):
        return Pin("git", str(source["tag"]).removeprefix(TAGS))
    if source.get("editable"):
        return Pin("template", "")
    raise TagshipError(
        f"{path}: tool.uv.sources.tagship: {source or 'nothing'} is no pin of the engine",
        'write tagship = { path = "vendor/tagship-VERSION-py3-none-any.whl" }',
    )


def check_wheel(root: Path, pin: Pin) -> str:
    """The SHA-256 of a vendored wheel, which is the one that ``uv.lock`` names.

    Raises:
        TagshipError: it is missing, or another one.
    """
    path = root / pin.path
    way_out = f"git restore {pin.path}, or bring the engine anew: make update"
    if not path.is_file():
        raise TagshipError(f"{pin.path}: no such file: {PYPROJECT} pins the engine there", way_out)
    actual = sha256_of_file(path)
    lock_hash = _locked_hash(root)
    if actual != lock_hash:
        raise TagshipError(
            f"{pin.path}: SHA-256 {actual[:12]}…, {LOCK} names {lock_hash[:12] or 'none'}…:"
            " the wheel was changed by hand",
            way_out,
        )
    return actual


def engine_problem(root: Path) -> str:
    """What is wrong with the pin and the wheel, without asking anybody; empty when nothing is."""
    try:
        pin = read_pin(root)
        if pin.kind == "vendored":
            check_wheel(root, pin)
    except TagshipError as error:
        return str(error.args[0])
    return ""


def _locked_hash(root: Path) -> str:
    packages = tomllib.loads((root / LOCK).read_text(encoding="utf-8"))["package"]
    engine: dict[str, Any] = next((p for p in packages if p["name"] == "tagship"), {})
    hashes = [str(wheel["hash"]) for wheel in engine.get("wheels", [])]
    return hashes[0].removeprefix("sha256:") if hashes else ""


def replace_engine(root: Path, template: Path, tag: str) -> bool:
    """Pin the engine of a template, given as a work tree, and lock it; False if it is that already.

    The wheel, ``pyproject.toml`` and ``uv.lock`` change together or not at all. ``tag`` is the
    version of that work tree, empty where it has none.

    Raises:
        TagshipError: no wheel came out, uv refuses, or a pin by tag is to go where no tag is.
    """
    pin = read_pin(root)
    text = (root / PYPROJECT).read_text(encoding="utf-8")
    wheels: dict[Path, bytes] = {}
    if pin.kind == "vendored":
        name, wheel_content = _make_wheel(template)
        wheels = {root / "vendor" / name: wheel_content}
        source = f'tagship = {{ path = "vendor/{name}" }}'
    elif tag:
        source = _SOURCE.findall(text)[0].replace(f'"{TAGS}{pin.version}"', f'"{tag}"')
    else:
        raise TagshipError(
            f"{PYPROJECT}: the engine is pinned by the tag {TAGS}{pin.version}, and the template"
            " has no versions",
            f"pin a wheel instead: {page('how-to/update')}",
        )
    new_text = _SOURCE.sub(lambda _: source, text)
    changes = {root / PYPROJECT: new_text.encode(), **wheels}
    if all(_read(path) == content for path, content in changes.items()) and _is_locked(root, tag):
        return False
    before = {path: _read(path) for path in (*changes, root / LOCK)}
    try:
        for path, content in changes.items():
            write_atomically(path, content)
        _uv(root, "lock", "--upgrade-package", "tagship")
    except TagshipError as error:
        for path, content_before in before.items():
            if content_before is None:
                path.unlink(missing_ok=True)
            else:
                write_atomically(path, content_before)
        raise error.within(
            f"the engine of {tag or 'the template'}: not taken over,"
            f" {PYPROJECT} and {LOCK} are as before"
        ) from None
    for wheel in (root / "vendor").glob("tagship-*.whl"):
        if wheels and wheel not in wheels:
            wheel.unlink()
    return True


def _is_locked(root: Path, tag: str) -> bool:
    if read_pin(root).kind == "vendored":
        return not engine_problem(root)
    return urllib.parse.urlencode({"tag": tag}) in (root / LOCK).read_text(encoding="utf-8")


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _make_wheel(template: Path) -> tuple[str, bytes]:
    """The wheel's name and content."""
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [sys.executable, str(template / WHEEL_MAKER), folder],
            capture_output=True,
            text=True,
            check=False,
        )
        name = result.stdout.split()[-1] if result.returncode == 0 and result.stdout.strip() else ""
        if not _WHEEL.fullmatch(name):
            reason = result.stderr.strip().splitlines()[-1:] or ["it printed no wheel's name"]
            raise TagshipError(f"the template's {WHEEL_MAKER}: {reason[0]}")
        return name, (Path(folder) / name).read_bytes()


def find_uv() -> str | None:
    """uv on the PATH, or beside this Python."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _uv(root: Path, *arguments: str) -> None:
    uv = find_uv()
    if uv is None:
        raise TagshipError("uv is not installed", "python -m pip install uv")
    command = [uv, *arguments, "--directory", str(root), "--quiet"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TagshipError(f"uv {arguments[0]} did not end within {_SECONDS} s") from None
    if result.returncode:
        raise TagshipError(f"uv {arguments[0]}: {result.stderr.strip()}")


def retrainings(root: Path, template: Path) -> dict[str, list[str]]:
    """For each locked model that must be trained again with a new engine, the reason.

    ``template`` is the new version's work tree; ``uv.lock`` at ``root`` is already the new one.
    """
    match = re.search(r"^TRAINING_NUMBER = (\d+)$", (template / NUMBER).read_text("utf-8"), re.M)
    number = int(match[1]) if match else 0
    packages = tomllib.loads((root / LOCK).read_text(encoding="utf-8"))["package"]
    versions = {package["name"]: package.get("version") for package in packages}
    reasons: dict[str, list[str]] = {}
    for model in model_names(root):
        path = root / "config" / model / "model.lock.yaml"
        inputs = read_yaml(path).root.get("inputs", {}) if path.is_file() else {}
        if not inputs:
            continue
        why = [f"library {name}: {lock_version} → {versions.get(name)}"
               for name, lock_version in inputs.get("libraries", {}).items()
               if versions.get(name) != lock_version]  # fmt: skip
        if inputs.get("training", 0) != number:
            why.insert(0, f"training number {inputs.get('training', 0)} → {number}")
        if why:
            reasons[model] = why
    return reasons
