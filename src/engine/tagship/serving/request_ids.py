"""Ids of requests, which are also the proof that a prediction was made here.

An id is 48 hexadecimal digits: 104 random bits, the number of rows that were answered (24 bits),
and a keyed BLAKE2s of both (64 bits; RFC 7693). Whoever cannot make the last part cannot give
feedback on a prediction that was not made, or not yet.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tagship.serving.artifact_record import deployed_record
from tagship.serving.settings import Settings

_RANDOM, _ROWS, _PROOF = 13, 3, 8
_LENGTH = 2 * (_RANDOM + _ROWS + _PROOF)
_FILE = ".ids-key"


class Ids:
    """Makes ids, and knows its own."""

    def __init__(self, keys: list[bytes]) -> None:
        """The first key makes ids; each of them proves one."""
        self._keys = [hashlib.blake2s(key, person=b"tagship").digest() for key in keys]

    def new(self, rows: int) -> str:
        """The id of a request that was answered with this many rows."""
        start = secrets.token_bytes(_RANDOM) + rows.to_bytes(_ROWS, "big")
        return (start + _proof(self._keys[0], start)).hex()

    def refused(self) -> str:
        """The id of a request without an answer."""
        return self.new(0)

    def rows(self, request_id: str) -> int:
        """How many rows were answered under an id; 0 where no row was, or the id is not ours."""
        try:
            identifier = bytes.fromhex(request_id)
        except ValueError:
            return 0
        if identifier.hex() != request_id:  # with capitals or blanks it is not in the log
            return 0
        start, proof = identifier[:-_PROOF], identifier[-_PROOF:]
        proven = any(hmac.compare_digest(proof, _proof(key, start)) for key in self._keys)
        if len(request_id) != _LENGTH or not proven:
            return 0
        return int.from_bytes(start[_RANDOM:], "big")


def id_keys(settings: Settings, record: Mapping[str, str]) -> list[bytes]:
    """The service's keys where it has some: all replicas of a model know each other's ids.

    Otherwise a secret that is made once in the log's folder, without which there is no feedback. A
    deployment has a folder for each replica: without keys it takes what its record says, which is
    no secret. Then an id guards against mistakes, not against lies.

    Raises:
        OSError: that folder cannot be used.
    """
    if settings.api_keys:
        model = record.get("model", "")
        return [f"{model}\0{key}".encode() for key in settings.api_keys]
    if settings.log_dir is None:
        return [secrets.token_bytes(32)]
    if deployed_record():
        return [record.get("model_sha256", "").encode()]
    return [_kept_secret(settings.log_dir / _FILE)]


def _kept_secret(path: Path) -> bytes:
    """The secret in the file, which is written whole by whichever process comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{_FILE}-{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()


def _proof(key: bytes, start: bytes) -> bytes:
    return hashlib.blake2s(start, key=key, digest_size=_PROOF).digest()
