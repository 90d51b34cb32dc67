"""The one error type for what a user can cause and mend."""


class TagshipError(Exception):
    """A refusal: printed without a traceback, exit code 1.

    Its message names the file, the key and the value; ``hint`` says the way out. ``quotes`` is the
    part of the message that stands in a data file.
    """

    def __init__(self, message: str, hint: str = "", quotes: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.quotes = quotes

    def within(self, place: object) -> "TagshipError":
        """The same refusal, its message preceded by the file or key it is about."""
        return TagshipError(f"{place}: {self.args[0]}", self.hint, self.quotes)

    def without_data(self) -> "TagshipError":
        """The same refusal for others' eyes, where the file may be any file of this machine."""
        if not self.quotes:
            return self
        return TagshipError(self.args[0].replace(self.quotes, "…"), self.hint)

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  → {self.hint}" if self.hint else message
