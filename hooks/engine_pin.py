"""Pins the engine in a new project: a wheel under ``vendor/``, or the template's newest tag."""

import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from hooks.cruft_link import ask_git, template_url
from hooks.engine_wheel import ENGINE, build_wheel, engine_version
from hooks.tracked_files import TemplateError

TAGS = "template/v"
_SOURCE = 'tagship = { path = "src/engine", editable = true }'
_LOCKED = 'editable = "src/engine"'


@dataclass(frozen=True)
class Pin:
    """How a project depends on the engine."""

    source: str
    """The value in ``[tool.uv.sources]`` of ``pyproject.toml``."""
    locked: str
    """The source in the engine's stanza of ``uv.lock``."""
    required: str
    """The source in the project's stanza."""
    wheels: str = ""
    """The list of wheels in the engine's stanza."""
    vendored: tuple[str, bytes] | None = None
    """A file to write, by its path."""


def find_pin(root: Path, engine: str) -> Pin:
    """The pin that the answer ``engine`` asks for.

    Raises:
        TemplateError: ``git`` is asked for, and the template is no checkout of one of its tags.
    """
    return _git_pin(root) if engine == "git" else _vendored_pin(root)


def pin_pyproject(text: str, pin: Pin) -> str:
    """The root's ``pyproject.toml`` with the engine from elsewhere."""
    return text.replace(_SOURCE, f"tagship = {{ {pin.source} }}")


def pin_lock(text: str, pin: Pin) -> str:
    """The root's ``uv.lock`` as uv would write it for the pin; ``uv lock --check`` holds."""
    head, *packages = text.split("\n[[package]]\n")
    for place, package in enumerate(packages):
        if package.startswith('name = "tagship"\n'):
            packages[place] = _engine_stanza(package, pin)
        elif _LOCKED in package:
            packages[place] = package.replace(_LOCKED, pin.required)
    return "\n[[package]]\n".join([head, *packages])


def _engine_stanza(package: str, pin: Pin) -> str:
    package = package.strip("\n").replace(_LOCKED, pin.locked)
    body, _, metadata = package.partition("\n[package.metadata]\n")
    metadata = metadata.partition("\n[package.metadata.requires-dev]")[0].strip("\n")
    if pin.wheels:
        dependencies, _, extras = body.partition("\n\n[package.optional-dependencies]\n")
        body = f"{dependencies}\n{pin.wheels}\n\n[package.optional-dependencies]\n{extras}"
        body = f"{body.rstrip()}\n\n[package.metadata]\n{metadata}"
    return body.rstrip("\n") + "\n"


def _vendored_pin(root: Path) -> Pin:
    wheel = build_wheel(root)
    path = f"vendor/{wheel.name}"
    entry = f'    {{ filename = "{wheel.name}", hash = "sha256:{wheel.sha256}" }},'
    source = f'path = "{path}"'
    return Pin(source, source, source, f"wheels = [\n{entry}\n]", (path, wheel.content))


def _git_pin(root: Path) -> Pin:
    url = as_uv_reads(template_url(root) or "")
    if not url:
        raise TemplateError(
            "engine 'git': this template is no Git checkout with an origin, so no project could"
            " fetch its engine: answer 'vendored', or generate from the template's address"
        )
    describe = ("describe", "--tags", "--abbrev=0", "--match", f"{TAGS}*")
    tag = ask_git(root, *describe)
    if not tag:
        raise TemplateError(
            f"engine 'git': this template has no tag {TAGS}…, so there is nothing to pin: answer"
            " 'vendored', or fetch the template's tags"
        )
    changed = ask_git(root, "diff", "--name-only", tag, "--", f"{ENGINE}/tagship",
                   f"{ENGINE}/pyproject.toml")  # fmt: skip
    if changed != "" or tag != f"{TAGS}{engine_version(root)}":
        raise TemplateError(
            f"engine 'git': the engine here is not that of {tag}, its newest tag: generate from"
            f" the tag (--checkout {tag}), or answer 'vendored'"
        )
    commit = ask_git(root, "rev-parse", f"{tag}^{{commit}}")
    query = urllib.parse.urlencode({"subdirectory": ENGINE, "tag": tag})
    return Pin(
        f'git = "{url}", tag = "{tag}", subdirectory = "{ENGINE}"',
        f'git = "{url}?{query}#{commit}"',
        f'git = "{url}?{query}"',
    )


def as_uv_reads(url: str) -> str:
    """An address as uv takes it: a folder and ``user@host:path`` become URLs."""
    if url and "://" not in url:
        host, colon, path = url.partition(":")
        if colon and "/" not in host and len(host) > 1:
            return f"ssh://{host}/{path.lstrip('/')}"
        return Path(url).resolve().as_uri()
    return re.sub(r"^git\+", "", url)
