"""What the engine trains from each case, as digests; ``python tests/training/record_digests.py``.

Rows, inputs, parameters and the graph's structure are the same on every processor and are compared
exactly. What comes out of floating-point solving is not: it is summed up, compared with tolerance.
"""

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnx
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits
from training_cases import CASES, write_case

import tagship.training
from projects import own_modules
from tagship.config.project_files import ModelFiles
from tagship.training import cross_validation, prepared_table
from tagship.training.fingerprint import LIBRARIES
from tagship.training.train import train

PATH = Path(__file__).with_name("training_digests.json")
RECORD = "record again: in src/engine, .venv/bin/python tests/training/record_digests.py"
RAISE = (
    "what is trained has changed: raise the training number (TRAINING_NUMBER in"
    " tagship/training/__init__.py), and then record again, or take the change back"
)
TOLERANCE = 1e-3

Digests = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """What was trained, by which engine and which libraries."""

    training_number: int
    libraries: dict[str, str]
    cases: dict[str, Digests]


def read_recording(path: Path = PATH) -> Recording:
    """The recording that the repository holds."""
    return Recording(**json.loads(path.read_text(encoding="utf-8")))


def make_recording(names: Iterable[str] = CASES) -> Recording:
    """Train the cases here and now."""
    cases = {}
    for name in names:
        with TemporaryDirectory() as folder:
            files = write_case(Path(folder), name)
            with own_modules(files.root / "src"), threadpool_limits(1):  # so small, more cost time
                cases[name] = digests(files)
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    return Recording(tagship.training.TRAINING_NUMBER, libraries, cases)


def complaint(recorded: Recording, now: Recording) -> str:
    """What a person must do before this may be committed; empty when it is nothing."""
    number = recorded.training_number
    if now.training_number < number:
        return f"the training number fell from {number} to {now.training_number}: it only rises"
    if now.training_number > number:
        return f"the training number rose from {number} to {now.training_number}: {RECORD}"
    libraries = [
        f"{name} {recorded.libraries.get(name, 'none')} → {now.libraries.get(name, 'none')}"
        for name in sorted(recorded.libraries.keys() | now.libraries.keys())
        if recorded.libraries.get(name) != now.libraries.get(name)
    ]
    if libraries:
        return f"{', '.join(libraries)}: the training number stays; {RECORD}"
    moved = [
        f"{name}: {part}"
        for name in sorted(recorded.cases.keys() & now.cases.keys())
        for part in moved_parts(recorded.cases[name], now.cases[name])
    ]
    if moved:
        return "\n".join([*moved, RAISE, RECORD])
    others = sorted(recorded.cases.keys() ^ now.cases.keys())
    return f"cases that came or went: {', '.join(others)}: {RECORD}" if others else ""


def record(path: Path = PATH, names: Iterable[str] = CASES) -> None:
    """Write what is trained now, unless it moved and the engine does not say so.

    Raises:
        SystemExit: it did.
    """
    now = make_recording(names)
    if path.is_file():
        refusal = complaint(read_recording(path), now)
        if RAISE in refusal or "only rises" in refusal:
            raise SystemExit(f"error: nothing is recorded:\n{refusal}")
    path.write_text(json.dumps(asdict(now), indent=1) + "\n", encoding="utf-8")


def digests(files: ModelFiles) -> Digests:
    """Train a model as ``tagship train`` does, and sum up what went in and what came out."""
    inputs, rows = hashlib.sha256(), hashlib.sha256()
    pipelines: list[dict[str, str]] = []
    with _watched(inputs, rows, pipelines):
        bundle = train(files)
    structure, floats = read_graph(onnx.load_from_string(bundle.artifact))
    return {
        "inputs": inputs.hexdigest()[:16],
        "rows": rows.hexdigest()[:16],
        "pipelines": pipelines,
        "winner": bundle.lock.winner.candidate,
        "graph": hashlib.sha256("\n".join(structure).encode()).hexdigest()[:16],
        "floats": floats,
        "metrics": {name: _brief(held.value) for name, held in bundle.lock.metrics.items()},
    }


@contextmanager
def _watched(inputs: Any, rows: Any, pipelines: list[dict[str, str]]) -> Iterator[None]:
    """Take down each fit, the holdout and the folds of the training that runs meanwhile."""
    fit, split_table, folds = Pipeline.fit, prepared_table.split_table, cross_validation.folds

    def watched_fit(pipeline: Any, *arguments: Any, **others: Any) -> Any:
        for array in [*arguments, *others.values()]:
            _feed(inputs, array)
        inputs.update(repr(sorted(others)).encode())
        parameters = describe_pipeline(pipeline)
        if parameters not in pipelines:
            pipelines.append(parameters)
        return fit(pipeline, *arguments, **others)

    def watched_split(*arguments: Any) -> Any:
        holdout = split_table(*arguments)
        _feed(rows, holdout.train.astype("<i8"), holdout.test.astype("<i8"))
        return holdout

    def watched_folds(*arguments: Any) -> Any:
        for pair in folds(*arguments):
            _feed(rows, *(side.astype("<i8") for side in pair))
            yield pair

    with (
        patch.object(Pipeline, "fit", watched_fit),
        patch.object(prepared_table, "split_table", watched_split),
        patch.object(cross_validation, "folds", watched_folds),
    ):
        yield


