"""The JSON Schemas that editors use, generated from the config models."""

import json
from collections.abc import Mapping
from pathlib import Path

from tagship.config.base_model import Frozen
from tagship.config.contract import DataConfig
from tagship.config.model import ModelConfig
from tagship.config.project import ProjectConfig
from tagship.config.thresholds import ThresholdsConfig
from tagship.files import write_atomically

KINDS: dict[str, type[Frozen]] = {
    "project": ProjectConfig,
    "data": DataConfig,
    "model": ModelConfig,
    "thresholds": ThresholdsConfig,
}


def schema_text(model: type[Frozen]) -> str:
    """The JSON Schema of one kind of file, as it is written."""
    schema = model.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2) + "\n"


def stale_schemas(root: Path, kinds: Mapping[str, type[Frozen]] = KINDS) -> list[Path]:
    """The schema files that differ from their models."""
    paths = {root / "config" / "schemas" / f"{kind}.json": model for kind, model in kinds.items()}
    return [
        path
        for path, model in paths.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != schema_text(model)
    ]


def write_schemas(root: Path, kinds: Mapping[str, type[Frozen]] = KINDS) -> list[Path]:
    """Write the schema files that are stale, and say which."""
    stale = stale_schemas(root, kinds)
    for path in stale:
        write_atomically(path, schema_text(kinds[path.stem]))
    return stale
