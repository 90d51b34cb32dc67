"""Which refs Argo CD follows, given ``tagPrefix: <model>/<environment>/`` and ``*``. Pure.

It follows the highest tag that Masterminds/semver (v3, ``NewVersion``) reads as a version, which is
looser than this project's own numbers. Seen on Argo CD 3.5.1: ``v99`` is 99, ``latest`` is ignored,
and one tag such as ``1-01`` makes it resolve nothing at all.
"""

import re

LARGEST = 2**64 - 1
"""The largest number of a version; with a larger one it resolves nothing at all."""
_VERSION = re.compile(
    r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)

Version = tuple[int, int, int]


class Unresolvable(Exception):
    """A tag because of which Argo CD resolves no tag below the same prefix."""


def followed_version(name: str) -> Version | None:
    """The version that Argo CD reads from a tag's name below the prefix; None if it ignores it.

    Raises:
        Unresolvable: Argo CD stops at this tag, whatever others there are.
    """
    match = _VERSION.fullmatch(name)
    if not match:
        return None
    digits = [(number or "").lstrip("0") or "0" for number in match.group(1, 2, 3)]
    if any(len(number) > 20 or int(number) > LARGEST for number in digits):
        raise Unresolvable
    prerelease = (match[4] or "").split(".")
    if any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in prerelease):
        raise Unresolvable
    if match[4]:
        return None
    major, minor, patch = (int(number) for number in digits)
    return major, minor, patch


def version_of_number(number: int) -> Version:
    """The version that Argo CD reads from this project's own deployment of a number."""
    return number, 0, 0
