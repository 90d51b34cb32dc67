"""What decides an artifact, as fingerprints that a lock holds and a later run compares."""

import hashlib
import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from tagship.config.model import ChosenThreshold
from tagship.config.project_files import ModelFiles
from tagship.config.sources import PythonSource
from tagship.errors import TagshipError
from tagship.training import TRAINING_NUMBER, boosting
from tagship.training.lock import Inputs, Lock
from tagship.training.project_code import own_files

LIBRARIES = ("numpy", "onnx", "pandas", "scikit-learn", "scipy", "skl2onnx")
_DIGITS = 12


def current_inputs(files: ModelFiles) -> Inputs:
    """The inputs as they are now, in the form that the lock holds."""
    data = files.data.model_dump(mode="json")
    model = files.model.model_dump(mode="json", exclude={"card", "tune"}, exclude_none=True)
    threshold, prices = files.model.threshold, files.thresholds.value
    if prices and isinstance(threshold, ChosenThreshold) and threshold.maximise == "value":
        model["threshold"]["value"] = prices.model_dump(mode="json")
    code: dict[str, str] = {}
    if files.model.features is not None:
        code["features"] = _code(own_files(files.root, files.model.features.partition(":")[0]))
    if isinstance(files.data.source, PythonSource):
        own_code = own_files(files.root, files.data.source.function.partition(":")[0])
        if own_code:  # a library's function is known by what it returns alone
            code["source"] = _code(own_code)
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    for candidate in files.model.parts:
        own_code = own_files(files.root, candidate.estimator.rpartition(".")[0])
        if not own_code and not candidate.estimator.startswith("sklearn."):
            library = _distribution(candidate.estimator)
            libraries[library] = metadata.version(library)
            if candidate.estimator.partition(".")[0] in boosting.LIBRARIES:
                libraries["onnxmltools"] = metadata.version("onnxmltools")
    if estimators := estimators_code(files.root, (part.estimator for part in files.model.parts)):
        code["estimators"] = estimators
    return Inputs(
        data={key: _fingerprint(value) for key, value in data.items()},
        model=model,
        code=code,
        training=TRAINING_NUMBER,
        libraries=libraries,
    )


def estimators_code(root: Path, estimators: Iterable[str]) -> str:
    """The fingerprint of the estimators' own code under ``src/``; empty where there is none."""
    files = {file for name in estimators for file in own_files(root, name.rpartition(".")[0])}
    return _code(sorted(files)) if files else ""


def check_unchanged(files: ModelFiles, lock: Lock) -> None:
    """Refuse a config or code that is no longer that of the last training here.

    Raises:
        TagshipError: what changed.
    """
    changed = changes(lock, current_inputs(files))
    if changed:
        raise TagshipError(
            "\n  ".join([f"{files.name}: changed since its last training here:", *changed]),
            f"run `tagship train {files.name}` first",
        )


def changes(lock: Lock, now: Inputs, data_sha256: str | None = None) -> list[str]:
    """What differs from the lock, one sentence each, naming file and key."""
    then = lock.inputs
    sentences = [
        f"data.yaml: `{key}` changed"
        for key in sorted(then.data.keys() | now.data.keys())
        if then.data.get(key) != now.data.get(key)
    ]
    before, after = flatten(then.model), flatten(now.model)
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, "nothing"), after.get(key, "nothing")
        if old != new:
            priced = key.startswith("threshold.value.")
            place = f"thresholds.yaml: {key[10:]}" if priced else f"model.yaml: {key}"
            sentences.append(f"{place}: {old} → {new}")
    if then.training != now.training:
        before_numbers = "none, since an older engine wrote the lock"
        sentences.append(
            f"the engine's training number: {then.training or before_numbers} → {now.training}"
        )
    names = {
        "features": "the feature functions",
        "estimators": "an estimator under src/",
        "source": "the code of the source",
    }
    sentences += [
        f"{names.get(key, key)} changed"
        for key in sorted((then.code.keys() | now.code.keys()) - {"engine"})
        if then.code.get(key) != now.code.get(key)
    ]
    for name in sorted(then.libraries.keys() | now.libraries.keys()):
        old, new = then.libraries.get(name, "none"), now.libraries.get(name, "none")
        if old != new:
            sentences.append(f"library {name}: {old} → {new}")
    if lock.reference is None:
        sentences.append("the lock names no reference.json: an older engine wrote it")
    if data_sha256 is not None and data_sha256 != lock.data.sha256:
        read = ", ".join(f"{name} {value}" for name, value in lock.data.identity.items())
        values = f"other values in {read}" if read else "other values"
        sentences.append(f"data: {lock.data.sha256[:12]}… → {data_sha256[:12]}… ({values})")
    return sentences


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by their dotted paths; empty mappings have none."""
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        key: leaf
        for name, inner in value.items()
        for key, leaf in flatten(inner, f"{prefix}.{name}" if prefix else str(name)).items()
    }


def _fingerprint(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _code(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        digest.update(path.name.encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:_DIGITS]


def _distribution(estimator: str) -> str:
    """The installed package that an estimator comes from."""
    module = estimator.partition(".")[0]
    names = metadata.packages_distributions().get(module)
    if not names:
        raise TagshipError(
            f"{estimator}: no installed package provides '{module}', so no version can be locked",
            "install the library as a package, or put the module under src/",
        )
    return names[0].lower()
