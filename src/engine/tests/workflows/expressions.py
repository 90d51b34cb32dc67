"""GitHub's expressions, as far as our workflows use them: ``${{ a.b || 'c' }}``."""

import json
import re
from collections.abc import Mapping
from typing import Any

Context = Mapping[str, Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>==|!=|&&|\|\||!|\(|\)|,)"
    r"|(?P<call>[A-Za-z]+)(?=\()|(?P<name>[A-Za-z_][\w.-]*)|(?P<number>\d+))"
)
_SIGNS = {"&&": " and ", "||": " or ", "!": " not "}
_WORDS = {"true": "True", "false": "False", "null": "None"}


def fill(text: Any, context: Context) -> Any:
    """A value with its expressions replaced; a value that is one expression keeps its type."""
    if isinstance(text, Mapping):
        return {key: fill(value, context) for key, value in text.items()}
    if isinstance(text, list):
        return [fill(value, context) for value in text]
    if not isinstance(text, str):
        return text
    whole = re.fullmatch(r"\s*\$\{\{(.+?)\}\}\s*", text, re.DOTALL)
    if whole and "${{" not in whole[1]:
        return evaluate(whole[1], context)
    return re.sub(
        r"\$\{\{(.+?)\}\}", lambda m: _plain(evaluate(m[1], context)), text, flags=re.DOTALL
    )


def evaluate(expression: str, context: Context, **functions: Any) -> Any:
    """The value of what stands between the braces."""
    names: list[str] = []
    code, at = "", 0
    while at < len(expression.rstrip()):
        match = _TOKEN.match(expression, at)
        assert match, f"not understood: {expression[at:]!r}"
        at = match.end()
        if match["text"]:
            code += repr(match["text"][1:-1].replace("''", "'"))
        elif match["sign"]:
            code += _SIGNS.get(match["sign"], match["sign"])
        elif match["call"]:
            code += f"_call_{match['call']}"
        elif match["name"]:
            names.append(match["name"])
            code += _WORDS.get(match["name"]) or f"_look({match['name']!r})"
        else:
            code += match["number"]
    calls = {"fromJSON": json.loads, "toJSON": json.dumps, **functions}
    space = {f"_call_{name}": call for name, call in calls.items()}
    return eval(code, {"__builtins__": {}}, {"_look": lambda name: look_up(name, context), **space})


def look_up(name: str, context: Context) -> Any:
    """``needs.build.outputs.reference``; what is not there is empty, as GitHub has it."""
    value: Any = context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else value


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
