"""The model that MLflow loads: the contract's columns in, the service's answers out.

MLflow keeps this file as the model's code, beside the artifact ``source``: the engine's scoring
modules and the project's feature functions as they were when the model was trained. So loading
needs no Tagship, and whichever Tagship is installed changes no answer.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class LockedModel(PythonModel):
    """One trained artifact behind its contract."""

    def load_context(self, context: Any) -> None:
        """Import the model's own modules and load its artifact, proven by its hash."""
        source = Path(context.artifacts["source"])
        with _own_modules(source):
            frames = import_module("tagship.batch.frame")
            self._refusal = import_module("tagship.errors").TagshipError
            self._model = frames.FrameModel(source / "artifact")

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """A row of answers for each row; a row that breaks the contract refuses all of them."""
        try:
            return self._model.answers(model_input)
        except self._refusal as refusal:
            raise MlflowException.invalid_parameter_value(str(refusal)) from None


@contextmanager
def _own_modules(source: Path) -> Iterator[None]:
    """Import what lies in ``source`` from there, whatever of that name is imported already.

    Afterwards the names mean what they meant before: another version of the same model, or another
    Tagship, may be at work in this process.
    """
    packages = {path.name for path in source.iterdir()}

    def ours() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in packages]

    before = {name: sys.modules.pop(name) for name in ours()}
    sys.path.insert(0, str(source))
    try:
        yield
    finally:
        sys.path.remove(str(source))
        for name in ours():
            del sys.modules[name]
        sys.modules.update(before)


set_model(LockedModel())
