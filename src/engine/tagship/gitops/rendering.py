"""Rendering an environment at a commit: from nothing but what that commit holds under ``deploy/``.

kustomize gets a folder of its own with the files that an overlay may use: ``deploy/`` without the
other models and the other environments. What lies elsewhere can then not be rendered at all.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tagship.errors import TagshipError
from tagship.files import read_json, write_json
from tagship.gitops import kustomize
from tagship.gitops.deployment_records import overlay, parse_record, record_path
from tagship.gitops.git import Git
from tagship.gitops.git_objects import TreeEntry
from tagship.gitops.manifests import Rendering, examine

_CACHE_SIZE = 2000
"""Renderings that a clone keeps."""
_SPELLINGS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FOLDERS = ("resources", "bases", "components")
_FILES = ("crds", "configurations", "generators", "transformers", "validators")
_TEXTS = frozenset({
    "commonAnnotations", "commonLabels", "labels", "buildMetadata", "literals", "patch", "value",
})  # fmt: skip
"""Keys whose values are texts, not places to read from."""
_RENDERING = TypeAdapter(Rendering)


class Renderer:
    """Renders environments of one repository, each set of files once."""

    def __init__(self, git: Git, models: set[str], environments: set[str]) -> None:
        self._git = git
        self._models = models
        self._environments = environments
        self._renderings: dict[str, Rendering] = {}
        self._inputs: dict[tuple[str, str, str], tuple[TreeEntry, ...]] = {}

    @cached_property
    def version(self) -> str:
        """The kustomize that renders.

        Raises:
            TagshipError: there is no kustomize.
        """
        return kustomize.version()

    def inputs(self, commit: str, model: str, environment: str) -> tuple[TreeEntry, ...]:
        """All that an environment may be rendered from, by hash: equal inputs render equally."""
        place = (commit, model, environment)
        if place not in self._inputs:
            self._inputs[place] = self._list_inputs(*place)
        return self._inputs[place]

    def _list_inputs(self, commit: str, model: str, environment: str) -> tuple[TreeEntry, ...]:
        top_entries = [
            entry
            for entry in self._git.entries(commit, "deploy")
            if entry.name == model or entry.name not in self._models
        ]
        inputs = [
            entry._replace(name=f"deploy/{entry.name}")
            for entry in top_entries
            if entry.name != model
        ]
        for entry in self._git.entries(commit, f"deploy/{model}"):
            if entry.name == environment or entry.name not in self._environments:
                inputs.append(entry._replace(name=f"deploy/{model}/{entry.name}"))
        return tuple(inputs)

    def render(self, commit: str, model: str, environment: str) -> Rendering:
        """What Argo CD would apply.

        Raises:
            TagshipError: there is no such overlay, it reads from elsewhere, or kustomize refuses.
        """
        inputs = self.inputs(commit, model, environment)
        parts = [self.version, model, environment, *(" ".join(entry) for entry in inputs)]
        key = hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()
        if key not in self._renderings:
            cached = read_json(self._cache_path(key), _RENDERING.validate_python)
            self._renderings[key] = cached or self._render_anew(
                key, inputs, commit, model, environment
            )
        return self._renderings[key]

    def _render_anew(
        self, key: str, inputs: tuple[TreeEntry, ...], commit: str, model: str, environment: str
    ) -> Rendering:
        path = record_path(model, environment)
        record = self._git.text(commit, path)
        text = self._build(inputs, model, environment)
        rendering = examine(text, record, parse_record(record, path))
        place = self._cache_path(key)
        write_json(place, asdict(rendering))
        renderings = list(place.parent.iterdir())
        if len(renderings) > 2 * _CACHE_SIZE:
            renderings.sort(key=lambda path: path.stat().st_mtime)
            for oldest in renderings[:-_CACHE_SIZE]:
                oldest.unlink(missing_ok=True)
        return rendering

    def _cache_path(self, key: str) -> Path:
        """Where a rendering is kept: in ``.git``, which no commit can fill."""
        return self._git.own_folder() / "tagship" / "renderings" / key

    def _build(self, inputs: tuple[TreeEntry, ...], model: str, environment: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            for path, entry in self._files(inputs):
                if entry.mode not in ("100644", "100755"):
                    raise TagshipError(
                        f"{path}: a symbolic link or a submodule", "deploy/ holds only files"
                    )
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(self._git.blob(entry.hash))
            _refuse_elsewhere(root, overlay(model, environment))
            try:
                return kustomize.render_text(root / overlay(model, environment))
            except TagshipError as error:
                message = str(error.args[0]).replace(f"{root}/", "")
                raise TagshipError(message, error.hint) from None

    def _files(self, inputs: tuple[TreeEntry, ...]) -> Iterator[tuple[str, TreeEntry]]:
        for entry in inputs:
            if entry.mode != "40000":
                yield entry.name, entry
                continue
            for path, file in self._git.listing(entry.hash):
                yield f"{entry.name}/{path}", file


def _refuse_elsewhere(root: Path, start: str) -> None:
    """Refuse kustomizations that read anything but files and folders that are there."""
    todo, visited = [start], set()
    while todo:
        folder = todo.pop()
        if folder in visited:
            continue
        visited.add(folder)
        for spelling in _SPELLINGS:
            path = f"{folder}/{spelling}"
            if (root / path).is_file():
                todo += _reads(root, path)


def _reads(root: Path, path: str) -> list[str]:
    """The folders that a kustomization takes in.

    Raises:
        TagshipError: it is no YAML, or names a place that is not there.
    """
    try:
        content = YAML(typ="safe").load((root / path).read_bytes())
    except YAMLError as error:
        raise TagshipError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise TagshipError(f"{path}: expected keys and values")
    folders = []
    for key in (*_FOLDERS, *_FILES):
        entries = content.get(key) or []
        for place in (entry for entry in entries if isinstance(entry, str)):
            if "\n" in place:
                continue  # a resource written in place
            target = Path(os.path.normpath(root / PurePosixPath(path).parent / place))
            if not target.is_relative_to(root) or not target.exists():
                raise TagshipError(
                    f"{path}: {key}: {place} is no file or folder that this environment may use",
                    "copy it to deploy/base, deploy/components or the model's own folder:"
                    " nothing is rendered from elsewhere",
                )
            if target.is_dir():
                folders.append(target.relative_to(root).as_posix())
    for key, place in _remote(content):
        raise TagshipError(f"{path}: {key}: {place} is not under deploy/", "copy it there")
    return folders


def _remote(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _TEXTS:
                yield from _remote(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _remote(inner, key)
    elif isinstance(value, str) and value.rpartition("=")[2].startswith(("http://", "https://")):
        yield key, value
