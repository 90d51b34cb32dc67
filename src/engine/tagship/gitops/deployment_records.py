"""The deployment record and the pin of an overlay: read, check, edit as text. Pure.

``release.yaml`` says what is deployed; ``kustomization.yaml`` pins the same image by digest.
"""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from tagship.errors import TagshipError

NONE = "none"
NO_DIGEST = "sha256:" + "0" * 64
IMAGE_NAME = "model-image"
AUTOMATIC = "automatic"
"""What the first environment's record says of its manifests: they follow the default branch."""


@dataclass(frozen=True)
class Record:
    """What one environment of one model is to run."""

    model: str
    environment: str
    release: str = NONE
    image: str = NONE
    digest: str = NO_DIGEST
    model_sha256: str = NONE
    data_sha256: str = NONE
    config_sha256: str = NONE
    run_id: str = NONE
    verdict_sha256: str = NONE
    manifests: str = NONE
    """The fingerprint of the rendered manifests that were reviewed together with the release."""

    @property
    def is_deployed(self) -> bool:
        """Whether it names a release."""
        return self.release != NONE

    @property
    def reference(self) -> str:
        """The image by digest."""
        return f"{self.image}@{self.digest}"

    def trailers(self) -> dict[str, str]:
        """What a deployment's tag says of it."""
        return {
            "Release": self.release,
            "Image": self.reference,
            "Model-SHA256": self.model_sha256,
            "Data-SHA256": self.data_sha256,
            "Config-SHA256": self.config_sha256,
            "Verdict-SHA256": self.verdict_sha256,
        }

    def moved_to(self, environment: str, manifests: str) -> "Record":
        """The same release for another environment."""
        return replace(self, environment=environment, manifests=manifests)


def overlay(model: str, environment: str) -> str:
    """``deploy/<model>/<environment>``."""
    return f"deploy/{model}/{environment}"


def record_path(model: str, environment: str) -> str:
    """Where the record is."""
    return f"{overlay(model, environment)}/release.yaml"


def pin_path(model: str, environment: str) -> str:
    """Where the image is pinned."""
    return f"{overlay(model, environment)}/kustomization.yaml"


@lru_cache(maxsize=4096)
def parse_record(text: str, path: str) -> Record:
    """Read a record.

    Raises:
        TagshipError: not YAML, a missing or unknown key, a value that is no text, or a record
            that stands under another model or environment.
    """
    content = _read(text, path)
    names = {field.name for field in fields(Record)}
    unknown = [str(key) for key in content if key not in names]
    if unknown:
        raise TagshipError(f"{path}: {unknown[0]}: unknown key")
    missing = [name for name in sorted(names - {"manifests"}) if name not in content]
    if missing:
        raise TagshipError(f"{path}: {missing[0]}: required key is missing")
    loose = [str(key) for key, value in content.items() if not isinstance(value, str)]
    if loose:
        raise TagshipError(f"{path}: {loose[0]}: {content[loose[0]]!r} must be a quoted text")
    record = Record(**{str(key): str(value) for key, value in content.items()})
    if record_path(record.model, record.environment) != path:
        raise TagshipError(f"{path}: it is the record of {record.model}/{record.environment}")
    return record


def edit_record(text: str, path: str, record: Record) -> str:
    """The record's file with new values; comments and order stay."""
    content = _load(text, path)
    for key, value in asdict(record).items():
        if str(content.get(key, "")) != value:
            content[key] = DoubleQuotedScalarString(value)
    return _dump(content, text)


def parse_pin(text: str, path: str) -> tuple[str, str]:
    """The image and digest that an overlay pins.

    Raises:
        TagshipError: there is not exactly one pin of the model's image, by digest.
    """
    entry = _pin(_read(text, path), path)
    return str(entry.get("newName", "")), str(entry.get("digest", ""))


def edit_pin(text: str, path: str, image: str, digest: str) -> str:
    """The overlay with another pin; comments and order stay."""
    content = _load(text, path)
    entry = _pin(content, path)
    entry["newName"], entry["digest"] = image, digest
    return _dump(content, text)


def check_pin(record: Record, pin: tuple[str, str]) -> None:
    """Refuse an overlay whose pin and record disagree.

    Raises:
        TagshipError: names both.
    """
    if pin != (record.image, record.digest):
        path = pin_path(record.model, record.environment)
        raise TagshipError(
            f"{path}: it pins {pin[0]}@{pin[1]}, its record says {record.reference}",
            "let `tagship propose` write both; never edit one by hand",
        )


def _pin(content: Mapping[Any, Any], path: str) -> Any:
    images = content.get("images")
    entries = [
        entry
        for entry in (images if isinstance(images, list) else [])
        if isinstance(entry, dict) and entry.get("name") == IMAGE_NAME
    ]
    if len(entries) != 1 or "newTag" in entries[0]:
        raise TagshipError(
            f"{path}: images: expected exactly one entry named '{IMAGE_NAME}', pinned by digest"
        )
    return entries[0]


def _yaml(text: str) -> YAML:
    """A round-trip parser that writes lists indented as ``text`` has them."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    flush = "\n- " in text
    yaml.indent(mapping=2, sequence=2 if flush else 4, offset=0 if flush else 2)
    return yaml


def _load(text: str, path: str) -> CommentedMap:
    """The content with its comments, to be edited."""
    content = _parse_mapping(_yaml(text), text, path)
    assert isinstance(content, CommentedMap)
    return content


def _read(text: str, path: str) -> Mapping[Any, Any]:
    """The content alone, which is read faster."""
    content: Mapping[Any, Any] = _parse_mapping(YAML(typ="safe"), text, path)
    return content


def _parse_mapping(yaml: YAML, text: str, path: str) -> Any:
    try:
        content = yaml.load(text)
    except YAMLError as error:
        raise TagshipError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise TagshipError(f"{path}: expected keys and values")
    return content


def _dump(content: CommentedMap, text: str) -> str:
    stream = io.StringIO()
    _yaml(text).dump(content, stream)
    return stream.getvalue()
