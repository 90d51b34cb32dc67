"""A form made from the contract: what it asks for, the record it makes, the answer it shows."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tagship.config.contract import DataConfig
from tagship.contract.example import example_record
from tagship.errors import TagshipError

_SECONDS = 10
_LONGEST_ANSWER = 200_000


@dataclass(frozen=True)
class FormField:
    """One column of the request."""

    name: str
    dtype: str
    rule: str
    """What the contract allows, in words."""
    choices: Sequence[str]
    """All values of a category or truth value; empty for what is typed."""
    value: str
    """What is filled in."""
    optional: bool


@dataclass(frozen=True)
class ServiceAnswer:
    """What a service said of a record."""

    status: int
    content: Any
    """Its JSON, or its text."""


class NoService(Exception):
    """Nothing answers, or it serves another model; says which and what to do."""


def form_fields(data: DataConfig, typed: Mapping[str, str] | None = None) -> list[FormField]:
    """The fields, filled with an example that the contract allows, or with what was typed."""
    fields, examples = [], example_record(data.request)
    for name, column in data.request.items():
        example = examples[name]
        example_text = str(example).lower() if isinstance(example, bool) else str(example)
        choices = [str(value) for value in column.values or ()]
        if column.dtype == "bool":
            choices = ["true", "false"]
        limits = [
            f"{sign} {limit:g}"
            for sign, limit in (("≥", column.min), ("≤", column.max))
            if limit is not None
        ]
        rule = ", ".join([column.dtype, *limits])
        value = example_text if typed is None else typed.get(name, "")
        fields.append(FormField(name, column.dtype, rule, choices, value, column.missing > 0))
    return fields


def make_record(data: DataConfig, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, in the contract's JSON types; what has none stays text, for the service to
    refuse. Nothing typed is null."""
    record: dict[str, Any] = {}
    for name, column in data.request.items():
        text = typed.get(name, "")
        values = {str(value): value for value in column.values or ()}
        record[name] = (
            None if not text.strip()
            else values.get(text, text) if column.dtype == "category"
            else _read(text) if column.dtype in ("float", "int", "bool")
            else text
        )  # fmt: skip
    return record


def check_service(service: str) -> None:
    """Refuse what is no address of a service.

    Raises:
        TagshipError: it is none.
    """
    parts = urlsplit(service)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise TagshipError(
            f"--service {service}: no address of a service", "such as http://127.0.0.1:3000"
        )


def ask_service(service: str, model: str, record: Mapping[str, Any]) -> ServiceAnswer:
    """A service's answer to one record.

    Args:
        service: its address, such as ``http://127.0.0.1:3000``.

    Raises:
        NoService: it does not answer, or serves another model.
    """
    try:
        serves = _ask(f"{service}/info").content
        runs = serves.get("model") if isinstance(serves, dict) else None
        if runs != model:
            raise NoService(
                f"{service} serves {runs or 'something else'}, not {model}:"
                f" `tagship serve {model} --port …` starts another, and --service names it"
            )
        return _ask(f"{service}/predict", record)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise NoService(
            f"no service answers at {service} ({reason}): `tagship serve {model}` starts it"
        ) from None


def _ask(url: str, record: Mapping[str, Any] | None = None) -> ServiceAnswer:
    body = None if record is None else json.dumps(record).encode()
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, head)  # noqa: S310  the scheme was checked
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            status, text = answer.status, answer.read(_LONGEST_ANSWER)
    except urllib.error.HTTPError as refusal:
        status, text = refusal.code, refusal.read(_LONGEST_ANSWER)
    try:
        return ServiceAnswer(status, json.loads(text))
    except ValueError:
        return ServiceAnswer(status, text.decode(errors="replace"))


def _read(text: str) -> Any:
    try:
        value = json.loads(text.strip())
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
