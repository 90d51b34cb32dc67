"""Refs as Git prints them: a clone's tags, and what a remote has. Nothing is interpreted yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

LOCAL = "refs/tags/"
"""Where the user's own tags are."""
MIRROR = "refs/tagship/tags/"
"""Where the remote's tags are kept, apart from those."""
_FIELDS = (
    "refname", "objecttype", "objectname", "tag", "*objectname", "*objecttype",
    "taggerdate:unix", "taggername", "contents:subject", "contents:body", "contents:signature",
)  # fmt: skip
FORM = "%00".join(f"%({field})" for field in _FIELDS) + "%00"
"""How ``git for-each-ref`` is to print them."""


@dataclass(frozen=True)
class RawTag:
    """A tag as Git holds it, not interpreted yet."""

    name: str
    annotated: bool
    object: str
    """The tag object, or the commit itself for a lightweight tag."""
    own_name: str
    """The name written inside the tag object."""
    commit: str
    """Empty when the tag does not point straight at a commit."""
    date: datetime | None
    """None when its year is beyond what a calendar holds."""
    tagger: str
    subject: str
    body: str
    signed: bool


@dataclass(frozen=True)
class Remote:
    """What the remote said: its default branch, its branches' heads, and its other refs."""

    default: str
    heads: Mapping[str, str]
    other_refs: tuple[str, ...] = ()
    """The full names of all refs that are no tags."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Its tags → their objects."""


def parse_remote(output: str) -> Remote:
    """Read what ``git ls-remote --symref`` printed; the default is empty where it names none."""
    default, heads, tags, other_refs = "", {}, {}, []
    for line in output.splitlines():
        value, _, ref = line.partition("\t")
        if value.startswith("ref: refs/heads/") and ref == "HEAD":
            default = value.removeprefix("ref: refs/heads/")
        elif ref.startswith("refs/heads/"):
            heads[ref.removeprefix("refs/heads/")] = value
        elif ref.startswith(LOCAL) and not ref.endswith("^{}"):
            tags[ref.removeprefix(LOCAL)] = value
        if ref.startswith("refs/") and not ref.startswith(LOCAL):
            other_refs.append(ref)
    return Remote(default, heads, tuple(other_refs), tags)


def parse_raw_tags(output: str, namespace: str) -> list[RawTag]:
    """Read what ``git for-each-ref`` printed in ``FORM`` of the refs under a namespace."""
    values, size = output.split("\0"), len(_FIELDS)
    rows = [values[at : at + size] for at in range(0, len(values) - 1, size)]
    return [_raw_tag(row, namespace) for row in rows]


def _raw_tag(row: list[str], namespace: str) -> RawTag:
    ref, kind, own_hash, own_name, peeled_hash, peeled_kind, unix, tagger, *texts = row
    subject, body, signature = texts
    annotated = kind == "tag"
    target, target_kind = (peeled_hash, peeled_kind) if annotated else (own_hash, kind)
    return RawTag(
        name=ref.lstrip("\n").removeprefix(namespace),
        annotated=annotated,
        object=own_hash,
        own_name=own_name,
        commit=target if target_kind == "commit" else "",
        date=_date(unix),
        tagger=tagger,
        subject=subject,
        body=body,
        signed=bool(signature),
    )


def _date(unix: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(unix or 0), UTC)
    except (ValueError, OverflowError, OSError):
        return None
