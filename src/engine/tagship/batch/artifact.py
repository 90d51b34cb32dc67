"""A bento's artifact, proven by its record, on all cores."""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tagship.batch.decoding import BrokenRows, DecodedBlock
from tagship.contract.boundary import Boundary, Label, load_feature_function
from tagship.contract.finite_values import NO_SCORE, NO_VALUE, broken_derived
from tagship.errors import TagshipError
from tagship.serving.artifact_record import load_record

Scores = NDArray[np.floating]
_FILES = ("model.onnx", "boundary.json", "record.json")


class Artifact:
    """The artifact of one release."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """Load ``model.onnx``, ``boundary.json`` and ``record.json`` from a folder.

        Args:
            threads: how many may score at once; all of the machine without it.

        Raises:
            TagshipError: the artifact is not the recorded one, or its feature function is not here.
        """
        import onnxruntime

        self.release = load_record(folder).get("release", "unreleased")
        self.boundary = Boundary.from_json((folder / "boundary.json").read_text("utf-8"))
        if self.boundary.derive is not None:
            _import_from(folder.parent, self.boundary.derive)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        # Spinning threads would slow the reading thread, and other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._output = self._session.get_outputs()[-1].name
        self._folder = folder

    def __reduce__(self) -> tuple[Callable[..., "Artifact"], tuple[dict[str, bytes]]]:
        """Its files, by which another process has it too."""
        files = [self._folder / name for name in _FILES]
        home = self._folder.parent
        if self.boundary.derive is not None:
            files += [home / p for p in _sources(home, self.boundary.derive.partition(".")[0])]
        packed = {path.relative_to(home).as_posix(): path.read_bytes() for path in files}
        return _unpack, (packed,)

    def score(self, decoded: DecodedBlock) -> tuple[Scores, DecodedBlock]:
        """Scores of the good rows, without those that get none or derive no finite number.

        Raises:
            TagshipError: the feature function fails.
        """
        matrix = derive_matrix(self.boundary, decoded.columns)
        scores: Scores = self._session.run([self._output], {"features": matrix})[0]
        bad = np.zeros(len(matrix), dtype=bool)
        broken = list(decoded.broken)
        places = np.flatnonzero(decoded.good)
        for name, rows in broken_derived(self.boundary, decoded.columns, matrix):
            broken.append(BrokenRows(name, NO_VALUE, places[rows]))
            bad |= rows
        without_score = ~np.isfinite(scores).all(axis=1) & ~bad
        if without_score.any():
            broken.append(BrokenRows("", NO_SCORE, places[without_score]))
            bad |= without_score
        good = decoded.good.copy()
        good[places[bad]] = False
        columns = {name: values[~bad] for name, values in decoded.columns.items()}
        return scores[~bad], DecodedBlock(columns, good, broken)

    def answer(self, scores: Scores) -> dict[str, pa.Array]:
        """Predictions and probabilities by column name."""
        classes, labels = self.boundary.classes, self.boundary.answers
        if self.boundary.task == "regression":
            return {"prediction": pa.array(scores.ravel())}
        if self.boundary.task == "binary":
            chance = np.ascontiguousarray(scores[:, 1])
            # Compared in float64, as the service does; float32 would round the threshold.
            codes = (chance.astype(np.float64) >= self.boundary.threshold).astype(np.int32)
            return {"prediction": _labels(codes, labels), "probability": pa.array(chance)}
        best = scores.argmax(axis=1).astype(np.int32)
        probabilities = {
            f"probability_{label}": pa.array(np.ascontiguousarray(scores[:, at]))
            for at, label in enumerate(classes)
        }
        return {
            "prediction": _labels(best, labels),
            "probability": pa.array(scores[np.arange(len(best)), best]),
            **probabilities,
        }


def _unpack(files: dict[str, bytes]) -> Artifact:
    """An artifact in a process that scores beside others of its machine."""
    with tempfile.TemporaryDirectory(prefix="tagship-") as home:
        for name, content in files.items():
            path = Path(home) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        boundary = next(path for path in files if path.endswith("boundary.json"))
        folder = (Path(home) / boundary).parent
        function = Boundary.from_json((folder / "boundary.json").read_text("utf-8")).derive
        if function is not None:  # the project's own package has more models than this one
            with suppress(ImportError):
                import_module(function.partition(":")[0])
        return Artifact(folder, threads=1)


def derive_matrix(boundary: Boundary, columns: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The model's input from the columns of a request.

    Raises:
        TagshipError: the feature function fails.
    """
    try:
        return boundary.matrix(columns)
    except TagshipError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise TagshipError(
            f"features: {boundary.derive} raised {type(error).__name__}: {error}",
            "mend it in src/features/, and run and build the model again",
        ) from error


def _import_from(code: Path, function: str) -> None:
    """Import the feature function that travels with the artifact, not a newer one.

    A process holds one module of a name: one that was imported before does if its code is the same.
    """
    name = function.partition(":")[0]
    package = name.partition(".")[0]
    expected_sources = _sources(code, package)
    if not expected_sources:
        raise TagshipError(f"{code}: {name} is not there", "build the bento again")
    sys.path.insert(0, str(code))
    try:
        load_feature_function(function)
    finally:
        sys.path.remove(str(code))
    path = Path(sys.modules[name].__file__ or "")
    depth = name.count(".") + (path.name == "__init__.py")
    imported_sources = _sources(path.parents[depth], package)
    if any(imported_sources.get(name) != source for name, source in expected_sources.items()):
        raise TagshipError(
            f"features: {function} was imported from {path} before, which differs from the model's",
            "load this model in a process of its own",
        )


def _sources(folder: Path, package: str) -> dict[str, bytes]:
    """The source files of a package or module, by their path."""
    paths = [folder / f"{package}.py", *(folder / package).rglob("*.py")]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if p.is_file()}


def _labels(codes: NDArray[np.int32], labels: tuple[Label, ...]) -> pa.Array:
    return pa.array(labels).take(pa.array(codes))
