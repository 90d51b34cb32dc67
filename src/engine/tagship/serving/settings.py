"""How a service behaves, from ``TAGSHIP_…`` environment variables; every one has a safe default.

What is set and cannot be used stops the start: a service that is misunderstood would be open, or
keep no log, and nobody would know.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tagship.errors import TagshipError, nearest

PREFIX = "TAGSHIP_"
OTHERS = frozenset({
    "AIRFLOW", "API_KEY", "ATTEST", "CRDS", "KAFKA_CONFIG", "PII_KEY", "PROJECT", "RECORD",
    "REGISTRY_CHECK", "REGISTRY_TOKEN", "REGISTRY_USER", "REQUIRE_TOOLS", "TOKEN", "WARM",
})  # fmt: skip
"""Variables of other commands, which a service leaves alone."""
_SERVICE_LINK = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP).*)?)")
"""What Kubernetes sets for each Service of the namespace."""
_KEY = re.compile(r"[!-+\--~]{1,4096}")
"""What a bearer key may hold: printable ASCII without blanks and commas, no longer than a head."""
_UNFILLED = re.compile(r"\$\w+|\$\{.*\}|\$\(.*\)")
"""A shell's, compose's or Kubernetes' variable that nobody put a value in."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(\[(?P<v6>.+)\]|{_LABEL}(\.{_LABEL})*)(:(?P<port>[1-9]\d{{0,4}}))?"
)
_PORTS = {"http": "80", "https": "443"}
"""Those that a browser leaves out."""
_KEYS_BYTES = 1024 * 1024
_LEAST = 1e-6
"""With a smaller rate or share nothing would ever be answered, or logged."""
_SENT = PREFIX + "API_KEY"
"""The smoke test's variable; it is one letter away from a setting."""
_MB = 1024 * 1024
_OPENING = ("api_keys", "api_keys_file", "require_keys")
"""Settings that leave a service open when they are empty: empty, they are a mistake."""