def _feed(digest: Any, *arrays: Any) -> None:
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())


def describe_pipeline(pipeline: Any) -> dict[str, str]:
    """Each step of an unfitted pipeline, by its path, with its class and all of its parameters."""
    nested = {"pipeline": pipeline} | pipeline.get_params(deep=True)
    return {path: _call(step) for path, step in sorted(nested.items()) if _is_step(step)}


def _is_step(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _call(step: Any) -> str:
    settings = step.get_params(deep=False).items()
    given = ", ".join(f"{key}={_plain(value)}" for key, value in sorted(settings))
    return f"{_plain(type(step))}({given})"


def _plain(value: Any) -> str:
    """A parameter as text that is the same in every process."""
    if _is_step(value):
        return type(value).__name__
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.tolist()}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return repr(value)


def read_graph(model: Any) -> tuple[list[str], dict[str, list[float]]]:
    """A graph's structure, line by line, and a summary of each of its float arrays."""
    structure = [f"opset {opset.domain} {opset.version}" for opset in model.opset_import]
    floats: dict[str, list[float]] = {}

    def note(name: str, value: Any) -> None:
        if isinstance(value, onnx.TensorProto):
            array = onnx.numpy_helper.to_array(value)
            structure.append(f"{name} {array.dtype}{array.shape}")
        else:
            array = np.asarray(value)
            structure.append(f"{name} {array.shape}")
        if array.dtype.kind == "f":
            floats[name] = summary(array)
        elif array.dtype.kind in "iubSU":
            structure.append(repr(array.tolist()))
        else:
            raise TypeError(f"{name}: nothing is known of {type(value).__name__}")

    graph = model.graph
    for side in (*graph.input, *graph.output):
        structure.append(side.SerializeToString(deterministic=True).hex())
    for number, node in enumerate(graph.node):
        structure.append(f"{node.domain} {node.op_type} {[*node.input]} {[*node.output]}")
        for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
            name = f"{number} {node.op_type}.{attribute.name}"
            note(name, onnx.helper.get_attribute_value(attribute))
    for tensor in graph.initializer:
        note(tensor.name, tensor)
    return structure, floats


def summary(values: Any) -> list[float]:
    """Count, sum, sum of sizes, least and largest of the finite values."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return [0, 0.0, 0.0, 0.0, 0.0]
    sums = (finite.sum(), np.abs(finite).sum(), finite.min(), finite.max())
    return [len(finite), *map(_brief, sums)]


def _brief(value: float) -> float:
    return float(f"{value:.6g}")


def moved_parts(recorded: Digests, now: Digests) -> list[str]:
    """What of one case differs, a sentence each."""
    named = {
        "inputs": "the matrix or the target that enters fit moved",
        "rows": "the folds or the holdout moved",
        "winner": f"the winner moved: {recorded['winner']} → {now['winner']}",
        "graph": "the structure of the exported graph moved",
    }
    moved = [sentence for part, sentence in named.items() if recorded[part] != now[part]]
    if len(recorded["pipelines"]) != len(now["pipelines"]):
        moved.append("other pipelines are fitted")
    for before, after in zip(recorded["pipelines"], now["pipelines"], strict=False):
        moved += [
            f"the pipeline's step {path} moved: {before.get(path)} → {after.get(path)}"
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        ]
    if recorded["graph"] == now["graph"]:
        moved += [
            f"the graph's values {name} moved: {recorded['floats'][name]} → {values}"
            for name, values in now["floats"].items()
            if not _near(recorded["floats"][name], values)
        ]
    before, after = recorded["metrics"], now["metrics"]
    moved += [
        f"the holdout's {name} moved: {before.get(name)} → {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if not math.isclose(
            before.get(name, math.nan),
            after.get(name, math.nan),
            rel_tol=TOLERANCE,
            abs_tol=TOLERANCE,
        )
    ]
    return moved


def _near(recorded: list[float], now: list[float]) -> bool:
    """Whether two summaries agree, each number by the size of what it sums up."""
    size, reach = recorded[2], max(abs(recorded[3]), abs(recorded[4]))
    scales = (0.0, size, size, reach, reach)
    return all(
        abs(before - after) <= TOLERANCE * scale
        for before, after, scale in zip(recorded, now, scales, strict=True)
    )


if __name__ == "__main__":
    record()
