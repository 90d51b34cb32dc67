"""Who may ask, and how often: bearer keys and a rate for each."""

import hashlib
import hmac
import time

from tagship.serving.settings import Settings

_BEARER = b"bearer "


class Access:
    """Compares keys in constant time; each key has a token bucket."""

    def __init__(self, settings: Settings) -> None:
        self._keys = [hashlib.sha256(key.encode()).digest() for key in settings.api_keys]
        self._rate = settings.rate_limit
        self._buckets = [(max(self._rate, 1.0), time.monotonic()) for _ in self._keys]

    @property
    def needs_key(self) -> bool:
        """Whether requests must carry a key."""
        return bool(self._keys)

    def key_of(self, authorization: bytes) -> int | None:
        """Which key an ``Authorization`` header carries; None when it is none of them."""
        if authorization[: len(_BEARER)].lower() != _BEARER:
            return None
        digest = hashlib.sha256(authorization[len(_BEARER) :].strip()).digest()
        matching_key = None
        for number, key in enumerate(
            self._keys
        ):  # compares all keys: how long it takes reveals nothing
            if hmac.compare_digest(digest, key):
                matching_key = number
        return matching_key

    def seconds_to_wait(self, key: int) -> float:
        """Take one token and give 0, or give the seconds until there is one."""
        if not self._rate:
            return 0
        tokens, before = self._buckets[key]
        now = time.monotonic()
        tokens = min(max(self._rate, 1.0), tokens + (now - before) * self._rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return (1 - tokens) / self._rate
        self._buckets[key] = (tokens - 1, now)
        return 0
