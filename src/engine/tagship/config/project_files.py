"""Finding and loading the config of a project: one folder per model."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from tagship.config.base_model import Frozen
from tagship.config.contract import DataConfig
from tagship.config.crosscheck import crosscheck
from tagship.config.model import ModelConfig
from tagship.config.project import ProjectConfig
from tagship.config.root import check_model_name, model_names, unknown_model
from tagship.config.thresholds import WATCHING, ThresholdsConfig
from tagship.config.yaml_file import parse, parse_yaml, read_yaml
from tagship.errors import TagshipError

PROJECT = "config/project.yaml"


@dataclass(frozen=True)
class ModelFiles:
    """One model's config, loaded and checked."""

    root: Path
    name: str
    data: DataConfig
    model: ModelConfig
    thresholds: ThresholdsConfig

    @property
    def folder(self) -> Path:
        """``config/<model>``."""
        return self.root / "config" / self.name

    @property
    def lock_path(self) -> Path:
        """``config/<model>/model.lock.yaml``."""
        return self.folder / "model.lock.yaml"

    @property
    def reference_path(self) -> Path:
        """``config/<model>/reference.json``, which the lock names by its SHA-256."""
        return self.folder / "reference.json"

    @property
    def work(self) -> Path:
        """``.tagship/<model>``: what the last training left, never committed."""
        return self.root / ".tagship" / "models" / self.name

    @cached_property
    def thresholds_sha256(self) -> str:
        """The SHA-256 of the gates, free of comments and order."""
        return config_sha256(self.thresholds, leave_out=WATCHING)


def config_sha256(config: Frozen, leave_out: frozenset[str] = frozenset()) -> str:
    """The SHA-256 of what a config says: comments, order of keys and defaults do not count."""
    content = config.model_dump(mode="json", exclude=set(leave_out))
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def load_project(root: Path) -> ProjectConfig:
    """Load ``config/project.yaml``."""
    return parse(read_yaml(root / PROJECT), ProjectConfig)


@lru_cache(maxsize=256)
def parse_project(text: str) -> ProjectConfig:
    """The same from the file's text, as a commit holds it."""
    return parse(parse_yaml(text, Path(PROJECT)), ProjectConfig)


def load_model(root: Path, name: str) -> ModelFiles:
    """Load and cross-check ``config/<name>/{data,model,thresholds}.yaml``.

    Raises:
        TagshipError: no such model, or every problem found, one a line.
    """
    names = model_names(root)
    if name not in names:
        raise unknown_model(name, names)
    check_model_name(name)
    folder = root / "config" / name
    paths = [folder / f"{part}.yaml" for part in ("data", "model", "thresholds")]
    for path in paths:
        if not path.is_file():
            raise TagshipError(
                f"{path}: no such file", "a model has data.yaml, model.yaml and thresholds.yaml"
            )
    files = tuple(read_yaml(path) for path in paths)
    problems: list[str] = []
    parsed: list[Frozen] = []
    kinds: tuple[type[Frozen], ...] = (DataConfig, ModelConfig, ThresholdsConfig)
    for file, kind in zip(files, kinds, strict=True):
        try:
            parsed.append(parse(file, kind))
        except TagshipError as error:
            problems.append(str(error))
    if problems:
        raise TagshipError("\n".join(problems))
    data, model, thresholds = parsed
    assert isinstance(data, DataConfig)
    assert isinstance(model, ModelConfig)
    assert isinstance(thresholds, ThresholdsConfig)
    crosscheck((files[0], files[1], files[2]), data, model, thresholds)
    return ModelFiles(root, name, data, model, thresholds)
