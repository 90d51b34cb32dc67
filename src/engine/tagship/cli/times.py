"""Times as people type them: how long ago, or when."""

from datetime import UTC, datetime

from tagship.errors import TagshipError


def parse_time(text: str | None, option: str) -> datetime | None:
    """``24h`` or ``7d`` ago, or an ISO 8601 time, which is UTC unless it says otherwise.

    Raises:
        TagshipError: it is neither.
    """
    import re

    from tagship.config.base_model import parse_duration

    if text is None:
        return None
    if re.fullmatch("[1-9][0-9]{0,4}[mhd]", text):
        return datetime.now(UTC) - parse_duration(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise TagshipError(
            f"{option}: '{text}' is no time", "write 24h, 7d, 2026-11-21 or 2026-11-21T10:00:00Z"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
