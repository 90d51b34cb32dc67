"""Telling free text from codes, names and ids by its words."""

from collections import Counter

import numpy as np
import pandas as pd

from tagship.contract.text_tokens import split_words

_SAMPLE = 1000
_MOST_TERMS = 300
_MOST_COUNTS = 100_000_000
"""Of all rows and terms of one column, so that a few such columns fit into memory."""
_USUAL = 0.9
_WORDS, _SHARED = 2.0, 0.5
"""Free text has so many words on average; as large a share of them stands in other texts, too."""


def count_of_terms(texts: pd.Series) -> int:
    """How many terms of a column to propose as features; 0 where it is no free text.

    What has a digit, or stands in nearly every text, is no word here: codes have such parts.
    """
    present = texts.dropna().drop_duplicates()
    sample = present.iloc[:: max(1, len(present) // _SAMPLE)].head(_SAMPLE)
    texts_as_words = [split_words(text) for text in sample]
    counts = Counter(word for text in texts_as_words for word in set(text))
    telling = {
        word
        for word, count in counts.items()
        if count <= _USUAL * len(texts_as_words) and not any(map(str.isdecimal, word))
    }
    words = [[word for word in text if word in telling] for text in texts_as_words]
    if sum(map(len, words)) < _WORDS * len(sample):
        return 0
    shared = np.mean([np.mean([counts[word] > 1 for word in text]) for text in words if text])
    return min(_MOST_TERMS, max(1, _MOST_COUNTS // len(texts))) if shared >= _SHARED else 0
