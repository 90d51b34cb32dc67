"""Code under ``src/`` that decides a model: which files it is, and whether it can be served."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError

_SERVED = ("numpy", "tagship.contract.boundary", "tagship.errors")
"""What a feature function finds in the serving image, beside the standard library."""


@dataclass(frozen=True)
class _Import:
    """One name that a file imports."""

    module: str
    line: int
    certain: bool
    """False for ``b`` of ``from a import b``, which need not be a module."""


def own_files(root: Path, name: str) -> list[Path]:
    """A module under ``src/`` and the modules there that it imports; nothing for a library's.

    A module's packages count too, since Python runs their ``__init__.py`` before it.
    """
    return sorted(_imports(root, name))


def check_served(files: ModelFiles) -> None:
    """Refuse a feature function that imports what the serving image does not have.

    Raises:
        TagshipError: names the file, the line and the module.
    """
    if files.model.features is None:
        return
    home = files.model.features.partition(":")[0]
    package = home.partition(".")[0]
    for path, imports in sorted(_imports(files.root, home).items()):
        for imported in imports:
            modules = (*_SERVED, package, *sys.stdlib_module_names)
            served = any(f"{imported.module}.".startswith(f"{name}.") for name in modules)
            if imported.certain and not served:
                raise TagshipError(
                    f"{files.folder / 'model.yaml'}: features: {files.model.features}:"
                    f" {path.relative_to(files.root)}:{imported.line} imports '{imported.module}',"
                    " which the serving image does not have",
                    f"use numpy, the standard library and modules of src/{package}/ only",
                )


def _imports(root: Path, name: str) -> dict[Path, list[_Import]]:
    """Each file of ``own_files``, and what it imports."""
    waiting, imports = [name], dict[Path, list[_Import]]()
    while waiting:
        module = waiting.pop()
        package, _, _ = module.rpartition(".")
        if package:
            waiting.append(package)
        if module.partition(".")[0] == "tagship":
            continue  # the engine has a fingerprint of its own
        stem = root / "src" / module.replace(".", "/")
        inside, plain = stem / "__init__.py", stem.with_name(f"{stem.name}.py")
        source = inside if inside.is_file() else plain  # as Python chooses
        if not source.is_file() or source in imports:
            continue
        try:
            tree = ast.parse(source.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise TagshipError(f"{source}:{error.lineno}: {error.msg}") from None
        imports[source] = list(_named(tree, module if source == inside else package))
        waiting += [item.module for item in imports[source]]
    return imports


def _named(tree: ast.AST, package: str) -> Iterator[_Import]:
    """What a file in ``package`` imports when it runs, each with its whole name."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for statement in node.orelse:
                    yield from _named(ast.Module([statement], []), package)
            case ast.Import():
                yield from (_Import(item.name, node.lineno, True) for item in node.names)
            case ast.ImportFrom():
                base = package.split(".")[: package.count(".") + 2 - node.level]
                parts = [*(base if node.level else []), *([node.module] if node.module else [])]
                module = ".".join(parts)
                yield _Import(module, node.lineno, True)
                for item in node.names:
                    yield _Import(f"{module}.{item.name}", node.lineno, False)
            case _:
                yield from _named(node, package)
