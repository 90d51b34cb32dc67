"""Verifying a lock for the GitOps loop: training repeats it, and its artifact passes the gates."""

from pathlib import Path

from tagship.compute.tasks import LOCAL, Compute, Say
from tagship.config.project_files import ModelFiles
from tagship.errors import TagshipError
from tagship.files import only_one
from tagship.gates.champion_artifact import keep_bundle
from tagship.gates.champion_scores import scores_of
from tagship.gates.evaluate import evaluate_gates
from tagship.gitops.git import Git
from tagship.training.bundle import Bundle, save_bundle
from tagship.training.lock import lock_sha256
from tagship.training.lock_verification import LockVerification, verify_kept
from tagship.training.lock_verification import verify_lock as retrain
from tagship.verdict import Verdict


class LockVerifier:
    """Proves a model's lock once and judges its artifact, as long as the lock stays the same."""

    def __init__(self, root: Path, say: Say = lambda _: None) -> None:
        self._git = Git(root)
        self._say = say
        self._done: dict[tuple[Path, bytes], LockVerification] = {}

    def verify_lock(self, files: ModelFiles) -> None:
        """Prove that a training gives the lock: the one kept here, or else a new one.

        In a work tree of another commit it is always a new one.

        Raises:
            TagshipError: there is no lock, it is stale, or the result differs.
        """
        is_own_tree = files.root == self._git.root
        proven = verify_kept(files) if is_own_tree else "this is a work tree of another commit"
        if isinstance(proven, str):
            self._say(f"training it, since none that is kept here proves the lock: {proven}")
            proven = retrain_and_keep(files, self._say)
        else:
            self._say("not trained again: the training kept here is proven to be the lock's")
        if proven.outcome == "different":
            raise TagshipError(
                f"{files.lock_path}: retraining gave another model: {proven.difference}",
                f"run `tagship run {files.name}`, look at what differs, and commit the lock",
            )
        self._done[_key(files)] = proven
        keep_bundle(self._git.root, files, proven.bundle)

    def gate(self, files: ModelFiles, champion: str | None) -> Verdict:
        """The verdict on the locked artifact, against the champion's release."""
        if not files.lock_path.is_file() or _key(files) not in self._done:
            self.verify_lock(files)
        proven = self._done[_key(files)]
        self._say(f"judging by every gate; {f'champion {champion}' if champion else 'no champion'}")
        verdict = judge(self._git.root, files, proven.bundle, champion, self._say)
        # What was judged is the lock's artifact, or one proven to predict the same.
        about = {
            "artifact_sha256": proven.lock.artifact.sha256,
            "lock_sha256": lock_sha256(proven.lock),
        }
        return verdict.model_copy(update=about)


def retrain_and_keep(files: ModelFiles, say: Say, compute: Compute = LOCAL) -> LockVerification:
    """Retrain, compare with the lock, and keep what came out for gate, record and build.

    Raises:
        TagshipError: there is no lock, or it is stale.
    """
    with only_one(files.root, files.name):
        proven = retrain(files, say, compute)
        save_bundle(files, proven.bundle)
    return proven


def judge(
    root: Path, files: ModelFiles, bundle: Bundle, champion: str | None, say: Say = lambda _: None
) -> Verdict:
    """The verdict on a bundle, against the release that production runs, if any."""
    return evaluate_gates(files, bundle, scores_of(root, files, bundle, champion, say))


def _key(files: ModelFiles) -> tuple[Path, bytes]:
    return files.lock_path, files.lock_path.read_bytes()
