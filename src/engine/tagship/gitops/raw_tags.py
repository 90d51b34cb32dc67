"""Tags as Git holds them, not yet understood."""

from dataclasses import dataclass
from datetime import UTC, datetime

_FIELDS = (
    "refname", "objecttype", "objectname", "tag", "*objectname", "*objecttype",
    "taggerdate:unix", "taggername", "contents:subject", "contents:body", "contents:signature",
)  # fmt: skip
FORM = "%00".join(f"%({field})" for field in _FIELDS) + "%00"
"""How ``git for-each-ref`` is to print them."""


@dataclass(frozen=True)
class RawTag:
    """A tag as Git holds it, not yet understood."""

    name: str
    annotated: bool
    object: str
    """The tag object, or the commit itself for a lightweight tag."""
    own_name: str
    """The name written inside the tag object."""
    commit: str
    """Empty when the tag does not point straight at a commit."""
    date: datetime | None
    """None when it is beyond the years of a calendar."""
    tagger: str
    subject: str
    body: str
    signed: bool


def parse_raw_tags(printed: str, namespace: str) -> list[RawTag]:
    """Read what ``git for-each-ref`` printed in ``FORM`` of the refs under a namespace."""
    values, size = printed.split("\0"), len(_FIELDS)
    rows = [values[at : at + size] for at in range(0, len(values) - 1, size)]
    return [_raw_tag(row, namespace) for row in rows]


def _raw_tag(row: list[str], namespace: str) -> RawTag:
    ref, kind, own, named, peeled, peeled_kind, unix, tagger, subject, body, signature = row
    annotated = kind == "tag"
    target, target_kind = (peeled, peeled_kind) if annotated else (own, kind)
    return RawTag(
        name=ref.lstrip("\n").removeprefix(namespace),
        annotated=annotated,
        object=own,
        own_name=named,
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
