"""Functions of the project's own code, imported by ``module:name``. Standard library only."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tagship.errors import TagshipError, nearest, suggest


def load_function(path: str, key: str, home: str) -> Callable[..., Any]:
    """Import ``module:function``.

    Args:
        key: the key of the config that names it.
        home: where such functions live, such as ``src/features/``.

    Raises:
        TagshipError: no such module or function.
    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a module may raise while it is imported
        raise TagshipError(
            f"{key}: '{path}' cannot be imported: {type(error).__name__}: {error}",
            _suggest_in(home, path)
            or suggest_module(module_name)
            or f"such functions live in {home}",
        ) from None
    function = getattr(module, name, None)
    if function is None:
        defined = {
            symbol: getattr(value, "__module__", "") for symbol, value in vars(module).items()
        }
        names = [symbol for symbol, where in defined.items() if where == module_name]
        raise TagshipError(
            f"{key}: '{path}': {module_name} has no function '{name}'",
            suggest(name, names, "it has") or f"define it in {module_name}",
        )
    if not callable(function):
        raise TagshipError(f"{key}: '{path}' is not a function", "name a function")
    return function  # type: ignore[no-any-return]


def _suggest_in(home: str, path: str) -> str:
    """The hint where only the package of ``home`` is missing in the path."""
    package = Path(home).name
    try:
        exists = importlib.util.find_spec(f"{package}.{path.partition(':')[0]}") is not None
    except (ImportError, ValueError):
        return ""
    return f"did you mean '{package}.{path}'?" if exists else ""


def suggest_module(name: str) -> str:
    """The hint for a misspelt module: the name nearest to the first part that does not exist.

    Empty when every part exists, or no name is near.
    """
    places: Any = None  # where Python looks for top-level modules
    prefix = ""
    for part in name.split("."):
        names = {module.name for module in pkgutil.iter_modules(places)}
        names -= set() if prefix else sys.stdlib_module_names  # these are never meant
        if part not in names:
            near = nearest(part, names, 0.6 if prefix else 0.8)  # top-level names are hundreds
            return f"did you mean '{prefix}{near}'?" if near else ""
        prefix += f"{part}."
        try:
            places = getattr(importlib.import_module(prefix[:-1]), "__path__", [])
        except (Exception, SystemExit):  # whatever it raises while it is imported: it exists
            return ""
    return ""
