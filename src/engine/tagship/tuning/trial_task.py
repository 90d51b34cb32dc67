"""A trial whose folds are tasks of a cluster, as those of ``TrialProcess`` are fitted here."""

from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from tagship.compute.dask_cluster import DaskCluster
from tagship.compute.tasks import ClusterLost
from tagship.config.model import Candidate
from tagship.errors import TagshipError
from tagship.training.cross_validation import Fits, FoldScores, score_fold
from tagship.training.threshold import judge_by_chosen
from tagship.tuning.trial_process import TrialWorker, judge_trials


class TrialTask(TrialWorker):
    """A thread that has a cluster fit what it is given."""

    def __init__(self, cluster: DaskCluster, fits: Fits, shared: Any, name: str) -> None:
        """``shared`` are the fits as the cluster shares them; ``name`` is the candidate's."""
        self._cluster, self._fits, self._shared, self._name = cluster, fits, shared, name
        self._task: Any = None
        self._gone: ClusterLost | None = None
        self._start()

    def _start(self) -> None:
        self.connection, theirs = Pipe()
        self.ready = False
        Thread(target=self._judge, args=(theirs,), daemon=True).start()

    def _judge(self, theirs: Connection) -> None:
        files, prepared = self._fits.files, self._fits.prepared
        with theirs:
            try:
                judge_trials(
                    theirs, self._score, lambda folds: judge_by_chosen(files, prepared, folds)
                )
            except ClusterLost as error:
                self._gone = error

    def _score(self, tried: Candidate) -> Iterator[FoldScores]:
        for fold in range(len(self._fits.splits)):
            job = (self._name, tried, fold)
            self._task = self._cluster.start(score_fold, self._shared, job)
            yield self._cluster.wait(self._task)

    def _lost(self) -> str:
        raise self._gone or TagshipError("compute: a trial ended without an answer")

    def end(self) -> None:
        """As ``TrialWorker.end``, with the worker's process that fits for it."""
        self.connection.close()
        if self._task is not None and not self._task.done():
            self._cluster.end(self._task)
