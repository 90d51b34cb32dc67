"""Reading a YAML file so that every complaint can name its line."""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tagship.errors import TagshipError, nearest

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]


@dataclass(frozen=True)
class YamlFile:
    """A parsed YAML mapping with the line of each of its keys."""

    path: Path
    root: CommentedMap

    def line(self, location: Location) -> int:
        """The line (from 1) of the deepest part of ``location`` that the file holds."""
        node: Any = self.root
        line = 1
        for part in location:
            if isinstance(node, CommentedMap) and part in node:
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line = node.lc.item(part)[0] + 1
            else:
                break
            node = node[part]
        return line

    def plain(self) -> Any:
        """The content as plain dicts, lists and scalars."""
        return json.loads(json.dumps(self.root, default=str))

    def refuse(self, location: Location, message: str, hint: str = "") -> TagshipError:
        """An error that names this file, the line and the key."""
        key = ".".join(str(part) for part in location)
        where = f"{self.path}:{self.line(location)}"
        return TagshipError(f"{where}: {key}: {message}" if key else f"{where}: {message}", hint)


def read_yaml(path: Path) -> YamlFile:
    """Parse one YAML 1.2 mapping.

    Raises:
        TagshipError: no such file, not UTF-8, tabs, duplicate keys, not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TagshipError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise TagshipError(
            f"{path}: not UTF-8 (byte {error.start})", "save the file as UTF-8"
        ) from None
    except OSError as error:
        raise TagshipError(f"{path}: {error.strerror}") from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """Parse one YAML 1.2 mapping from the text of a file, now or at a commit.

    Raises:
        TagshipError: tabs, duplicate keys, not a mapping.
    """
    try:
        root = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 1
        twice = str(error.problem).replace("found duplicate key", "duplicate key")
        duplicate = twice.partition(" with ")[0]
        raise TagshipError(f"{path}:{line}: {duplicate}", "keep one of the two") from None
    except MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 1
        hint = "indent with spaces" if "\t" in text else ""
        problem = str(error.problem or error.context)
        if "'\\t'" in problem:
            problem = "a tab stands where only spaces may"
        raise TagshipError(f"{path}:{line}: not valid YAML: {problem}", hint) from None
    except YAMLError as error:
        raise TagshipError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(root, CommentedMap):
        raise TagshipError(f"{path}:1: expected keys and values, found {_kind(root)}")
    file = YamlFile(path, root)
    try:
        json.dumps(root, default=str)
    except (TypeError, ValueError):
        raise file.refuse((), "a key is a list or mapping, or a value holds itself") from None
    return file


def dump_yaml(value: Any, width: int = 100) -> str:
    """YAML text with the style of this repository's files."""
    yaml = YAML(typ="rt")
    yaml.width = width
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def parse(file: YamlFile, model: type[Model]) -> Model:
    """Validate a file against a pydantic model.

    Raises:
        TagshipError: every problem of the file, one a line, with line, key, value and suggestion.
    """
    try:
        return model.model_validate_json(json.dumps(file.root, default=str))
    except ValidationError as error:
        problems = [_explain(file, problem, model) for problem in error.errors()]
        raise TagshipError("\n".join(sorted(set(problems), key=problems.index))) from None


def _explain(file: YamlFile, problem: Any, model: type[BaseModel]) -> str:
    location = _without_tags(file.root, problem["loc"])
    key = ".".join(str(part) for part in location) or "the file"
    where = f"{file.path}:{file.line(location)}"
    kind = problem["type"]
    if kind == "extra_forbidden":
        near = nearest(str(location[-1]), _known_keys(model, problem["loc"][:-1]))
        return f"{where}: {key}: unknown key" + (f"; did you mean '{near}'?" if near else "")
    if kind == "missing":
        return f"{where}: {key}: required key is missing"
    value = problem["input"]
    literal = json.dumps(value, default=str) if not isinstance(value, dict | list) else _kind(value)
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "string_type" and not isinstance(value, dict | list | NoneType):
        return f"{where}: {key}: {literal}: this is no text: write it in quotes"
    if kind == "string_pattern_mismatch" and (example := _example(model, problem["loc"])):
        return f"{where}: {key}: {literal}: must be written as in {example}"
    if kind == "literal_error":
        near = nearest(str(value), re.findall("'([^']*)'", problem["ctx"]["expected"]))
        message += f"; did you mean '{near}'?" if near else ""
    if kind == "value_error":
        return f"{where}: {key}: {message}"
    return f"{where}: {key}: {literal}: {message[0].lower()}{message[1:]}"


def _without_tags(root: Any, location: Location) -> Location:
    """Drop the union tags that pydantic puts into a location and the file does not hold."""
    node, parts = root, []
    for index, part in enumerate(location):
        in_file = (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        )
        if in_file:
            node = node[part]
            parts.append(part)
        elif index == len(location) - 1 and isinstance(node, dict | list):
            parts.append(part)
    return tuple(parts)


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """The keys allowed at a location."""
    return [key for node in _schemas(model, location) for key in node.get("properties", {})]


def _example(model: type[BaseModel], location: Location) -> str:
    """How a text at a location is written; empty where the config's types have no example."""
    examples = [e for node in _schemas(model, location) for e in node.get("examples", [])]
    return str(examples[0]) if examples else ""


def _schemas(model: type[BaseModel], location: Location) -> list[Any]:
    """The parts of the model's JSON Schema for a location, one for each alternative."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    nodes = [schema]
    for part in location:
        following: list[Any] = []
        for node in _alternatives(nodes, definitions):
            if part in node.get("properties", {}):
                following.append(node["properties"][part])
            elif isinstance(node.get("additionalProperties"), dict):
                following.append(node["additionalProperties"])
            elif "patternProperties" in node:
                following.extend(node["patternProperties"].values())
            elif isinstance(part, int) and "items" in node:
                following.append(node["items"])
        nodes = following or nodes
    return _alternatives(nodes, definitions)


def _alternatives(nodes: list[Any], definitions: dict[str, Any]) -> list[Any]:
    alternatives: list[Any] = []
    queue = list(nodes)
    while queue:
        node = queue.pop()
        if "$ref" in node:
            queue.append(definitions[node["$ref"].rsplit("/", 1)[-1]])
        for keyword in ("anyOf", "oneOf", "allOf"):
            queue.extend(node.get(keyword, []))
        alternatives.append(node)
    return alternatives


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"the value {value!r}"
