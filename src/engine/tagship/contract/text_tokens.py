"""The words of free text, cut in one way in training and in serving. Standard library and numpy.

No locale decides anything here: letters, case and combining marks are Unicode's own.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MOST_CHARACTERS = 100_000
"""Of a longer text only so many are read."""
_USUAL = 0.9
"""What stands in a larger share of texts tells them not apart."""
_PLAIN = re.compile(r"\w\w+", re.ASCII)
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han stand without spaces: each letter is a word."""
_PICTURES = "\u2600-\u27bf\U0001f000-\U0001faff"
"""Emoji: each is a word."""
_LAST_MARK = 0xFFFF


def split_words(text: str) -> list[str]:
    """The words of a text in their order, in one case, each of two letters or digits at least.

    ``Straße`` and ``STRASSE`` are the same word, and so are ``İstanbul`` and ``istanbul``.
    """
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return _PLAIN.findall(text.lower())
    folded = unicodedata.normalize("NFKC", text.casefold()).replace("i\u0307", "i")
    return _pattern().findall(folded)


def count_terms(texts: Iterable[str | None], terms: tuple[str, ...]) -> NDArray[np.float32]:
    """How often each term stands in each text, shape (texts, terms); a missing text has none.

    A term is a word, or two words that follow each other, with a space between them.
    """
    places = _places(terms)
    rows: list[int] = []
    columns: list[int] = []
    counts: list[int] = []
    length = 0
    for row, text in enumerate(texts):
        length += 1
        words = split_words(text) if text else []
        counted = Counter(map(places.get, (*words, *_pairs(words))))
        for place, count in counted.items():
            if place is not None:
                rows.append(row)
                columns.append(place)
                counts.append(count)
    matrix = np.zeros((length, len(terms)), dtype=np.float32)
    matrix[rows, columns] = counts
    return matrix


def learn_terms(texts: Collection[str | None], most: int) -> tuple[str, ...]:
    """The terms of most texts, the most frequent first and equals by their letters.

    Each stands in two texts at least, and in no more than nine of ten.
    """
    highest = max(2, int(_USUAL * len(texts)))
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(split_words(text or "")))
    best = _rank(counts, highest)[:most]
    # A pair stands in no more texts than either of its words, so it needs two that are frequent.
    least = counts[best[-1]] if len(best) == most else 2
    words = {word for word, count in counts.items() if count >= least}
    pairs: Counter[str] = Counter()
    for text in texts:
        frequent = [word if word in words else "" for word in split_words(text or "")]
        pairs.update({pair for pair in _pairs(frequent) if pair[0] != " " != pair[-1]})
    return tuple(_rank(counts + pairs, highest)[:most])


def _rank(counts: Counter[str], highest: int) -> list[str]:
    ranking = [(-count, term) for term, count in counts.items() if 2 <= count <= highest]
    return [term for _, term in sorted(ranking)]


def _pairs(words: Sequence[str]) -> Iterable[str]:
    return map(" ".join, pairwise(words))


@cache
def _places(terms: tuple[str, ...]) -> dict[str, int]:
    return {term: place for place, term in enumerate(terms)}


@cache
def _pattern() -> re.Pattern[str]:
    """What stands alone, or a word; combining marks belong to the letter before them."""
    points = map(chr, range(0x300, _LAST_MARK + 1))
    marks = "".join(sign for sign in points if unicodedata.category(sign)[0] == "M")
    letter = rf"[^\W{_UNSPACED}]"
    word = f"{letter}(?:{letter}+|[{marks}]+)+"
    return re.compile(f"{word}|[{_UNSPACED}][{marks}]*|[{_PICTURES}]")
