"""Which models project.yaml wants retrained now. Pure."""

from collections.abc import Iterable
from datetime import datetime

from tagship.config.duration import parse_duration
from tagship.gitops.alerts import Seen
from tagship.gitops.snapshot import Snapshot


def due(view: Snapshot, seen: Iterable[Seen], now: datetime) -> list[str]:
    """The models that project.yaml wants retrained: by what failed in the last environment, or
    by the champion's age."""
    wanted, last = view.project.retrain, view.environments[-1]
    found = {
        one.model
        for one in seen
        if one.environment == last
        for kind in wanted.on
        if (part := getattr(one, kind)) is not None and part.status == "fail"
    }
    if wanted.every is not None:
        for model in view.models:
            champion = view.history.releases.get(view.champion(model) or "")
            if champion and now - champion.date > parse_duration(wanted.every):
                found.add(model)
    return sorted(found & set(view.models))
