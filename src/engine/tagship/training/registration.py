"""The model of a training in MLflow: its code, its signature, and the version that it becomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagship.config.project_files import ModelFiles
from tagship.contract.boundary import Boundary
from tagship.training.bundle import Bundle
from tagship.training.mlflow_store import mlflow_client

ALIAS = "gated"
"""The version that passed its gates here and is locked; aliases of environments follow Git."""
SHA_TAG = "model_sha256"
TAKES_TAG = "takes"
"""What a version is asked with: ``columns``; an older one has no such tag, and takes a matrix."""


@dataclass(frozen=True)
class ModelPackage:
    """What MLflow is given of a model: code that reads a folder, and how it is asked."""

    code: Path
    source: Path
    example: Mapping[str, Any]
    """A record that the contract allows."""
    requirements: list[str]


def log_model(
    client: Any, parent: str, files: ModelFiles, bundle: Bundle, model: ModelPackage, register: bool
) -> None:
    """Log the model from its code, and register it unless this artifact already is."""
    import mlflow
    import pandas as pd
    from mlflow.exceptions import MlflowException

    sha = bundle.lock.artifact.sha256
    with mlflow.start_run(run_id=parent):
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(model.code),
            artifacts={"source": str(model.source)},
            signature=_signature(bundle.boundary),
            input_example=pd.DataFrame([model.example]),
            metadata={"contract": _contract(bundle.boundary), SHA_TAG: sha},
            pip_requirements=model.requirements,
        )
    if not register:
        return
    try:
        client.create_registered_model(files.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    if not _versions(client, files.name, sha):
        tags = {SHA_TAG: sha, TAKES_TAG: "columns"}
        client.create_model_version(
            files.name, info.model_uri, parent, tags, model_id=info.model_id
        )


def set_alias(files: ModelFiles, bundle: Bundle) -> None:
    """Let the alias ``gated`` name the version of a recorded training; its lock is there by now.

    Raises:
        TagshipError: the store refuses or cannot be reached.
    """
    with mlflow_client(files.root) as client:
        versions = _versions(client, files.name, bundle.lock.artifact.sha256)
        latest = max(versions, key=lambda version: int(version.version))
        client.set_registered_model_alias(files.name, ALIAS, latest.version)


def _versions(client: Any, model: str, sha256: str) -> list[Any]:
    tags = f"tags.{SHA_TAG} = '{sha256}' and tags.{TAKES_TAG} = 'columns'"
    return list(client.search_model_versions(f"name = '{model}' and {tags}"))


def _signature(boundary: Boundary) -> Any:
    """The contract's columns in, the service's answers out.

    What goes in has no type of MLflow's: those refuse what the contract allows (whole numbers where
    a fraction may stand, a missing integer), depending on what pandas makes of the other rows. The
    model itself reads and judges every value.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

    kinds = {"string": DataType.string, "int": DataType.long, "bool": DataType.boolean}
    answer = kinds[boundary.labels] if boundary.classes else DataType.double
    outputs = [ColSpec(answer, "prediction")]
    if boundary.classes:
        outputs.append(ColSpec(DataType.double, "probability"))
    if boundary.task == "multiclass":
        outputs += [ColSpec(DataType.double, f"probability_{name}") for name in boundary.classes]
    untyped: Any = AnyType
    inputs = [
        ColSpec(untyped(), field.name, required=not field.nullable) for field in boundary.fields
    ]
    return ModelSignature(inputs=Schema([*inputs]), outputs=Schema([*outputs]))


def _contract(boundary: Boundary) -> dict[str, Any]:
    """Each column as the contract declares it, for people who look at the model in MLflow."""
    fields = json.loads(boundary.to_json())["fields"]
    return {field.pop("name"): {k: v for k, v in field.items() if v != []} for field in fields}
