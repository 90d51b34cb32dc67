"""Copies the template's root into a new project, under the project's own identity.

Nothing of the root is rendered by Jinja, so ``${{ }}`` in workflows and ``{{ }}`` in manifests stay
as they are; the few places that name the root are replaced, in paths and in texts.
"""

import importlib.util
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hooks.answers import EXAMPLES, KEPT, ROOT, Answers
from hooks.engine_pin import Pin, find_pin, pin_lock, pin_pyproject
from hooks.engine_wheel import ENGINE
from hooks.tracked_files import tracked

TEMPLATE_ONLY = (
    "cookiecutter.json",
    "copier.yml",
    "template.mk",
    "mkdocs.yml",
    ".cz.toml",
    "README.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "hooks/",
    "{{cookiecutter.project_slug}}/",
    "benchmarks/",
    "src/engine/",
    ".ci/run",
    ".ci/tools",
    ".github/workflows/template.yml",
)
"""What a project does not get, or gets in another form."""
YOURS = (
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    ".github/CODEOWNERS",
    "config/project.yaml",
    "config/*/*.yaml",
    "config/*/reference.json",
    "bentos",
    "deploy/*/staging",
    "deploy/*/production",
    "src/features",
    "tests/features",
    "src/sources",
    "tests/sources",
    "tests/test_own.py",
    "uv.lock",
    "vendor",
)
"""What belongs to the project: an update leaves it alone. cruft reads the same list in
``pyproject.toml``, Copier in ``copier.yml``; ``docs/how-to/update.md`` explains it."""
_DOCS = "docs/"
_RUNBOOK = "docs/runbook.md"
"""The only page that a project gets: its alerts link to it."""
PAGES = "https://github.com/tagship-labs/tagship-starter/blob/template/v"
"""How a project's pages link to the documentation, at the version of its engine; never renamed."""
_NAMES_PYTHON = (".github/workflows/", "Makefile")
_SPDX = {"Apache-2.0": "Apache-2.0", "MIT": "MIT", "proprietary": "LicenseRef-Proprietary"}


@dataclass(frozen=True)
class File:
    """One file of the new project."""

    content: bytes
    like: Path
    """The template's file whose mode it takes."""

    def write(self, path: Path) -> None:
        """Write it, and the folders above it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        shutil.copymode(self.like, path)

    def is_at(self, path: Path) -> bool:
        """Whether this very content stands there."""
        return path.is_file() and not path.is_symlink() and path.read_bytes() == self.content


def copy_root(root: Path, target: Path, answers: Answers) -> None:
    """Write the project's files into ``target``."""
    for path, file in project_files(root, answers).items():
        file.write(target / path)


def project_files(root: Path, answers: Answers) -> dict[str, File]:
    """All files of the new project, by their paths.

    Raises:
        TemplateError: the engine cannot be pinned as asked.
    """
    owned = _model_paths(root)
    pin = find_pin(root, answers.engine)
    dropped = [p for name in EXAMPLES if name not in KEPT[answers.models]
               for p in owned.model_paths(name)]  # fmt: skip
    rename = _renaming(answers)
    files = {
        rename(path): File(
            _text(path, (root / path).read_bytes(), rename, answers, pin), root / path
        )
        for path in tracked(root)
        if not owned.is_under(path, (*TEMPLATE_ONLY, *dropped))
        and (path == _RUNBOOK or not path.startswith(_DOCS))
    }
    if pin.vendored:
        path, content = pin.vendored
        files[path] = File(content, root / "LICENSE")
    return {**files, **_licence(root, answers)}


def is_yours(root: Path, path: str) -> bool:
    """Whether a path of a project is its own, and the template leaves it alone."""
    return bool(_model_paths(root).is_matched(path, YOURS))


def _renaming(answers: Answers) -> Callable[[str], str]:
    """Replace the root's names, longest first, where no letter or digit touches them."""
    names = {
        ROOT.registry: answers.registry,
        ROOT.project_slug: answers.project_slug,
        ROOT.owner: answers.owner,
        ROOT.title: answers.title,
    }
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{known})(?![A-Za-z0-9])")

    def rename(text: str) -> str:
        return PAGES.join(pattern.sub(lambda match: names[match[0]], part)
                          for part in text.split(PAGES))  # fmt: skip

    return rename


def _text(
    path: str, content: bytes, rename: Callable[[str], str], answers: Answers, pin: Pin
) -> bytes:
    try:
        text = rename(content.decode())
    except UnicodeDecodeError:
        return content
    if path == "uv.lock":
        text = pin_lock(_sorted_packages(text), pin)
    elif path == "docker-compose.yml" and "churn" not in KEPT[answers.models]:
        text = text.replace("${MODEL:-churn}", "${MODEL:?say which, such as MODEL=NAME}")
    elif path == "pyproject.toml":
        text = text.replace(f'license = "{ROOT.licence}"', f'license = "{_SPDX[answers.licence]}"')
        text = pin_pyproject(text, pin)
    if answers.python != ROOT.python and path.startswith(_NAMES_PYTHON):
        for old, new in _pythons(answers.python):
            text = re.sub(old, new, text)
    return text.encode()


def _sorted_packages(lock: str) -> str:
    """A ``uv.lock`` whose packages are in uv's order again, after one got another name."""
    head, *packages = lock.split("\n[[package]]\n")
    packages[-1] = packages[-1].removesuffix("\n")
    in_order = sorted(packages, key=lambda package: package.split('"', 2)[1])
    return "\n[[package]]\n".join([head, *in_order]) + "\n"


def _pythons(version: str) -> list[tuple[str, str]]:
    """How the root's Python version is spelt, and what stands there for another.

    Images keep the root's, whose digest is known; so CI tests on both.
    """
    root = re.escape(ROOT.python)
    return [
        (rf'(python-version: )"{root}"', rf'\g<1>"{version}"'),
        (r"matrix: \{python: \[.*?\]\}", f'matrix: {{python: ["{ROOT.python}", "{version}"]}}'),
        (rf"for p in python{root} ", f"for p in python{version} python{ROOT.python} "),
    ]


def _licence(root: Path, answers: Answers) -> dict[str, File]:
    """The project's licence; the engine's own travels in its distribution."""
    own = root / "hooks" / "licences" / f"{answers.licence}.txt"
    if not own.is_file():
        return {"LICENSE": File((root / "LICENSE").read_bytes(), root / "LICENSE")}
    text = own.read_text(encoding="utf-8").replace("OWNER", answers.owner)
    return {"LICENSE": File(text.encode(), own)}


def _model_paths(root: Path) -> ModuleType:
    """The engine's list of a model's paths, without the engine."""
    path = root / ENGINE / "tagship" / "config" / "model_paths.py"
    spec = importlib.util.spec_from_file_location("model_paths", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
