"""From the body of feedback to labels, read as strictly as predictions: whatever was acknowledged
can be used later."""

from collections.abc import Callable

import msgspec

from tagship.contract.boundary import Boundary
from tagship.contract.json_records import InvalidRecords
from tagship.contract.values import FLOAT32_MAX, Problem, cell_text
from tagship.serving.request_reader import NotJson, TooManyRows, load_json


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """What really happened, for one row of an earlier request."""

    request_id: str
    actual: bool | str | int | float
    row: int | msgspec.UnsetType = msgspec.UNSET
    """The first, where it is left out."""

    @property
    def place(self) -> int:
        """The row's index; 0 where it is left out."""
        return 0 if self.row is msgspec.UNSET else self.row


class UnknownPrediction(InvalidRecords):
    """A label of a prediction that was not made here."""


class LabelReader:
    """The contract's target as a decoder, made once."""

    def __init__(self, boundary: Boundary, most: int, rows: Callable[[str], int]) -> None:
        """``most`` labels a request; ``rows`` says how many rows were answered under an id."""
        self._classes, self._most, self._rows = boundary.classes, most, rows
        self._decode = msgspec.json.Decoder(list[Label] | Label).decode

    def read(self, body: bytes) -> list[Label]:
        """Read JSON: a label, or an array of labels.

        Raises:
            NotJson: it is not JSON, or a key stands twice.
            TooManyRows: there are too many labels.
            UnknownPrediction: this service gave an id to no answer.
            InvalidRecords: no label, or one that cannot be used.
        """
        try:
            document = self._decode(body)
        except msgspec.ValidationError as error:
            raise InvalidRecords([Problem(0, "", f"not feedback: {error}")]) from None
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise NotJson(f"the body is not JSON: {error}") from None
        labels = document if isinstance(document, list) else [document]
        if not labels:
            raise InvalidRecords([Problem(0, "", "there are no labels")])
        if len(labels) > self._most:
            raise TooManyRows(f"at most {self._most} labels a request")
        if body.count(b":") != sum(2 + (label.row is not msgspec.UNSET) for label in labels):
            load_json(body, "the body is not JSON")  # a key twice, or text with a colon
        answered = {name: self._rows(name) for name in {label.request_id for label in labels}}
        for at, label in enumerate(labels):
            self._check(at, label, answered[label.request_id])
        return labels

    def _check(self, at: int, label: Label, rows: int) -> None:
        if not rows:
            problem = "is none that this service gave to an answer"
            raise UnknownPrediction([Problem(at, "request_id", problem)])
        field, problem = "actual", ""
        if not 0 <= label.place < rows:
            field, problem = "row", f"is not a row of that request, which has {rows}"
        elif self._classes:
            if cell_text(label.actual) not in self._classes:
                problem = f"must be one of {', '.join(self._classes)}"
        elif isinstance(label.actual, str | bool):
            problem = "must be a number"
        elif not abs(label.actual) <= FLOAT32_MAX:
            problem = f"must be between {-FLOAT32_MAX:g} and {FLOAT32_MAX:g}"
        if problem:
            raise InvalidRecords([Problem(at, field, problem)])
