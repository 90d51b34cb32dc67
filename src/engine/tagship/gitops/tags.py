"""The tag grammar: how releases and deployments are written, read, and ordered. Pure.

``<model>/v<major>.<minor>.<patch>`` is a release, ``<model>/<environment>/<n>`` a deployment.
A message is a subject, a body, and a last paragraph of ``Key: value`` trailers.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from tagship.config.root import MODEL_NAME_RULE, check_model_name
from tagship.errors import TagshipError
from tagship.gitops.argocd_versions import LARGEST

_VERSION = re.compile(r"v?(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"[1-9][0-9]{0,19}")
_ENVIRONMENT = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")
_TRAILER = re.compile(r"([A-Z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*): (.+)")
_SEEN = re.compile(r"saw (\S+) ([0-9a-f]{40}|[0-9a-f]{64})")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

KEYS = (
    "Model", "Release", "Environment", "Action", "Image", "Model-SHA256", "Data-SHA256",
    "Config-SHA256", "Lock-SHA256", "Verdict", "Verdict-SHA256", "Champion", "Manifests",
    "Kustomize", "Restores", "Rejects", "Lifts", "Reason", "Reviewed", "Approved-By",
    "Actor", "Previous", "Run",
)  # fmt: skip
"""Every trailer there is, in the order in which they are written."""
Series = tuple[str, str]
"""A model and an environment, whose deployments are numbered together."""


@dataclass(frozen=True, order=True)
class Version:
    """A semantic version without prerelease: the first environment is for trying."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, order=True)
class ReleaseTag:
    """``churn/v1.3.0``"""

    model: str
    version: Version

    def __str__(self) -> str:
        return f"{self.model}/{self.version}"


@dataclass(frozen=True, order=True)
class DeploymentTag:
    """``churn/production/4``"""

    model: str
    environment: str
    number: int

    @property
    def series(self) -> Series:
        """Those with which it is numbered together."""
        return self.model, self.environment

    def __str__(self) -> str:
        return f"{self.model}/{self.environment}/{self.number}"


@dataclass(frozen=True)
class Message:
    """What an annotated tag says."""

    subject: str
    body: str
    trailers: Mapping[str, str]


def parse_version(text: str) -> Version:
    """Read ``v1.3.0`` or ``1.3.0``.

    Raises:
        TagshipError: anything else, prereleases and build metadata included.
    """
    match = _VERSION.fullmatch(text)
    if not match:
        raise TagshipError(
            f"{text!r} is not a version",
            "write three numbers such as v1.3.0; prereleases are not used here, because"
            " the first environment is where a release is tried",
        )
    return Version(*(int(part) for part in match.groups()))


@cache
def parse_tag(name: str) -> ReleaseTag | DeploymentTag | None:
    """What a tag's name means; None when it is no tag of this grammar."""
    parts = name.split("/")
    if len(parts) not in (2, 3) or not is_model(parts[0]):
        return None
    if len(parts) == 2:
        version = _VERSION.fullmatch(parts[1])
        if not version or not parts[1].startswith("v"):
            return None
        return ReleaseTag(parts[0], parse_version(parts[1]))
    if not _ENVIRONMENT.fullmatch(parts[1]) or not _NUMBER.fullmatch(parts[2]):
        return None
    if int(parts[2]) > LARGEST:
        return None
    return DeploymentTag(parts[0], parts[1], int(parts[2]))


def release_tag(model: str, version: str) -> ReleaseTag:
    """The release that ``v1.3.0``, ``1.3.0`` or ``churn/v1.3.0`` names for a model.

    Raises:
        TagshipError: not a model's name, not a version, or another model's release.
    """
    if not is_model(model):
        raise TagshipError(f"{model!r} cannot be a model's name", MODEL_NAME_RULE)
    return ReleaseTag(model, parse_version(version.removeprefix(f"{model}/")))


def is_model(name: str) -> bool:
    """Whether a name could be a model's."""
    try:
        check_model_name(name)
    except TagshipError:
        return False
    return "\n" not in name


def one_line(text: str) -> str:
    """The text as one safe line: white space, control and direction characters become a space."""
    safe = (
        " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI else c
        for c in text
    )
    return " ".join("".join(safe).split())


def compose(subject: str, body: str, trailers: Mapping[str, str]) -> str:
    """The text of a tag. No value can start a trailer of its own, whatever it holds.

    Raises:
        TagshipError: a trailer that is unknown, or no trailer at all.
    """
    unknown = [key for key in trailers if key not in KEYS]
    if unknown:
        raise TagshipError(f"unknown trailer {unknown[0]!r} in a tag message")
    values = {key: one_line(trailers[key]) for key in KEYS if key in trailers}
    lines = [f"{key}: {value}" for key, value in values.items() if value]
    if not lines:
        raise TagshipError("a tag message needs at least one trailer")
    paragraphs = [one_line(subject), "\n".join(_plain(body)).strip(), "\n".join(lines)]
    return "\n\n".join(part for part in paragraphs if part) + "\n"


def parse_message(subject: str, body: str) -> Message:
    """Read what ``compose`` wrote, given as Git splits it.

    Raises:
        TagshipError: no trailers, an unknown or repeated one, or a line that is no trailer.
    """
    paragraphs = body.rstrip("\n").split("\n\n")
    trailers: dict[str, str] = {}
    for line in paragraphs[-1].split("\n"):
        match = _TRAILER.fullmatch(line)
        if not match:
            raise TagshipError(
                "its message does not end in trailers", "tags are made by `tagship`, not by hand"
            )
        key, value = match.groups()
        if key not in KEYS:
            raise TagshipError(f"its message has an unknown trailer {key!r}")
        if key in trailers:
            raise TagshipError(f"its message has two trailers {key!r}")
        trailers[key] = value
    return Message(subject, "\n\n".join(paragraphs[:-1]).strip("\n"), trailers)


def seen_lines(heads: Mapping[str, str]) -> str:
    """What a deployment's commit says of the highest tag of each series, as it saw them."""
    return "".join(f"saw {name} {tag_object}\n" for name, tag_object in sorted(heads.items()))


def parse_seen(text: str) -> dict[str, str]:
    """Read what ``seen_lines`` wrote: deployments → their tag objects."""
    objects = {}
    for line in text.splitlines():
        match = _SEEN.fullmatch(line)
        if match and isinstance(parse_tag(match[1]), DeploymentTag):
            objects[match[1]] = match[2]
    return objects


def highest_numbers(names: Iterable[str]) -> dict[Series, int]:
    """The highest number of each model and environment among these tags."""
    tags = (tag for tag in map(parse_tag, names) if isinstance(tag, DeploymentTag))
    return {tag.series: tag.number for tag in tags}


def _plain(body: str) -> list[str]:
    """The body's lines, each made safe; blank lines between paragraphs stay, one at a time."""
    lines: list[str] = []
    for line in body.replace("\r\n", "\n").split("\n"):
        safe = one_line(line)
        if safe or (lines and lines[-1]):
            lines.append(safe)
    return lines
