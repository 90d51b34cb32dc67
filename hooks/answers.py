"""The answers that a new project is made from, and the rules that they keep."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

EXAMPLES = ("churn", "fraud", "housing", "iris")
KEPT = {"all": EXAMPLES, "churn": ("churn",), "none": ()}
PYTHONS = ("3.11", "3.12", "3.13")
ENGINES = ("vendored", "git")
LICENCES = ("Apache-2.0", "MIT", "proprietary")

_SLUG = re.compile(r"[a-z](?:-?[a-z0-9])*")
_OWNER = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*")
_HOST = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?"
_REGISTRY = re.compile(rf"{_HOST}(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*")
_TITLE = re.compile(r"[^\W\d_](?:[\w .,&'()+/-]*[\w.)+])?")
_YAML_WORDS = {"y", "n", "yes", "no", "true", "false", "on", "off", "null"}
_LONGEST_SLUG = 40
"""``<slug>-production`` is a namespace, of at most 63 characters, with room for other names."""
_LONGEST_OWNER = 39
_LONGEST_REGISTRY = 150
_LONGEST_TITLE = 60


@dataclass(frozen=True)
class Answers:
    """What cookiecutter, cruft and Copier ask for."""

    title: str
    project_slug: str
    owner: str
    registry: str
    models: str
    python: str
    licence: str
    engine: str

    @classmethod
    def read(cls, given: Mapping[str, object]) -> "Answers":
        """Take the answers out of what a tool hands over."""
        return cls(**{field.name: str(given.get(field.name, "")) for field in fields(cls)})


ROOT = Answers(
    title="Tagship Starter",
    project_slug="tagship-starter",
    owner="tagship-labs",
    registry="ghcr.io/tagship-labs",
    models="all",
    python="3.11",
    licence="Apache-2.0",
    engine="vendored",
)
"""The answers that give the template's root back."""


def problems(answers: Answers, root: Path) -> list[str]:
    """Every rule that an answer breaks, one sentence each; ``root`` is the template."""
    slug, found = answers.project_slug, []
    if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST_SLUG:
        found.append(
            f"project_slug {slug!r}: a slug is lower-case letters, digits and single dashes, starts"
            f" with a letter, ends with none, and has at most {_LONGEST_SLUG} characters: it"
            " becomes part of Kubernetes names, images and the repository's address"
        )
    elif slug in _YAML_WORDS:
        found.append(f"project_slug {slug!r}: YAML reads this word as true, false or null")
    elif slug in _libraries(root) - {ROOT.project_slug}:
        found.append(
            f"project_slug {slug!r}: a Python library that the project needs has this name, so it"
            " could not be installed"
        )
    if not _OWNER.fullmatch(answers.owner) or len(answers.owner) > _LONGEST_OWNER:
        found.append(
            f"owner {answers.owner!r}: a GitHub owner is letters, digits and single dashes, starts"
            f" and ends with none of the dashes, and has at most {_LONGEST_OWNER} characters"
        )
    registry = answers.registry
    if not _REGISTRY.fullmatch(registry) or len(registry) > _LONGEST_REGISTRY:
        found.append(
            f"registry {registry!r}: a registry is a host and a path in lower case, such as"
            " ghcr.io/my-organisation, without https:// and without a slash at the end: it is the"
            " first part of every image's name"
        )
    if not _is_title(answers.title):
        found.append(
            f"title {answers.title!r}: a title starts with a letter, holds letters, digits, spaces"
            f" and . , & ' ( ) + / - only, has at most {_LONGEST_TITLE} characters, and is no word"
            " that YAML reads as true, false or null"
        )
    for name, known in (("models", KEPT), ("python", PYTHONS), ("licence", LICENCES),
                        ("engine", ENGINES)):  # fmt: skip
        value = getattr(answers, name)
        if value not in known:
            found.append(f"{name} {value!r}: it is one of {', '.join(known)}")
    return found


def _is_title(title: str) -> bool:
    composed = unicodedata.normalize("NFC", title) == title
    fits = _TITLE.fullmatch(title) and len(title) <= _LONGEST_TITLE and composed
    return bool(fits) and title.casefold() not in _YAML_WORDS


def _libraries(root: Path) -> set[str]:
    """The names of all packages in the template's ``uv.lock``, and the engine's own."""
    text = (root / "uv.lock").read_text(encoding="utf-8")
    return {"tagship", "features", *re.findall(r'^name = "([^"]+)"$', text, re.MULTILINE)}
