"""Words of free text are cut by Unicode's rules, in any locale."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tagship.contract.text_tokens import MOST_CHARACTERS, count_terms, learn_terms, split_words

CUT = {
    "Don't buy! GREAT shoes_2": ["don", "buy", "great", "shoes_2"],
    "Straße STRASSE gro\u0308ße GRÖSSE": ["strasse", "strasse", "grösse", "grösse"],
    "İstanbul ISTANBUL \u0131stanbul": ["istanbul", "istanbul", "\u0131stanbul"],
    "हिन्दी में अच्छा": ["हिन्दी", "में", "अच्छा"],
    "很好iPhone用": ["很", "好", "iphone", "用"],
    "❤️😍 \ufb01ne \uff27\uff2f\uff2f\uff24": ["❤", "😍", "fine", "good"],
    "a é !?\x00": [],
    "": [],
}


@pytest.mark.parametrize("text", CUT)
def test_a_text_is_cut_into_words(text: str) -> None:
    assert split_words(text) == CUT[text]


def test_the_image_s_locale_cuts_the_same_words() -> None:
    """A container has no locale: C, and no UTF-8 mode."""
    code = "import json, sys; from tagship.contract.text_tokens import split_words;"
    code += "print(json.dumps([split_words(text) for text in json.loads(sys.argv[1])]))"
    plain = {
        **os.environ,
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps(list(CUT))],
        env=plain,
        capture_output=True,
        check=True,
    )
    assert json.loads(ran.stdout) == list(CUT.values())


def test_terms_are_the_words_and_pairs_of_most_texts() -> None:
    texts = ["a good day", "good good day", "bad day", None, "Bad day!", "the end"]
    assert learn_terms(texts, 10) == ("day", "bad", "bad day", "good", "good day")
    assert learn_terms(texts, 2) == ("day", "bad")
    assert learn_terms(["same thing"] * 9 + ["other"], 10) == ("same", "same thing", "thing")
    assert learn_terms(["same thing"] * 10, 10) == ()
    assert learn_terms(["one", "two", None], 10) == ()


def test_the_best_terms_are_those_of_an_exhaustive_count() -> None:
    """Pairs of rare words are not counted, and none of them is missed."""
    random = np.random.default_rng(3)
    texts = [" ".join(f"w{n}" for n in random.zipf(1.4, 12).clip(0, 60)) for _ in range(300)]
    every = learn_terms(texts, 2000)
    for most in (1, 7, 40, 200):
        assert learn_terms(texts, most) == every[:most]


def test_counts_of_missing_unknown_and_very_long_texts() -> None:
    terms = ("day", "good day")
    long = "good day " * (MOST_CHARACTERS // 9) + "x" * 9 + " good day" * 1000
    made = count_terms(["good good day", None, "", "none known", long], terms)
    assert made.dtype == np.float32
    assert made.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0], [MOST_CHARACTERS // 9] * 2]
