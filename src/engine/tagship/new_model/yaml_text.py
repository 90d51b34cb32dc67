"""YAML as a person writes it: plain where plain is safe in every YAML, quoted where it is not."""

import re
from collections.abc import Mapping
from typing import Any

from tagship.new_model.rounding import number_text

WIDTH = 100
_PLAIN = re.compile(r"[^\W\d][\w .()/+&'-]*(?<! )")
_PATH = re.compile(r"[\w.-]*/[\w./-]+")
_RESERVED = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})


def scalar(value: Any) -> str:
    """One value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED
    if text.isprintable() and (plain or _PATH.fullmatch(text)):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def flow(value: Any) -> str:
    """A value in flow style: ``{min: 0, values: [a, b]}``."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def entry(key: str, value: Any, indent: int = 0) -> str:
    """``key: value`` in flow style; over several lines where one would be too long."""
    pad = " " * indent
    line = f"{pad}{scalar(key)}: {flow(value)}"
    if len(line) <= WIDTH or not isinstance(value, Mapping | list | tuple):
        return line
    if isinstance(value, Mapping):
        inner = [entry(str(k), v, indent + 2) for k, v in value.items()]
        return "\n".join([f"{pad}{scalar(key)}:", *inner])
    lines = [f"{pad}{scalar(key)}: ["]
    for index, item in enumerate(value):
        piece = flow(item) + ("]" if index == len(value) - 1 else ",")
        if index == 0:
            lines[0] += piece
        elif len(lines[-1]) + 1 + len(piece) <= WIDTH:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"{pad}    {piece}")
    return "\n".join(lines)


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