class Settings(BaseModel):
    """One field a variable: ``max_rows`` is ``TAGSHIP_MAX_ROWS``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    threads: int = Field(0, ge=0, le=1024)
    """Threads of one prediction; 0 is the container's CPU limit."""
    max_body_bytes: int = Field(10 * _MB, ge=100, le=1024 * _MB)
    """A larger body is refused with 413."""
    max_rows: int = Field(10_000, ge=1, le=10_000_000)
    """More records in one request are refused with 413."""
    max_concurrency: int = Field(512, ge=1, le=100_000)
    """Requests that one worker has begun. For one more, a request that waits for its client gives
    way, of the address that has most; where none waits, it is refused with 503, ``Retry-After``."""
    max_bytes_in_flight: int = Field(64 * _MB, ge=100, le=1024 * 1024 * _MB)
    """Bytes of bodies and answers that one worker holds over all requests; the same gives way for
    more. A worker's memory is bounded by about four times as much, and what the model takes."""
    request_timeout: float = Field(30, ge=0.01, le=3600, allow_inf_nan=False)
    """Seconds for a body to arrive (408), for an answer to be made (503), and for the client to
    take it, who is cut off."""
    drain_seconds: float = Field(2, ge=0, le=3600, allow_inf_nan=False)
    """After SIGTERM, how long kept connections are still answered, each for the last time."""
    api_keys: tuple[str, ...] = Field((), repr=False)
    """Bearer keys, separated by commas; with none, requests need no key."""
    api_keys_file: Path | None = None
    """The same, one a line; for a mounted secret."""
    require_keys: bool = False
    """Do not start without keys."""
    rate_limit: float = Field(0, ge=0, le=1_000_000, allow_inf_nan=False)
    """Requests a second for each key and worker, in bursts of up to as many; 0 is off."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call, separated by commas; none by default."""
    log_dir: Path | None = None
    """Folder of the prediction log, from ``/`` on; without one there is none."""
    log_sample: float = Field(1, ge=0, le=1, allow_inf_nan=False)
    """The share of requests that is logged."""
    log_file_bytes: int = Field(64 * _MB, ge=1000, le=1024 * 1024 * _MB)
    """A log file that grew larger is closed, and the next one begun."""
    log_files: int = Field(8, ge=1, le=100_000)
    """Times ``TAGSHIP_LOG_FILE_BYTES`` is what all files of a kind may hold together; the oldest
    goes first, and its lines are counted."""
    log_queue_bytes: int = Field(32 * _MB, ge=1000, le=64 * 1024 * _MB)
    """Memory for what waits to be written; what is more is dropped, and counted."""
    access_log: bool = False
    """BentoML's line a request."""
    tracing: bool = False
    """OpenTelemetry spans of each request, sent by OTLP over HTTP to where OpenTelemetry's own
    ``OTEL_EXPORTER_OTLP_…`` variables say."""
    gc_freeze: bool = True
    """Keep the garbage collector from walking what was loaded at start."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; an empty one counts as not set, unless that would open the service.

        Raises:
            TagshipError: a value cannot be used, or no setting has that name; it names the
                variable, never a key's value.
        """
        _check_names(environment, cls.model_fields)
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            text = environment.get(PREFIX + name.upper())
            if name in _OPENING and text is not None and not text.strip(" ,"):
                raise TagshipError(
                    f"{PREFIX}{name.upper()} is set, but holds nothing",
                    "unset it to serve without keys, or give it a value",
                )
            if text:
                values[name] = text
        for name in ("api_keys", "cors_origins"):
            if name in values:
                values[name] = tuple(part.strip() for part in values[name].split(","))
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0])
            value = "" if name == "api_keys" else f" is {values[name]!r}"
            raise TagshipError(f"{PREFIX}{name.upper()}{value}: {problem['msg']}", _PAGE) from None
        settings._check_origins()
        settings._check_bytes()
        settings._check_folder()
        settings = settings._with_keys()
        if not settings.api_keys and environment.get(_SENT):
            raise TagshipError(
                f"{_SENT} is what a client sends; a service with it alone takes everybody",
                f"did you mean {PREFIX}API_KEYS? Else unset it",
            )
        return settings

    def check_record(self, size: int) -> None:
        """Refuse bounds below one record of the model, which has this many bytes as JSON.

        Raises:
            TagshipError: every request would be refused, or none be logged.
        """
        least = {"max_body_bytes": size, "max_bytes_in_flight": 2 * size}
        if self.log_dir is not None:
            least["log_queue_bytes"] = 4 * size
        for name, needed in least.items():
            if getattr(self, name) < needed:
                raise TagshipError(
                    f"{PREFIX}{name.upper()} is {getattr(self, name)}: too little for one record of"
                    f" this model, which takes {size} bytes",
                    f"{needed} is the least",
                )

    def _check_origins(self) -> None:
        for origin in self.cors_origins:
            if not (origin == "*" or _is_origin(origin)):
                raise TagshipError(
                    f"{PREFIX}CORS_ORIGINS: {origin!r} is no origin as a browser spells it",
                    "such as https://shop.example: small letters, no path, no usual port",
                )
        if "*" in self.cors_origins and len(self.cors_origins) > 1:
            raise TagshipError(
                f"{PREFIX}CORS_ORIGINS: with *, the others say nothing",
                "leave out one or the other",
            )

    def _check_folder(self) -> None:
        text = str(self.log_dir or "/")
        if not self.log_dir or (self.log_dir.is_absolute() and text == text.strip()):
            return
        raise TagshipError(
            f"{PREFIX}LOG_DIR is {text!r}: not a path from / on",
            "nothing is put in for ~ and $ here, and URLs are not written to",
        )

    def _check_bytes(self) -> None:
        if self.max_bytes_in_flight < self.max_body_bytes:
            raise TagshipError(
                f"{PREFIX}MAX_BYTES_IN_FLIGHT is {self.max_bytes_in_flight}, less than one body of"
                f" {PREFIX}MAX_BODY_BYTES, {self.max_body_bytes}",
                "raise the first, or lower the second",
            )

    def _with_keys(self) -> Self:
        keys = self.api_keys
        _check_keys(f"{PREFIX}API_KEYS", keys)
        if self.api_keys_file is not None:
            try:
                lines = _read_small(self.api_keys_file).split("\n")
            except (OSError, ValueError) as error:
                raise TagshipError(
                    f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} cannot be read: {error}",
                    "mount the secret, or unset the variable to serve without keys",
                ) from None
            file_keys = tuple(line.strip() for line in lines if line.strip())
            if not file_keys:
                raise TagshipError(
                    f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} holds no key",
                    "write one key a line",
                )
            _check_keys(f"{PREFIX}API_KEYS_FILE: {self.api_keys_file}", file_keys)
            keys += file_keys
        if self.require_keys and not keys:
            raise TagshipError(
                f"{PREFIX}REQUIRE_KEYS is set, but there are no keys",
                f"set {PREFIX}API_KEYS, or mount a secret and set {PREFIX}API_KEYS_FILE",
            )
        for name in ("rate_limit", "log_sample"):
            if 0 < getattr(self, name) < _LEAST:
                raise TagshipError(
                    f"{PREFIX}{name.upper()} is {getattr(self, name):g}, as good as nothing",
                    f"{_LEAST:f} is the least; 0 is off",
                )
        if self.rate_limit and not keys:
            raise TagshipError(
                f"{PREFIX}RATE_LIMIT is set, but there are no keys to count by",
                f"set {PREFIX}API_KEYS, or limit in the proxy in front",
            )
        return self.model_copy(update={"api_keys": keys})


