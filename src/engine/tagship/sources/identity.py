"""What exactly was read of a source that changes: the lock names it, and it is read again by it."""

from collections.abc import Mapping

from tagship.errors import TagshipError

Identity = dict[str, str]
"""Short words for what was read, such as offsets or a version: the same from the same rows, and
empty where the data hash says it all. No password, key or time of reading is in it."""


_FILE_WORDS = ("version", "etag", "dvc")


def hold_file(source: str, words: Identity, expected: Identity | None) -> Identity:
    """Which of the ``words`` for a file's version are its identity: the first, or a lock's.

    A lock from before files had such words demands nothing.

    Raises:
        TagshipError: it is no longer the version that the lock names.
    """
    if expected is None:
        return dict(list(words.items())[:1])
    locked = {key: expected[key] for key in _FILE_WORDS if key in expected}
    now = {key: words[key] for key in locked if key in words}
    check_identity(source, locked, now)
    return now


def check_identity(source: str, expected: Identity | None, now: Mapping[str, str]) -> None:
    """Refuse a source that is no longer what a lock names.

    Raises:
        TagshipError: names what changed.
    """
    if expected is None:
        return
    changed = [
        f"{key} {expected.get(key, 'nothing')} → {now.get(key, 'nothing')}"
        for key in sorted(expected.keys() | now.keys())
        if expected.get(key) != now.get(key)
    ]
    if changed:
        raise TagshipError(
            f"source: {source}: it changed since the lock: {'; '.join(changed)}",
            "restore what the lock names, or train again and commit the new lock",
        )
