"""Texts as words, whatever their case, their accents and how Unicode composes them."""

import re
import unicodedata


def plain(text: str) -> str:
    """``text`` without case and accents: ``Défaut``, composed or not, is ``defaut``."""
    dotted = text.strip().casefold().replace("\u0131", "i")  # Turkish has an i without a dot
    parts = unicodedata.normalize("NFKD", dotted)
    return "".join(part for part in parts if not unicodedata.combining(part))


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``, which blanks part."""
    return frozenset(text.split())


def plain_words(text: str) -> frozenset[str]:
    """The same, each plain."""
    return frozenset(map(plain, word_set(text)))


def words(name: str) -> list[str]:
    """The words of a column's name: ``customerID`` and ``customer_id`` are customer, id."""
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    return re.findall(r"[^\W_]+", parted.lower())
