"""The one error type for what a user can cause and mend, and suggestions for misspelt names."""

import difflib
from collections.abc import Iterable


class TagshipError(Exception):
    """A refusal: printed without a traceback, exit code 1.

    Its message names the file, the key and the value; ``hint`` says the way out. ``quotes`` is the
    part of the message that stands in a data file.
    """

    def __init__(self, message: str, hint: str = "", quotes: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.quotes = quotes

    def __reduce__(self) -> tuple[type["TagshipError"], tuple[str, str, str]]:
        """What another process makes it from: a subclass's own parts stay where it was raised."""
        return TagshipError, (self.args[0], self.hint, self.quotes)

    def within(self, place: object) -> "TagshipError":
        """The same refusal, its message preceded by the file or key it is about."""
        return TagshipError(f"{place}: {self.args[0]}", self.hint, self.quotes)

    def without_data(self) -> "TagshipError":
        """The same refusal without what it quotes: others may not see the files of this machine."""
        if not self.quotes:
            return self
        return TagshipError(self.args[0].replace(self.quotes, "…"), self.hint)

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  → {self.hint}" if self.hint else message


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that a misspelt one is nearest to; empty when none is near.

    ``cutoff``, from 0 to 1, is how alike two names must be, by ``difflib``'s ratio. Case and
    surrounding blanks do not count, and ``_`` is as good as ``-``.
    """
    folded = {_fold(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else ""


def suggest(name: str, known: Iterable[str], otherwise: str = "one of") -> str:
    """The way out of a misspelt name: the nearest known one, or a list of all that are known."""
    names = list(known)
    if near := nearest(name, names):
        return f"did you mean '{near}'?"
    listed = ", ".join(names[:_MOST]) + (", …" if len(names) > _MOST else "")
    return f"{otherwise}: {listed}" if names else ""


_MOST = 20
"""How many names a message lists."""


def _fold(name: str) -> str:
    return name.strip().casefold().replace("_", "-")
