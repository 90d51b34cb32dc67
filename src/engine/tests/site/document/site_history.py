"""A repository with a history of every kind, made by the loop and by tags of its own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shop import VERIFIER, Shop, add_model, build, image, put, sha
from tagship.gitops.rollback import lift
from tagship.gitops.tags import compose
from tagship.gitops.timeline import append_to_timeline
from tagship.monitoring.history import publish
from tagship.site.document import ModelSite, Site
from tagship.site.gather import gather_site
from tagship.verdict import GateResult, Verdict, compact_json

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BEGUN = datetime(2026, 6, 1, 9, tzinfo=UTC)
REASON = 'größer <script>alert("1")</script> & 日本 ' + "w" * 300
FRAUD_RELEASES = 15

LOCK = """\
artifact: {{sha256: {artifact}}}
data: {{sha256: {data}}}
winner: {{candidate: tree}}
metrics:
  f1: {{high: 0.9, low: 0.7, value: {f1}}}
"""
THRESHOLDS = "metrics: {{f1: {{fail_below: {fail}}}}}\nbaseline: {{metric: f1, margin: {margin}}}\n"
PARITY = "parity: {max_difference: 1.0e-5}\n"


@dataclass(frozen=True)
class Told:
    """A project's history, and the document of its site."""

    shop: Shop
    site: Site

    def model(self, name: str) -> ModelSite:
        return next(model for model in self.site.models if model.name == name)


def gather(shop: Shop) -> Site:
    return gather_site(shop.root, shop.snapshot(), NOW)


def commit_at(shop: Shop, date: datetime, message: str) -> str:
    """Commit everything with a date of one's own, and push main."""
    os.environ["GIT_COMMITTER_DATE"] = os.environ["GIT_AUTHOR_DATE"] = date.isoformat()
    try:
        return shop.commit(message)
    finally:
        del os.environ["GIT_COMMITTER_DATE"], os.environ["GIT_AUTHOR_DATE"]


def tag_at(
    shop: Shop, name: str, date: datetime, trailers: Mapping[str, str], body: str = ""
) -> None:
    """Make a tag on HEAD, of a date of one's own; it is pushed by ``push_tags``."""
    path = shop.root.parent / "message"
    path.write_text(compose(name, body, trailers), encoding="utf-8")
    os.environ["GIT_COMMITTER_DATE"] = date.isoformat()
    try:
        shop.git("tag", "-a", "--cleanup=verbatim", "-F", str(path), name)
    finally:
        del os.environ["GIT_COMMITTER_DATE"]


def release_and_deploy(
    shop: Shop, model: str, version: str, number: int, begun: datetime, f1: float = 0.8
) -> None:
    """A release with a lock and a verdict of its own, deployed to both environments."""
    artifact, release = sha(f"{model} {version}"), f"{model}/{version}"
    lock = LOCK.format(artifact=artifact, data=sha(f"data {version}"), f1=f1)
    put(shop.root, f"config/{model}/model.lock.yaml", lock)
    commit_at(shop, begun, f"feat({model}): {version}")
    results = [
        GateResult(gate="metrics", subject="f1", value=f1, limit="≥ 0.5", status="pass"),
        GateResult(gate="size", subject="MB", value=1.0, limit="≤ 2", status="warn"),
    ]
    verdict = Verdict(
        model=model, artifact_sha256=artifact, thresholds_sha256="0", champion=None,
        results=results,
    )  # fmt: skip
    says = {"Model": model, "Release": release, "Actor": "Ada", "Verdict": verdict.status}
    says |= {f"{key}-SHA256": artifact for key in ("Model", "Lock", "Config")}
    says |= {"Verdict-SHA256": verdict.sha256}
    body = f"verdict {compact_json(verdict)}"
    tag_at(shop, release, begun + timedelta(hours=1), says, body)
    for at, environment in enumerate(("staging", "production"), start=1):
        name = f"{model}/{environment}/{number}"
        told = {
            "Model": model, "Release": release, "Environment": environment, "Action": "deploy",
            "Image": image(version, model), "Model-SHA256": artifact, "Manifests": artifact,
            "Actor": "Ada", "Approved-By": "Grace" if at == 2 else "",
        }  # fmt: skip
        if number > 1:
            before = f"{model}/{environment}/{number - 1}"
            told["Previous"] = f"{before}@{shop.git('rev-parse', f'refs/tags/{before}')}"
        tag_at(shop, name, begun + timedelta(days=at), told)


