"""The one error type for what a user can cause and mend."""


class TagshipError(Exception):
    """A refusal: printed without a traceback, exit code 1.

    Its message names the file, the key and the value; ``hint`` says the way out.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def within(self, place: object) -> "TagshipError":
        """The same refusal, its message preceded by the file or key it is about."""
        return TagshipError(f"{place}: {self.args[0]}", self.hint)

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  → {self.hint}" if self.hint else message
