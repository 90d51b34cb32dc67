"""What is recorded of one model, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass

from tagship.comparison.document import LearningCurve
from tagship.comparison.runs import TrackedModel, TrackedRun
from tagship.config.project_files import ModelFiles
from tagship.gitops.local_snapshot import ReleasedLock
from tagship.training.bundle import Bundle
from tagship.training.lock import Lock
from tagship.verdict import Verdict


@dataclass(frozen=True)
class ModelRecords:
    """All that is known of one model."""

    files: ModelFiles
    lock: Lock
    bundle: Bundle | None
    """Of the lock's own training; None where it is not here."""
    verdict: Verdict | None
    """Of that bundle."""
    tracked: TrackedModel
    releases: Sequence[ReleasedLock]
    learning_curve: LearningCurve | None
    notes: list[str]
    """What is not there, and which command brings it."""

    @property
    def metric(self) -> str:
        """The selection metric of the lock."""
        return str(self.lock.inputs.model["select"]["metric"])

    @property
    def shas(self) -> set[str]:
        """Of the locked artifact, and of the equivalent one that this machine trained."""
        bundle = {self.bundle.lock.artifact.sha256} if self.bundle else set()
        return {self.lock.artifact.sha256, *bundle}

    @property
    def run(self) -> TrackedRun | None:
        """The last run of the locked artifact."""
        return self.tracked.last_training(self.shas)
