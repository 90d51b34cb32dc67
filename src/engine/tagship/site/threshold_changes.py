"""How the bounds of thresholds.yaml changed on the default branch: stricter or looser."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tagship.gitops.git import FileChange, Git
from tagship.site.document import ThresholdChange
from tagship.site.links import Links
from tagship.site.past_files import read_words

PATHS = ":(glob)config/*/thresholds.yaml"
_STRICTER: dict[str, Literal[1, -1]] = {
    "fail_below": 1, "warn_below": 1, "margin": 1,
    "fail_above": -1, "warn_above": -1, "share_fail_above": -1,
    "max_drop": -1, "max_gap": -1, "max_difference": -1,
}  # fmt: skip
"""In which direction a bound is stricter: a larger number, or a smaller one."""
_NOTHING = "0" * 40
Effect = Literal["stricter", "looser", "changed"]


def threshold_changes(git: Git, commit: str, links: Links) -> dict[str, list[ThresholdChange]]:
    """For each model that the branch ever had, every change of a bound, newest first.

    A model's first thresholds are no change; those of a model that comes back are compared with
    the ones it had.
    """
    bounds: dict[str, Mapping[str, str]] = {}
    changes: dict[str, list[ThresholdChange]] = {}
    for change in git.file_changes(commit, PATHS):
        if change.after.startswith(_NOTHING):
            continue
        model = change.path.split("/")[1]
        content = read_words(git.blob(change.after).decode(errors="replace"))
        if not isinstance(content, dict):
            continue  # it could not be read then, so nothing was judged by it
        after = dict(_flat(content))
        if model in bounds:
            listed = list(_compared(model, change, bounds[model], after, links))
            changes[model] = listed + changes.get(model, [])
        bounds[model] = after
    return changes


def _compared(
    model: str,
    change: FileChange,
    before: Mapping[str, str],
    after: Mapping[str, str],
    links: Links,
) -> Iterator[ThresholdChange]:
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, ""), after.get(key, "")
        effect = effect_of(key, old, new)
        if effect is not None:
            yield ThresholdChange(
                model=model,
                date=change.when.isoformat(),
                author=change.author,
                commit=change.commit,
                subject=change.subject,
                key=key,
                before=old,
                after=new,
                effect=effect,
                origin=links.change(change.path, change.commit),
            )


def effect_of(key: str, before: str, after: str) -> Effect | None:
    """What became of the bound at a dotted key; empty texts are no bound. None: nothing changed."""
    old, new = _number(before), _number(after)
    if before == after or (old is not None and old == new):
        return None
    parts = key.split(".")
    if parts[-1] == "judge":
        return "stricter" if after == "interval" else "looser"
    way = next((_STRICTER[part] for part in reversed(parts) if part in _STRICTER), None)
    if way is None:
        return "changed"
    if not before or not after:
        return "stricter" if after else "looser"
    if old is None or new is None:
        return "changed"
    return "stricter" if (new - old) * way > 0 else "looser"


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of nested mappings by their dotted keys; of a list, its items on one line."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        yield key, ", ".join(map(str, value))
    elif value not in ("", "~", "null"):
        yield key, str(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
