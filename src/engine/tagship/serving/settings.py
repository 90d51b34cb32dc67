"""How a service behaves, from ``TAGSHIP_…`` environment variables; every one has a safe default."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tagship.errors import TagshipError

PREFIX = "TAGSHIP_"
Positive = Annotated[int, Field(gt=0)]


class Settings(BaseModel):
    """One field a variable: ``max_rows`` is ``TAGSHIP_MAX_ROWS``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    threads: int = Field(0, ge=0)
    """Threads of one prediction; 0 is the container's CPU limit."""
    batch_rows: int = Field(0, ge=0)
    """Adaptive batching for slow models: up to so many waiting rows are predicted at once; 0 is
    off. It helps when one prediction takes over a millisecond, and costs time below that."""
    max_body_bytes: Positive = 10 * 1024 * 1024
    """A larger body is refused with 413."""
    max_rows: Positive = 10_000
    """More records in one request are refused with 413."""
    max_concurrency: Positive = 512
    """Requests that one worker has begun. For one more, a request that waits for its client gives
    way, of the address that has most; where none waits, it is refused with 503, ``Retry-After``."""
    max_bytes_in_flight: Positive = 64 * 1024 * 1024
    """Bytes of bodies and answers that one worker holds over all requests; the same gives way for
    more. A worker's memory is bounded by about four times as much, and what the model takes."""
    request_timeout: float = Field(30, gt=0)
    """Seconds for a body to arrive (408), for an answer to be made (503), and for the client to
    take it, who is cut off."""
    drain_seconds: float = Field(2, ge=0)
    """After SIGTERM, how long kept connections are still answered, each for the last time."""
    api_keys: tuple[str, ...] = Field((), repr=False)
    """Bearer keys, separated by commas; with none, requests need no key."""
    api_keys_file: Path | None = None
    """The same, one a line; for a mounted secret."""
    rate_limit: float = Field(0, ge=0)
    """Requests a second for each key and worker, in bursts of up to as many; 0 is off."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call, separated by commas; none by default."""
    log_dir: Path | None = None
    """Folder of the prediction log; without one there is none."""
    log_sample: float = Field(1, ge=0, le=1)
    """The share of requests that is logged."""
    log_file_bytes: Positive = 64 * 1024 * 1024
    """A log file that grew larger is closed, and the next one begun."""
    log_files: Positive = 8
    """So many files of a kind are kept; the oldest goes first."""
    log_queue_bytes: Positive = 32 * 1024 * 1024
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
        """Read the variables; an empty one counts as not set.

        Raises:
            TagshipError: a value cannot be used; it names the variable, never a key's value.
        """
        given = {
            name: environment[PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(PREFIX + name.upper())
        }
        split = {
            name: tuple(part.strip() for part in value.split(",") if part.strip())
            for name, value in given.items()
            if name in ("api_keys", "cors_origins")
        }
        try:
            found = cls.model_validate(given | split)
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0])
            value = "" if name == "api_keys" else f" is {given[name]!r}"
            raise TagshipError(
                f"{PREFIX}{name.upper()}{value}: {problem['msg']}",
                "the documentation's page `reference/serving` lists the settings",
            ) from None
        found._check_bytes()
        return found._with_keys()

    def _check_bytes(self) -> None:
        if self.max_bytes_in_flight < self.max_body_bytes:
            raise TagshipError(
                f"{PREFIX}MAX_BYTES_IN_FLIGHT is {self.max_bytes_in_flight}, less than one body of"
                f" {PREFIX}MAX_BODY_BYTES, {self.max_body_bytes}",
                "raise the first, or lower the second",
            )

    def _with_keys(self) -> Self:
        keys = self.api_keys
        if self.api_keys_file is not None:
            try:
                lines = self.api_keys_file.read_text(encoding="utf-8").split("\n")
            except (OSError, ValueError) as error:
                raise TagshipError(
                    f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} cannot be read: {error}",
                    "mount the secret, or unset the variable to serve without keys",
                ) from None
            keys += tuple(line.strip() for line in lines if line.strip())
            if not keys:
                raise TagshipError(
                    f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} holds no key",
                    "write one key a line",
                )
        if self.rate_limit and not keys:
            raise TagshipError(
                f"{PREFIX}RATE_LIMIT is set, but there are no keys to count by",
                f"set {PREFIX}API_KEYS, or limit in the proxy in front",
            )
        return self.model_copy(update={"api_keys": keys})
