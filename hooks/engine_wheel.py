"""Writes the engine as a wheel, with the standard library alone: ``engine_wheel.py FOLDER``.

The same bytes come out on every system: files are sorted, dated as build backends do, and stored
without compression, whose result differs between versions of zlib. The content is what hatchling
packs; a test compares the two.
"""

import base64
import hashlib
import io
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hooks.tracked_files import tracked  # noqa: E402

ENGINE = "src/engine"
_PACKAGE = "tagship"
_DATE = (2020, 2, 2, 0, 0, 0)
_REQUIREMENT = re.compile(r"([\w.-]+)(\[[\w,-]+\])?\s*([^;]*?)\s*(?:;\s*(.*))?")


@dataclass(frozen=True)
class Wheel:
    """A wheel that is not written yet."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """What ``uv.lock`` and the message of a template's tag name."""
        return hashlib.sha256(self.content).hexdigest()


def engine_version(root: Path) -> str:
    """The version of the engine in a template."""
    return str(_project(root)["version"])


def build_wheel(root: Path) -> Wheel:
    """The engine's wheel, from the files of a template that Git tracks."""
    project = _project(root)
    start = f"{ENGINE}/{_PACKAGE}/"
    files = {path.removeprefix(f"{ENGINE}/"): (root / path).read_bytes().replace(b"\r\n", b"\n")
             for path in tracked(root) if path.startswith(start)}  # fmt: skip
    about = f"{_PACKAGE}-{project['version']}.dist-info"
    readme = (root / ENGINE / project["readme"]).read_text(encoding="utf-8")
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    files |= {
        f"{about}/METADATA": _metadata(project, readme).encode(),
        f"{about}/WHEEL": _WHEEL.encode(),
        f"{about}/entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
        f"{about}/licenses/LICENSE": (root / ENGINE / "LICENSE").read_bytes(),
    }
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD").encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _DATE)
            entry.create_system = 3  # as on Unix, wherever this runs
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return Wheel(f"{_PACKAGE}-{project['version']}-py3-none-any.whl", stream.getvalue())


def _project(root: Path) -> dict:  # type: ignore[type-arg]
    text = (root / ENGINE / "pyproject.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["project"])


_WHEEL = """\
Wheel-Version: 1.0
Generator: tagship-template
Root-Is-Purelib: true
Tag: py3-none-any
"""


def _metadata(project: dict, readme: str) -> str:  # type: ignore[type-arg]
    """Core metadata: https://packaging.python.org/en/latest/specifications/core-metadata/."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        *(f"Author: {author['name']}" for author in project["authors"]),
        f"License-Expression: {project['license']}",
        *(f"License-File: {name}" for name in project["license-files"]),
        f"Requires-Python: {_specifiers(project['requires-python'])}",
        *(f"Requires-Dist: {_requirement(text)}" for text in project["dependencies"]),
    ]
    for extra, texts in sorted(project["optional-dependencies"].items()):
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_requirement(text, extra)}" for text in texts]
    lines.append("Description-Content-Type: text/markdown")
    return "\n".join([*lines, "", readme])


def _requirement(text: str, extra: str = "") -> str:
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"{ENGINE}/pyproject.toml: {text!r} is no requirement")
    name, extras, specifiers, marker = match.groups(default="")
    normal = re.sub(r"[-_.]+", "-", name).lower()
    markers = [
        f"({marker})" if extra and marker else marker,
        f"extra == '{extra}'" if extra else "",
    ]
    marked = " and ".join(filter(None, markers))
    return f"{normal}{extras}{_specifiers(specifiers)}" + (f"; {marked}" if marked else "")


def _specifiers(text: str) -> str:
    return ",".join(sorted(part.strip() for part in text.split(",")))


def _record(files: dict[str, bytes], own_path: str) -> str:
    def row(path: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(content)}"

    rows: Iterable[str] = (row(path, content) for path, content in files.items())
    return "\n".join([*rows, f"{own_path},,", ""])


def main(folder: str) -> None:
    """Write the wheel of the template that this file belongs to; say its name and hash."""
    wheel = build_wheel(Path(__file__).resolve().parents[1])
    (Path(folder) / wheel.name).write_bytes(wheel.content)
    sys.stdout.write(f"{wheel.sha256}  {wheel.name}\n")


if __name__ == "__main__":
    main(sys.argv[1])