def observation(
    model: str, release: str, time: str, status: str, value: float
) -> dict[str, object]:
    """What `tagship monitor --json` prints; its findings quote what was asked."""
    findings = [
        {"check": "drift", "column": "alcohol", "method": "psi", "value": value,
         "limit": "≤ 0.2", "status": status, "detail": ""},
        {"check": "unknown", "column": "alcohol", "method": "share", "value": 0.9,
         "limit": "≤ 0.01", "status": status, "detail": "planted-in-a-request"},
        {"check": "drift", "column": "other", "method": "ks", "value": 0.9, "limit": "≥ 0.01",
         "status": "ok", "detail": ""},
    ]  # fmt: skip
    return {
        "version": 1, "time": time, "model": model, "environment": "production",
        "release": release, "model_sha256": "0" * 64, "status": status, "rows": 40,
        "reasons": ["drift: alcohol"] if status == "fail" else [],
        "drift": {"schema": 1, "model": model, "status": status, "findings": findings},
        "performance": {"status": "ok", "metrics": [{"metric": "f1", "value": 0.7}]},
    }  # fmt: skip


def tell_all(folder: Path) -> Shop:
    """Twenty releases of two models, and what may go wrong with tags."""
    shop = build(folder)
    shop.ship("v1.0.0", "one-a")
    shop.ship("v1.1.0", "two")
    shop.merge(shop.rollback(REASON).branch)
    lift(shop.root, "churn", "v1.1.0", "the alarm was false", VERIFIER)
    shop.ship("v1.2.0", "three")
    shop.merge(shop.rollback("it is slow").branch)
    append_to_timeline(shop.snapshot(), datetime(2026, 11, 28, 6, tzinfo=UTC))
    shop.new_lock("four")
    shop.release("v1.3.0")
    assert shop.propose("v1.3.0", image=image("four")).branch
    shop.pull()
    add_model(shop.root, "fraud", ("staging", "production"))
    bounds = {0: (0.5, 0.1), 4: (0.6, 0.1), 9: (0.4, 0.2)}
    for number in range(FRAUD_RELEASES):
        if number in bounds:
            fail, margin = bounds[number]
            text = THRESHOLDS.format(fail=fail, margin=margin) + PARITY
            shop.put("config/fraud/thresholds.yaml", text)
        begun = BEGUN + timedelta(days=7 * number)
        f1 = 0.8 + number / 1000
        release_and_deploy(shop, "fraud", f"v0.{number}.0", number + 1, begun, f1)
    add_model(shop.root, "old", ("staging", "production"))
    release_and_deploy(shop, "old", "v3.0.0", 1, BEGUN)
    shop.git("rm", "-rqf", "config/old", "deploy/old")
    commit_at(shop, BEGUN + timedelta(days=200), "feat!: without old")
    shop.git("tag", "fraud/v9.9.9")
    shop.git("tag", "fraud/staging/v99")
    shop.git("tag", "fraud/production/007")
    shop.git("push", "-q", "origin", "--tags")
    append_to_timeline(shop.snapshot(), datetime(2026, 11, 29, 6, tzinfo=UTC))
    release = f"fraud/v0.{FRAUD_RELEASES - 1}.0"
    publish(shop.root, [
        observation("fraud", release, "2026-11-28T05:00:00.000Z", "ok", 0.1),
        observation("fraud", release, "2026-11-29T05:00:00.000Z", "fail", 0.3),
    ])  # fmt: skip
    shop.git("push", "-q", "origin", "HEAD:refs/heads/retrain/fraud")
    shop.pull()
    return shop
