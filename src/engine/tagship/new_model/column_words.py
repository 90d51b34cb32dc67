"""What the names and words of a table usually mean."""

import re


def split_words(text: str) -> frozenset[str]:
    """The words of a text that are parted by spaces."""
    return frozenset(text.split())


NULL_WORDS = split_words(
    "? - -- . .. na n/a #n/a n.a. nan #nan -nan null (null) none nil <na> \\n missing unknown"
    " undefined not_available"
) | {"not available", "no data"}
"""Texts, in lower case, that among numbers mean a missing value."""

ALWAYS_NULL = frozenset({"?", "#n/a", "<na>", "(null)", "\\n", "n/a", "n.a."})
"""Those that mean it in any column."""

_POSITIVE = split_words(
    "yes y true t positive pos churn churned fraud fraudulent default malignant sick disease"
    " spam success bought died failure failed won accepted approved left"
)
_NEGATIVE = split_words(
    "no n false f negative neg none benign healthy normal ham stayed retained legit ok"
)
_SENSITIVE = split_words(
    "gender sex race ethnicity ethnic religion nationality disability disabled orientation"
)
_PERSONAL = split_words(
    "email mail phone telephone mobile fax ssn passport iban address street surname firstname"
    " lastname fullname username dob birthdate birthday birth-date social-security credit-card"
    " card-number account-number first-name last-name full-name middle-name given-name"
    " family-name maiden-name user-name customer-name client-name patient-name employee-name"
    " person-name contact-name"
)
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


def words(name: str) -> list[str]:
    """The words of a column's name: ``customerID`` and ``customer_id`` are customer, id."""
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    return re.findall(r"[^\W_]+", parted.lower())


def names_a_row(name: str) -> bool:
    """Whether a column's name says that it names rows."""
    return bool({"id", "uuid", "guid", "identifier", "index", "rowid", "key"} & set(words(name)))


def tells_time(name: str) -> bool:
    """Whether a column's name says that it holds dates or times."""
    told = split_words(
        "date time datetime timestamp ts day created updated at epoch when on dt ymd"
    )
    return bool(told & set(words(name)))


def is_sensitive(name: str) -> bool:
    """Whether a column's name says that it groups people in a way that fairness is about."""
    return bool(_SENSITIVE & set(words(name)))


def is_personal(name: str, examples: list[str]) -> bool:
    """Whether a column's name, or most of its values, look like personal data."""
    parts = set(words(name))
    if parts == {"name"} or any(set(hint.split("-")) <= parts for hint in _PERSONAL):
        return True
    return bool(examples) and sum(bool(_EMAIL.match(e)) for e in examples) * 2 > len(examples)


def positive_label(labels: dict[str, int]) -> tuple[str, str]:
    """Which of two labels is the positive one, and why; ``labels`` counts each."""
    known = [label for label in labels if label.lower() in _POSITIVE]
    if len(known) == 1:
        return known[0], "the word says so"
    others = [label for label in labels if label.lower() not in _NEGATIVE]
    if len(others) == 1:
        return others[0], "the other label is a negative word"
    numbers = {_number(label): label for label in labels}
    if set(numbers) in ({0.0, 1.0}, {-1.0, 1.0}):
        return numbers[1.0], "1 is positive by custom"
    rarer = min(labels, key=lambda label: (labels[label], label))
    return rarer, "the rarer label"


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None
