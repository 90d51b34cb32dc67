"""The model that MLflow loads: the contract's columns in, the service's answers out.

MLflow keeps this file as the model's code, beside the artifact ``source``: the artifact, the
project's feature functions as they were when the model was trained, and the engine's scoring
modules, which are used where no Tagship is installed.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class LockedModel(PythonModel):
    """One trained artifact behind its contract."""

    def load_context(self, context: Any) -> None:
        """Load the artifact, proven by its hash, with its own feature functions."""
        source = Path(context.artifacts["source"])
        if find_spec("tagship") is None:
            sys.path.append(str(source / "engine"))
        from tagship.batch.frame import FrameModel

        self._model = FrameModel(source / "code/artifact")

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """A row of answers for each row; a row that breaks the contract refuses all of them."""
        from tagship.errors import TagshipError

        try:
            return self._model.answers(model_input)
        except TagshipError as refusal:
            raise MlflowException.invalid_parameter_value(str(refusal)) from None


set_model(LockedModel())
