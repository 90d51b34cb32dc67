"""A process that fits one trial's folds, so that one which hangs can be ended."""

import multiprocessing
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from tagship.compute.tasks import ClusterLost
from tagship.config.model import Candidate
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.training.cross_validation import FoldScores, Splits, score_folds
from tagship.training.estimators import make_pipeline
from tagship.training.prepared_table import PreparedTable
from tagship.training.threshold import judge_by_chosen

_GRACE = 5
"""Seconds that a process may take to end."""


class TrialWorker(ABC):
    """What takes candidates and gives, fold by fold, what they score on average."""

    ready: bool
    """Whether its libraries are loaded; until then, no trial has begun."""
    connection: Connection
    """What `multiprocessing.connection.wait` waits for."""

    @abstractmethod
    def _start(self) -> None:
        """Set ``connection``, whose other end ``judge_trials`` has."""

    @abstractmethod
    def end(self) -> None:
        """End it now, whatever it does."""

    def begin(self, candidate: Candidate) -> None:
        """Let it judge a candidate; its value on the first fold follows."""
        self.connection.send(candidate.model_dump())

    def proceed(self) -> None:
        """Let it judge the next fold."""
        self.connection.send(True)

    def leave(self) -> None:
        """Let it stop after the fold that it gave; nothing follows."""
        self.connection.send(None)

    def receive(self) -> float | str | None:
        """The mean over the folds so far, or why there is none; None when it is only ready now."""
        try:
            answer: float | str | None = self.connection.recv()
        except (EOFError, OSError):
            return self._lost()
        self.ready = True
        return answer

    def _lost(self) -> str:
        self.restart()
        return "its process ended: was it out of memory?"

    def restart(self) -> None:
        """End whatever it does, and be ready for another candidate."""
        self.end()
        self._start()


class TrialProcess(TrialWorker):
    """One process of this machine."""

    def __init__(
        self,
        files: ModelFiles,
        name: str,
        candidate: Candidate,
        prepared: PreparedTable,
        splits: Splits,
        threads: int,
    ) -> None:
        self._work = (files, name, candidate, prepared, splits)
        self._threads = threads
        self._process: Any = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.ready = False
        self._process = context.Process(target=_serve, args=(theirs, *self._work))
        with _environment(OMP_NUM_THREADS=self._threads, LOKY_MAX_CPU_COUNT=self._threads):
            self._process.start()
        theirs.close()

    def end(self) -> None:
        """As ``TrialWorker.end``."""
        self.connection.close()
        self._process.terminate()
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def _environment(**values: int) -> Iterator[None]:
    """Variables for a process that is started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: str(value) for name, value in values.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(
    connection: Connection,
    files: ModelFiles,
    name: str,
    candidate: Candidate,
    prepared: PreparedTable,
    splits: Splits,
) -> None:
    make_pipeline(prepared.boundary, candidate, files.model.select.seed, 1)  # imports it all
    judge_trials(
        connection,
        lambda tried: score_folds(files, name, tried, prepared, splits),
        lambda folds: judge_by_chosen(files, prepared, folds),
    )


def judge_trials(
    connection: Connection,
    score: Callable[[Candidate], Iterator[FoldScores]],
    judge: Callable[[list[FoldScores]], list[FoldScores]],
) -> None:
    """The other end of a trial's connection: say that it is ready, and judge what it is sent."""
    with suppress(EOFError, OSError, KeyboardInterrupt):  # this end was closed, or its parent ended
        connection.send(None)
        while True:
            tried = Candidate.model_validate(connection.recv())
            for value in _means(score(tried), judge):
                connection.send(value)
                if isinstance(value, str) or connection.recv() is None:
                    break


def _means(
    scored: Iterator[FoldScores], judge: Callable[[list[FoldScores]], list[FoldScores]]
) -> Iterator[float | str]:
    folds: list[FoldScores] = []
    try:
        for fold in scored:
            folds.append(fold)
            values = [each.value for each in judge(folds)]
            yield sum(values) / len(values)
    except ClusterLost:
        raise
    except TagshipError as error:
        yield str(error)
    except MemoryError:
        yield "out of memory"
