"""The proofs that the GitOps loop asks for: retraining gives the lock, and the gates pass."""

from pathlib import Path

from tagship.champion import champion_scores, keep_champion
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.gates.evaluate import evaluate_gates
from tagship.gates.verdict import Verdict
from tagship.gitops.git import Git
from tagship.training.bundle import Bundle
from tagship.training.lock import lock_sha256
from tagship.training.verification import Verification
from tagship.training.verification import verify_lock as retrain


class Proofs:
    """Retrains a model once and judges what came out, as long as its lock stays the same."""

    def __init__(self, root: Path) -> None:
        self._git = Git(root)
        self._done: dict[tuple[Path, bytes], Verification] = {}

    def verify_lock(self, files: ModelFiles) -> None:
        """Retrain, and refuse a lock that gives another model.

        Raises:
            TagshipError: there is no lock, it is stale, or the result differs.
        """
        found = retrain(files)
        if found.outcome == "different":
            raise TagshipError(
                f"{files.lock_path}: retraining gave another model: {found.difference}",
                f"run `tagship run {files.name}`, look at what differs, and commit the lock",
            )
        self._done[_key(files)] = found
        keep_champion(self._git.root, files, found.bundle)

    def gate(self, files: ModelFiles, champion: str | None) -> Verdict:
        """The verdict on the locked artifact, against the champion's release."""
        if not files.lock_path.is_file() or _key(files) not in self._done:
            self.verify_lock(files)
        found = self._done[_key(files)]
        verdict = judge(self._git.root, files, found.bundle, champion)
        # What was judged is the lock's artifact, or one proven to predict the same.
        about = {
            "artifact_sha256": found.lock.artifact.sha256,
            "lock_sha256": lock_sha256(found.lock),
        }
        return verdict.model_copy(update=about)


def judge(root: Path, files: ModelFiles, bundle: Bundle, champion: str | None) -> Verdict:
    """The verdict on a bundle, against the release that production runs, if any."""
    scores = champion_scores(Git(root), files, bundle, champion) if champion else None
    return evaluate_gates(files, bundle, scores)


def _key(files: ModelFiles) -> tuple[Path, bytes]:
    return files.lock_path, files.lock_path.read_bytes()
