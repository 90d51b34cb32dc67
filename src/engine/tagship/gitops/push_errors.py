"""Why a remote refused a push, and the way out."""

import re

from tagship.documentation import page
from tagship.errors import TagshipError


def explain_refusal(ref: str, printed: str, errors: str) -> TagshipError:
    """The error to raise, from what ``git push --porcelain`` printed of one ref."""
    words = [line for line in printed.splitlines() if line.startswith("!")]
    reason = words[0].split("\t")[-1] if words else ""
    told = re.findall(r"^remote: (.+?)\s*$", errors, re.MULTILINE)
    said = " ".join([reason, *told[:3]] if reason else [_all_words(errors)])
    way = "check your permission and the repository's rulesets"
    if "GH013" in said or "creations being restricted" in said:
        way = f"a ruleset leaves this to the workflows, such as {_by_workflow(ref)}"
    if "refusing to allow" in said and "workflow" in said:
        way = f"run this in a clone, or keep a TAGSHIP_TOKEN: {page('how-to/release')}"
    return TagshipError(f"the remote refused {ref}: {said}", way)


def _by_workflow(ref: str) -> str:
    """How a workflow does what a ruleset forbids to people."""
    parts = ref.removeprefix("refs/tags/").split("/")
    if not ref.startswith("refs/tags/") or len(parts) != 3:
        return f"those of {page('how-to/release')}"
    model, environment, _ = parts
    return (
        f"gh workflow run rollback.yml -f model={model} -f environment={environment}"
        f' -f reason="…" (or reconcile.yml): {page("how-to/rollback")}'
    )


def _all_words(stderr: str) -> str:
    """What git and its hooks said of a push, without git's own summary of it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("error: failed to push some refs")]
    return " ".join(said[-5:]).removeprefix("fatal: ") or "it did not say why"
