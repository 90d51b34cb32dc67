"""From a request's body to its answer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec

from tagship.contract.finite_values import all_finite, score_problems
from tagship.contract.json_records import InvalidRecords
from tagship.serving.access import Access
from tagship.serving.feedback import LabelReader, UnknownPrediction
from tagship.serving.metrics import Metrics
from tagship.serving.prediction_log import PredictionLog
from tagship.serving.predictor import Matrix, Predictor, Scores
from tagship.serving.request_ids import Ids, id_keys
from tagship.serving.request_reader import NotJson, Reader, Request, TooManyRows
from tagship.serving.settings import Settings

_LOGGER = logging.getLogger("bentoml.tagship")
T = TypeVar("T")
_encode = msgspec.json.encode
_FAST_BYTES = 256 * 1024
"""A larger body is read in the thread: msgspec takes a millisecond or two for that."""
_EXACT_BYTES = 4 * 1024
"""The same for the exact decoder."""


class Refused(Exception):
    """A request that gets no prediction: its status, its reason in the metrics, its body."""

    def __init__(
        self, status: int, reason: str, error: str, fields: Any = None, retry_after: float = 0
    ) -> None:
        super().__init__(error)
        self.status, self.reason, self.retry_after = status, reason, retry_after
        self.body: dict[str, Any] = {"error": error} | ({"fields": fields} if fields else {})


class Answering:
    """A predictor with reading, access, metrics and log around it."""

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self.predictor, self.settings, self.record = predictor, settings, predictor.record
        self.metrics = Metrics(predictor.boundary, predictor.record)
        self.ids = Ids(id_keys(settings, predictor.record))
        self._reader = Reader(predictor.boundary, settings.max_rows)
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="reading")
        """One large body at a time: what is made of it is many times its size."""
        self._predictors = ThreadPoolExecutor(1, thread_name_prefix="prediction")
        self._access = Access(settings)
        self._label_reader = LabelReader(predictor.boundary, settings.max_rows, self.ids.rows)
        self._told: frozenset[str] = frozenset()
        """The columns of which the service's log says that they are ignored."""
        self._log: PredictionLog | None = None
        if settings.log_dir is not None:
            self._log = PredictionLog(settings, predictor.record, self.metrics)

    def admit(self, headers: dict[bytes, bytes]) -> None:
        """Check the key and its rate.

        Raises:
            Refused: 401, or 429 with how long to wait.
        """
        if not self._access.needs_key:
            return
        key = self._access.key_of(headers.get(b"authorization", b""))
        if key is None:
            raise Refused(401, "unauthorised", "a valid key is needed: Authorization: Bearer …")
        wait = self._access.seconds_to_wait(key)
        if wait:
            raise Refused(429, "rate_limited", "too many requests with this key", retry_after=wait)

    async def predict(self, body: bytes) -> tuple[str, bytes]:
        """The request's id and its answer as JSON.

        Raises:
            Refused: against the contract, too large, without a score, or not in time.
        """
        return await self._answer(await self._read(body))

    async def feedback(self, body: bytes) -> tuple[str, bytes]:
        """Keep labels that arrived later; they are on disk when it returns.

        Raises:
            Refused: they cannot be read, are of no prediction of ours, or cannot be kept.
        """
        if self._log is None:
            raise Refused(404, "contract", "this service keeps no prediction log, nor feedback")
        read = self._label_reader.read
        try:
            large = len(body) > _EXACT_BYTES
            labels = await self._in_thread(read, body) if large else read(body)
        except (NotJson, TooManyRows, InvalidRecords) as error:
            raise _refused(error, "the feedback cannot be used") from None
        results = self._log.feedback(time.time(), labels)
        try:
            async with asyncio.timeout(self.settings.request_timeout):
                written = await asyncio.wrap_future(results)
        except TimeoutError:
            written = False
        if not written:
            again = "the log cannot be written: send the labels again"
            raise Refused(503, "overloaded", again, retry_after=1)
        return self.ids.refused(), _encode({"received": len(labels)})

    def close(self) -> None:
        """Write what waits in the log."""
        if self._log is not None:
            self._log.close()

    async def _read(self, body: bytes) -> Request:
        """Read a body: a small one at once, a larger one in a thread, so that no other waits."""
        reader = self._reader
        try:
            if len(body) > _FAST_BYTES:
                return await self._in_thread(reader.read, body)
            request = reader.read_fast(body)
            if request is None and len(body) > _EXACT_BYTES:
                return await self._in_thread(reader.read_exactly, body)
            return request or reader.read_exactly(body)
        except (NotJson, TooManyRows, InvalidRecords) as error:
            raise _refused(error, "the request breaks the contract") from None

    async def _in_thread(self, read: Callable[..., T], *arguments: Any) -> T:
        work = asyncio.get_running_loop().run_in_executor(self._readers, read, *arguments)
        return await self._in_time(work, "other requests are read first, for too long")

    async def _in_time(self, work: Awaitable[T], late: str) -> T:
        try:
            async with asyncio.timeout(self.settings.request_timeout):
                return await work
        except TimeoutError:
            raise Refused(503, "timeout", late, retry_after=1) from None

    async def _answer(self, request: Request) -> tuple[str, bytes]:
        scores = await self._scores(request.matrix)
        if not all_finite(scores):
            problems = score_problems(self.predictor.boundary, request.matrix, scores)
            fields = [asdict(problem) for problem in problems]
            raise Refused(422, "contract", "the model has no answer to the request", fields)
        answer: dict[str, Any]
        if request.many:
            labels, label_scores = self.predictor.labels(scores)
            self.metrics.predicted_many(labels, label_scores)
            answer = {"predictions": self.predictor.answers(labels, label_scores, scores)}
        else:
            label, score = self.predictor.label(scores)
            self.metrics.predicted(label, score)
            answer = self.predictor.answer(label, score, scores)
        self.metrics.unusual(request.matrix, request.unseen)
        if news := request.ignored - self._told:
            self._told |= news
            names = ", ".join(sorted(news))
            _LOGGER.info("requests carry columns that the model does not use: %s", names)
        request_id = self.ids.new(len(scores))
        about = {"release": self.predictor.release, "request_id": request_id}
        encoded = _encode(answer | about)
        if self._log is not None:
            self._log.prediction(time.time(), request_id, request.logged, encoded)
        return request_id, encoded

    async def _scores(self, matrix: Matrix) -> Scores:
        """Score in a thread, so that the event loop goes on, unless scoring is quick."""
        if len(matrix) <= self.predictor.quick_rows:
            return self.predictor.scores(matrix)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._predictors, self.predictor.scores, matrix)
        return await self._in_time(work, "the prediction took too long")


def _refused(error: NotJson | TooManyRows | InvalidRecords, invalid: str) -> Refused:
    """The refusal of a body; ``invalid`` is the error of a body that breaks the contract."""
    if isinstance(error, NotJson):
        return Refused(400, "not_json", str(error))
    if isinstance(error, TooManyRows):
        return Refused(413, "too_many_rows", str(error))
    fields = [asdict(problem) for problem in error.problems]
    if isinstance(error, UnknownPrediction):
        return Refused(404, "contract", "there is no such prediction", fields)
    return Refused(422, "contract", invalid, fields)
