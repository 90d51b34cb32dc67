"""Replacing single values of a YAML text, and nothing else of it: not a comment, not a space."""

import json
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from tagship.config.yaml_file import Location


def replace_values(text: str, values: Mapping[Location, str]) -> str:
    """``text`` with the scalars at the locations replaced, written as quoted texts.

    Raises:
        KeyError: a location holds no scalar.
    """
    root = YAML(typ="rt").compose(text)
    places = {location: _find(root, location) for location in values}
    for location, node in places.items():
        if not isinstance(node, ScalarNode):
            raise KeyError(location)
    return _splice(
        text,
        {(node.start_mark.index, node.end_mark.index): _json(values[location])
         for location, node in places.items()},
    )  # fmt: skip


def set_values(text: str, location: Location, key: str, values: Mapping[str, Any]) -> str:
    """``text`` with values set in the mapping ``key`` of the mapping at a location.

    Values that are there are replaced where they stand; others, and the mapping itself where there
    is none, are added after what is there.

    Raises:
        KeyError: the location holds no mapping with keys, or ``key`` something else.
    """
    outer = _find(YAML(typ="rt").compose(text), location)
    if not isinstance(outer, MappingNode) or not outer.value:
        raise KeyError(location)
    inner = {name.value: node for name, node in outer.value}.get(key)
    if inner is None:
        return _splice(text, _added(text, outer, {key: _flow(values)}))
    if not isinstance(inner, MappingNode):
        raise KeyError((*location, key))
    if not inner.value:
        return _splice(text, {(inner.start_mark.index, inner.end_mark.index): _flow(values)})
    nodes = {name.value: node for name, node in inner.value}
    changes = {
        (nodes[name].start_mark.index, nodes[name].end_mark.index): _json(value)
        for name, value in values.items()
        if name in nodes
    }
    new = {name: _json(value) for name, value in values.items() if name not in nodes}
    return _splice(text, changes | (_added(text, inner, new) if new else {}))


def _added(text: str, mapping: MappingNode, texts: Mapping[str, str]) -> dict[tuple[int, int], str]:
    """Where and how keys are added to a mapping that has some: after its last value in flow style,
    else in lines of their own under its first key's line."""
    pairs = [
        f"{json.dumps(name) if ':' in name else name}: {value}" for name, value in texts.items()
    ]
    if mapping.flow_style:
        at = mapping.value[-1][1].end_mark.index
        return {(at, at): "".join(f", {pair}" for pair in pairs)}
    first_key, first_value = mapping.value[0]
    indent = " " * first_key.start_mark.column
    if isinstance(first_value, ScalarNode) or first_value.flow_style:
        end = text.find("\n", first_value.end_mark.index)
        at = len(text) if end < 0 else end
        return {(at, at): "".join(f"\n{indent}{pair}" for pair in pairs)}
    at = first_key.start_mark.index
    return {(at, at): "".join(f"{pair}\n{indent}" for pair in pairs)}


def _splice(text: str, changes: Mapping[tuple[int, int], str]) -> str:
    for (start, end), new in sorted(changes.items(), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _flow(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {_json(value)}" for name, value in values.items()) + "}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _find(node: Node, location: Location) -> Node:
    for part in location:
        pairs = node.value if isinstance(node, MappingNode) else []
        matches = [value for key, value in pairs if key.value == part]
        if not matches:
            raise KeyError(location)
        node = matches[0]
    return node
