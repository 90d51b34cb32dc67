"""What somebody should do, worst first, from what the pages show."""

from collections.abc import Iterator, Sequence

from tagship.gitops.history import TagFinding
from tagship.gitops.tags import parse_tag
from tagship.site.document import Attention, ModelSite
from tagship.site.links import Links
from tagship.site.observations import last_observation

_ORDER = ("tag", "performance", "drift", "removed", "differs", "lock", "review", "rejected")


def attention(
    models: Sequence[ModelSite],
    findings: Sequence[TagFinding],
    branches: dict[tuple[str, str], str],
    stale: dict[str, str],
    links: Links,
) -> list[Attention]:
    """Everything of every model.

    ``branches`` hold what waits for review, by model and environment; ``stale`` says of a model
    what is wrong with its lock.
    """
    model_names = {model.name for model in models}
    items = [
        Attention(
            model=finding.ref.split("/")[0] if finding.ref.split("/")[0] in model_names else None,
            kind="tag",
            text=f"{finding.ref}: {finding.problem}",
            command=f"tagship verify-deployment {finding.ref}" if parse_tag(finding.ref) else None,
            origin=links.tag(finding.ref),
        )
        for finding in sorted(findings, key=lambda finding: not finding.blocking)
    ]
    for model in models:
        items += _of_model(model, branches, stale.get(model.name), links)
    return sorted(items, key=lambda item: _ORDER.index(item.kind))


def _of_model(
    model: ModelSite, branches: dict[tuple[str, str], str], stale: str | None, links: Links
) -> Iterator[Attention]:
    name, removed = model.name, model.state == "removed"
    if removed and any(place.release for place in model.places):
        yield Attention(
            model=name, kind="removed", text="config/ has no such model, but it is still deployed"
        )
    if model.problem or stale:
        yield Attention(
            model=name,
            kind="lock",
            text=model.problem or stale or "",
            command=f"tagship run {name}",
        )
    for place in model.places:
        yield from _of_monitoring(model, place.environment)
        if place.main not in ("same", "", "?") and place.release != "?" and not removed:
            text = f"{place.environment} is not what the default branch says: {place.main}"
            if place.main.startswith("Argo CD"):
                text = f"{place.environment}: {place.main}"
            yield Attention(model=name, kind="differs", text=text, origin=place.origin)
        if place.waiting:
            branch = branches.get((name, place.environment), "")
            state = f"to be reviewed on the branch {branch}" if branch else "not proposed yet"
            version = place.waiting.rpartition("/")[2]
            way = f"tagship propose {name} {version} --env {place.environment}"
            yield Attention(
                model=name,
                kind="review",
                text=f"{place.waiting} for {place.environment}: {state}",
                command=None if branch else way,
                origin=links.branch(branch) if branch else None,
            )
        for rejected in place.rejected:
            tag = rejected.removeprefix(f"{name}/")
            yield Attention(
                model=name,
                kind="rejected",
                text=f"{place.environment} rejected {rejected}",
                command=f'tagship lift {name} {tag} --reason "…"',
                origin=links.tag(rejected),
            )


def _of_monitoring(model: ModelSite, environment: str) -> Iterator[Attention]:
    """What the last observation of an environment says."""
    last = last_observation(model.observations, environment)
    if last is None:
        return
    text = "; ".join(last.reasons) or last.status
    if last.drift_status in ("warn", "fail"):
        yield Attention(
            model=model.name, kind="drift", text=f"{environment}: {text}", origin=last.origin
        )
    if last.performance_status in ("warn", "fail"):
        yield Attention(
            model=model.name, kind="performance", text=f"{environment}: {text}", origin=last.origin
        )