_ALIKE = 0.9
"""How similar to a setting a name without the prefix must be to count as misspelt (0 to 1)."""
_PAGE = "the documentation's page `reference/serving` lists the settings"


def _check_names(environment: Mapping[str, str], fields: Mapping[str, Any]) -> None:
    """Refuse a variable that is no setting: misspelt, it would be left out in silence."""
    variables = {PREFIX + name.upper() for name in fields} | {PREFIX + name for name in OTHERS}
    prefix = PREFIX.rstrip("_")
    for name in sorted(environment.keys() - variables):
        begins = re.sub(r"[^A-Z]", "", name.upper()).startswith(prefix)
        if _SERVICE_LINK.fullmatch(name) or not (begins or nearest(name, variables, _ALIKE)):
            continue
        near = nearest(name, variables)
        hint = f"did you mean {near}?" if near else _PAGE
        raise TagshipError(f"{name}: there is no such setting", hint)


def _is_origin(text: str) -> bool:
    """Whether a browser would send the origin in this form; another form would never match."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return False
    port = match["port"] or "1"
    try:
        usual = match["v6"] is None or str(IPv6Address(match["v6"])) == match["v6"]
    except ValueError:
        return False
    return usual and int(port) < 65536 and port != _PORTS[match["scheme"]]


def _read_small(path: Path) -> str:
    """A text file; a pipe or device would never end.

    Raises:
        OSError, ValueError: it cannot be read, is no regular file, or is too large.
    """
    if not path.is_file() and path.exists():
        raise ValueError("not a regular file")
    if path.stat().st_size > _KEYS_BYTES:
        raise ValueError(f"larger than {_KEYS_BYTES} bytes")
    return path.read_text(encoding="utf-8-sig")


def _check_keys(where: str, keys: tuple[str, ...]) -> None:
    for number, key in enumerate(keys, 1):
        if key.startswith("#"):
            problem = "begins with #: a comment is no key"
        elif not key:
            problem = "is empty"
        elif _UNFILLED.fullmatch(key):
            problem = "is a variable that nobody put a value in"
        elif not _KEY.fullmatch(key):
            problem = "holds what no header can carry: keys are printable ASCII without blanks"
        else:
            continue
        raise TagshipError(f"{where}: key {number} {problem}", "write the keys alone")
