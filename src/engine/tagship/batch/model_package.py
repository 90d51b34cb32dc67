"""What MLflow keeps of a model besides its numbers: a folder that scores frames by itself."""

import json
import shutil
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import tagship
from tagship.config.project_files import ModelFiles
from tagship.contract.example import example_value
from tagship.files import write_atomically
from tagship.training.bundle import Bundle
from tagship.training.registration import ModelPackage

_ENGINE = (
    "__init__.py", "errors.py", "files.py", "project_functions.py", "contract/__init__.py",
    "contract/boundary.py", "contract/finite_values.py", "contract/table_columns.py",
    "contract/values.py", "contract/text_tokens.py", "contract/value_formats.py",
    "serving/artifact_record.py", "batch/__init__.py", "batch/artifact.py", "batch/decoding.py",
    "batch/frame.py",
)  # fmt: skip
_LIBRARIES = ("numpy", "onnxruntime", "pandas", "pyarrow")


def make_model_package(files: ModelFiles, bundle: Bundle, source: Path) -> ModelPackage:
    """Write the scoring modules, the project's own code and the artifact of a training to a folder.

    The example is made from the contract: no row of the table goes to MLflow.
    """
    engine = Path(tagship.__file__).parent
    for name in _ENGINE:
        target = source / "engine/tagship" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(engine / name, target)
    (source / "engine/tagship/serving/__init__.py").touch()  # the service itself is not there
    code = source / "code"
    if (files.work / "src").is_dir():
        shutil.copytree(files.work / "src", code, ignore=shutil.ignore_patterns("__pycache__"))
    record = {"model": files.name, "model_sha256": bundle.lock.artifact.sha256}
    write_atomically(code / "artifact/model.onnx", bundle.artifact)
    write_atomically(code / "artifact/boundary.json", bundle.boundary.to_json())
    write_atomically(code / "artifact/record.json", json.dumps(record) + "\n")
    return ModelPackage(
        code=engine / "batch/mlflow_model.py",
        source=source,
        example={field.name: example_value(asdict(field)) for field in bundle.boundary.fields},
        requirements=[f"{name}=={metadata.version(name)}" for name in _LIBRARIES],
    )
