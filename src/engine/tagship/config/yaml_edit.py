"""Replacing single values of a YAML text, and nothing else of it: not a comment, not a space."""

import json
from collections.abc import Mapping

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
    for location, node in sorted(places.items(), key=lambda item: -item[1].start_mark.index):
        new = json.dumps(values[location], ensure_ascii=False)
        text = text[: node.start_mark.index] + new + text[node.end_mark.index :]
    return text


def _find(node: Node, location: Location) -> ScalarNode:
    for part in location:
        pairs = node.value if isinstance(node, MappingNode) else []
        matches = [value for key, value in pairs if key.value == part]
        if not matches:
            raise KeyError(location)
        node = matches[0]
    if not isinstance(node, ScalarNode):
        raise KeyError(location)
    return node
