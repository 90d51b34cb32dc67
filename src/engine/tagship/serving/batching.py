"""Predictions beside the event loop, several waiting requests at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tagship.serving.predictor import Matrix, Predictor, Scores

_INLINE_SECONDS = 0.002


class Runner:
    """Runs small predictions where they are asked for, long ones in a thread.

    With ``batch_rows``, what waits while a prediction runs is predicted together next.
    """

    def __init__(self, predictor: Predictor, batch_rows: int = 0) -> None:
        self._predictor, self._batch_rows = predictor, batch_rows
        self._inline_rows = _INLINE_SECONDS / max(predictor.seconds, 2e-5)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prediction")
        self._waiting: list[tuple[Matrix, asyncio.Future[Scores]]] = []
        self._busy = False

    def now(self, matrix: Matrix) -> Scores | None:
        """The scores of a small prediction; None when it must be waited for."""
        if self._batch_rows or len(matrix) > self._inline_rows:
            return None
        return self._predictor.scores(matrix)

    async def later(self, matrix: Matrix) -> Scores:
        """The scores, from the thread."""
        loop = asyncio.get_running_loop()
        if not self._batch_rows:
            return await loop.run_in_executor(self._pool, self._predictor.scores, matrix)
        future: asyncio.Future[Scores] = loop.create_future()
        self._waiting.append((matrix, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next, loop)
        return await future

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        taken, rows = 0, 0
        while taken < len(self._waiting) and rows < self._batch_rows:
            rows += len(self._waiting[taken][0])
            taken += 1
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        batch = [(matrix, future) for matrix, future in batch if not future.done()]
        if not batch:
            self._busy = bool(self._waiting)
            if self._busy:
                loop.call_soon(self._next, loop)
            return
        matrix = np.concatenate([matrix for matrix, _ in batch])
        running = loop.run_in_executor(self._pool, self._predictor.scores, matrix)
        running.add_done_callback(lambda done: self._give(loop, batch, done))

    def _give(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[Matrix, asyncio.Future[Scores]]],
        done: asyncio.Future[Scores],
    ) -> None:
        at = 0
        for matrix, future in batch:
            if not future.done():  # its client may have left
                if error := done.exception():
                    future.set_exception(error)
                else:
                    future.set_result(done.result()[at : at + len(matrix)])
            at += len(matrix)
        self._next(loop)
