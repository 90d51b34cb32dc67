"""What the loop asks of training, of the gates and of a registry, as functions given to it."""

from collections.abc import Callable
from dataclasses import dataclass

from tagship.config.project_files import ModelFiles
from tagship.verdict import Verdict


@dataclass(frozen=True)
class Verifier:
    """How claims are verified that only training or a registry can prove; and who signs."""

    verify_lock: Callable[[ModelFiles], None]
    """Prove that training gives the locked artifact, or refuse the lock."""
    gate: Callable[[ModelFiles, str | None], Verdict]
    """Judge the locked artifact against the release that is champion, if any."""
    image_exists: Callable[[str], bool]
    """Whether a registry still holds ``image@digest``."""
    sign: bool = False
    """Whether tags are signed."""
    actor: str = ""
    """Who acts; git's committer when empty."""
