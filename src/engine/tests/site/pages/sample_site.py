"""Sites to draw pages from: every state that a model can be in, and texts that try to break out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tagship.comparison.document import TuningFigures
from tagship.config.model import Card
from tagship.site.document import (
    Attention,
    ContractColumn,
    Data,
    Delivery,
    DeploymentRow,
    Kpi,
    ModelSite,
    ObservationRow,
    Origin,
    Place,
    ReleaseRow,
    Run,
    ScoredCandidate,
    Site,
    Step,
    ThresholdChange,
    Training,
)
from tagship.training.lock import Interval
from tagship.training.profiles import CategoryProfile, NumberProfile, TextProfile
from tagship.verdict import GateResult, Verdict

HOSTILE = "</script><script>alert('x')</script>"
HOSTILE_REASON = (
    "<img src=http://evil.example/x.png onerror=alert(1)> & ünïcode 漢字 \u202eabc\u202c"
)
LONG = "w" * 300
FORMULA = '=HYPERLINK("http://evil.example","x")'
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PAGE = "https://git.example.org/team/shop"


def at(days: float) -> str:
    return (START + timedelta(days=days)).isoformat()


def origin(text: str, path: str = "") -> Origin:
    return Origin(text=text, url=f"{PAGE}/{path or 'blob/main/' + text}")


def tag(name: str) -> Origin:
    return origin(name, f"tree/{name}")


def verdict(model: str, status: Any = "pass") -> Verdict:
    result = GateResult(
        gate="metrics",
        subject="f1",
        value=0.71,
        limit="≥ 0.6",
        status=status,
        detail="0.68 to 0.74",
    )
    return Verdict(
        model=model, artifact_sha256="a" * 64, thresholds_sha256="b" * 64, champion=None,
        results=[result],
    )  # fmt: skip


def release(model: str, number: int, days: float, stage: Any, **changes: Any) -> ReleaseRow:
    name = f"{model}/v1.{number}.0"
    values: dict[str, Any] = {
        "release": name, "stage": stage, "date": at(days), "commit": f"{number:040x}",
        "runs_in": {"Staging": ["staging"], "Production": ["production"]}.get(stage, []),
        "owner": "growth", "actor": "ada", "approved_by": ["grace"], "candidate": "boosting",
        "metrics": {
            "f1": Interval(value=0.70 + number / 200, low=0.67, high=0.75),
            "roc_auc": Interval(value=0.86, low=0.84, high=0.88),
        },
        "verdict": verdict(model), "verdict_status": "pass", "model_sha256": f"{number:064x}",
        "data_sha256": "d" * 64, "rejected_by": None,
        "commands": [f"tagship propose {name} --env production", f"tagship image {name}"],
        "origin": tag(name),
    }  # fmt: skip
    return ReleaseRow(**values | changes)


def deployment(
    model: str, environment: str, number: int, days: float, until: float | None,
    version: str, **changes: Any,
) -> DeploymentRow:  # fmt: skip
    name = f"{model}/{environment}/{number}"
    reviewed = environment == "production"
    values: dict[str, Any] = {
        "deployment": name, "model": model, "environment": environment, "number": number,
        "valid": True, "problem": None, "date": at(days), "until": until and at(until),
        "action": "deploy", "release": f"{model}/{version}", "actor": "ci",
        "approved_by": "grace" if reviewed else None, "reviewed": "#41" if reviewed else None,
        "reason": None, "rejects": None, "lifts": None, "image": "registry.example.org/x@sha256:0",
        "verdict": "pass", "commit": f"{number:040x}", "recorded": True, "origin": tag(name),
    }  # fmt: skip
    return DeploymentRow(**values | changes)


def observation(environment: str, days: float, drift: float | None, f1: float) -> ObservationRow:
    status = (
        "no data" if drift is None else "fail" if drift > 1 else "warn" if drift > 0.6 else "ok"
    )
    return ObservationRow(
        environment=environment, time=at(days), release="churn/v1.2.0", status=status,
        reasons=[f"drift of tenure_months is {drift}"] if status in ("warn", "fail") else [],
        rows=0 if drift is None else 812, drift=drift, drift_status=status,
        performance={"f1": f1, "roc_auc": f1 + 0.1} if drift is not None else {},
        performance_status="ok" if drift is not None else None,
        origin=origin("monitoring/churn/production.jsonl"),
    )  # fmt: skip


def numbers(count: int = 60, low: float = 0.0, high: float = 72.0) -> NumberProfile:
    """More small than large values, at ``count`` points."""
    points = [low + (high - low) * (i / (count - 1)) ** 1.6 for i in range(count)]
    return NumberProfile(
        dtype="float", rows=5634, missing=34, min=0, max=120, mean=30.2, std=20.1, points=points,
        under=[round(i * 5600 / count) for i in range(count)],
        upto=[round((i + 1) * 5600 / count) for i in range(count)],
    )  # fmt: skip


def categories(*values: str) -> CategoryProfile:
    counts = [5600 // 2 ** (i + 1) for i in range(len(values))]
    return CategoryProfile(
        dtype="category", rows=sum(counts) + 3, missing=3, values=list(values), counts=counts
    )


def delivery(deployments: int = 3, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "deployments": deployments, "rollbacks": 1, "first": at(3), "last": at(90),
        "per_30_days": 1.04, "lead_time": 5400.0, "lead_times": 3, "change_failure_rate": 1 / 3,
        "time_to_restore": 2700.0, "restores": 1, "unclear": [],
        "origin": origin("tags of production", "tags"),
    }  # fmt: skip
    return Delivery(**values | changes)


def empty_model(name: str, **changes: Any) -> ModelSite:
    """A model of which nothing is recorded."""
    values: dict[str, Any] = {
        "name": name, "state": "active", "task": None, "card": None, "problem": None, "places": [],
        "kpis": [], "value": {}, "data": None, "training": None, "pipeline": [], "gates": [],
        "gates_origin": None, "registry": [], "deployments": [], "observations": [],
        "retraining": [], "threshold_changes": [], "delivery": None, "example": None,
    }  # fmt: skip
    return ModelSite(**values | changes)


def place(model: str, environment: str, number: int, version: str, **changes: Any) -> Place:
    values: dict[str, Any] = {
        "environment": environment, "release": f"{model}/{version}",
        "deployment": f"{model}/{environment}/{number}", "since": at(90.2), "by": "ada",
        "reason": None, "verdict": "pass", "main": "same", "waiting": None, "rejected": [],
        "observed": "ok", "observed_at": at(119), "drift": "ok", "performance": "ok",
        "origin": tag(f"{model}/{environment}/{number}"),
    }  # fmt: skip
    return Place(**values | changes)


def churn() -> ModelSite:
    """A model with a rollback, a rejection, an invalid tag, drift and a lowered bar."""
    return empty_model(
        "churn",
        task="binary",
        card=Card(
            purpose="Find the customers who are likely to leave next month, for a retention offer.",
            limits="Not for pricing. Customers of less than a month are outside its data.",
            owner="growth",
        ),
        places=[
            place("churn", "staging", 5, "v1.3.0", main="same", verdict="warn"),
            place(
                "churn", "production", 4, "v1.1.0", waiting="churn/v1.3.0", since=at(90),
                rejected=["churn/v1.2.0"], observed="fail", drift="fail", performance="warn",
                reason="Precision fell for new contracts.",
            ),
        ],
        kpis=[
            Kpi(
                name="f1", value=Interval(value=0.713, low=0.679, high=0.745), fail=0.6, warn=0.7,
                higher_is_better=True, limits=["fails below 0.6", "warns below 0.7"], status="warn",
                origin=origin("config/churn/thresholds.yaml"),
            ),
            Kpi(
                name="roc_auc", value=Interval(value=0.857, low=0.836, high=0.878), fail=0.8,
                warn=None, higher_is_better=True, limits=["fails below 0.8"], status="pass",
                origin=origin("config/churn/thresholds.yaml"),
            ),
            Kpi(
                name="latency p99 (ms)", value=None, fail=20, warn=None, higher_is_better=False,
                limits=["fails above 20"], status=None, origin=None,
            ),
        ],
        value={"true_positive": 120.0, "false_positive": -15.0, "false_negative": -90.5},
        data=Data(
            source="features.demo:churn in src/", target="churn = yes", id="customer_id",
            split="20 % held out, stratified, seed 42", sha256="d5bf0a61a4a0" + "0" * 52, rows=7043,
            holdout_rows=1409,
            columns=[
                ContractColumn(
                    name="tenure_months", dtype="float", rule="0 to 120, none missing", pii=None,
                    profile=numbers(), gates=["psi: fails above 0.3", "psi: warns above 0.1"],
                ),
                ContractColumn(
                    name="monthly_charges", dtype="float", rule="at least 0", pii=None,
                    profile=numbers(5, 18, 118), gates=["psi: fails above 0.2"],
                ),
                ContractColumn(
                    name="contract", dtype="category", rule="3 values", pii=None,
                    profile=categories("month-to-month", "one-year", "two-year"),
                ),
                ContractColumn(name="email", dtype="string", rule="any", pii="drop", profile=None),
                ContractColumn(
                    name="joined", dtype="datetime", rule="any", pii=None,
                    profile=TextProfile(dtype="datetime", rows=5634, missing=0),
                ),
            ],
            target_profile=categories("no", "yes"),
            origin=origin("config/churn/data.yaml"),
        ),
        training=Training(
            metric="f1", higher_is_better=True, folds=5, winner="boosting",
            params={"learning_rate": 0.1, "max_iter": 200}, threshold=0.42,
            candidates=[
                ScoredCandidate(
                    name="boosting", estimator="sklearn.ensemble.HistGradientBoostingClassifier",
                    mean=0.713, std=0.011, winner=True, seconds=1.8, state="trained",
                ),
                ScoredCandidate(
                    name="logistic_regression", estimator="sklearn.linear_model.LogisticRegression",
                    mean=0.692, std=0.015, winner=False, seconds=0.4, state="trained",
                ),
                ScoredCandidate(
                    name="forest", estimator=None, mean=None, std=None, winner=False, seconds=None,
                    state="failed",
                ),
            ],
            tuning=[
                TuningFigures(
                    run="81ab", candidate="boosting", time=at(20), states={"complete": 6},
                    best=0.713, params={"learning_rate": "0.1"},
                    values=[0.66, 0.69, 0.681, 0.702, 0.713, 0.709],
                )
            ],
            runs=[
                Run(
                    id="81ab" * 8, time=at(89), candidate="boosting", value=0.713,
                    status="FINISHED", artifact="a" * 64, releases=["churn/v1.3.0"],
                ),
                Run(
                    id="92cd" * 8, time=at(88), candidate=None, value=None, status="FAILED",
                    artifact=None, releases=[],
                ),
            ],
            conclusion=["boosting leads logistic_regression by 0.021 (0.004 to 0.038)."],
            libraries={"scikit-learn": "1.9.0", "numpy": "2.3.1"},
            origin=origin("config/churn/model.lock.yaml"),
        ),
        pipeline=[
            Step(name="fetch", inputs=[], state="done", at=at(89), seconds=0.4,
                 detail="7,043 rows", origin=None),
            Step(name="validate", inputs=["fetch"], state="done", at=at(89), seconds=0.2,
                 detail="keeps its contract", origin=None),
            Step(name="train", inputs=["validate"], state="done", at=at(89.001), seconds=81.0,
                 detail="3 candidates", origin=origin("run 81ab", "x")),
            Step(name="explain", inputs=["train"], state="not recorded", at=None, seconds=None,
                 detail="", origin=None),
            Step(name="gate", inputs=["train"], state="failed", at=at(89.002), seconds=3.1,
                 detail="f1 warns", origin=None),
            Step(name="lock", inputs=["gate", "explain"], state="not recorded", at=None,
                 seconds=None, detail="", origin=None),
        ],
        gates=[
            GateResult(gate="metrics", subject="f1", value=0.679, limit="≥ 0.6 (warn < 0.7)",
                    status="warn", detail="95 % interval 0.679 to 0.745; its worse end is judged"),
            GateResult(gate="metrics", subject="roc_auc", value=0.836, limit="≥ 0.8",
                       status="pass"),
            GateResult(gate="champion", subject="drop of f1", value=None, limit="≤ 0.01",
                    status="fail", detail="could not be computed"),
        ],
        gates_origin=tag("churn/v1.3.0"),
        registry=[
            release("churn", 4, 110, "None", actor=None, approved_by=[], verdict=None,
                    verdict_status="not recorded", metrics={}, owner=None, candidate=None),
            release("churn", 3, 89, "Staging"),
            release("churn", 2, 60, "Archived", rejected_by="churn/production/4"),
            release("churn", 1, 30, "Production"),
            release("churn", 0, 2, "Archived"),
        ],
        deployments=[
            deployment("churn", "staging", 6, 111, None, "v1.9.9", valid=False, date=None,
                       problem=f"its tag names no release that exists {HOSTILE}", commit=None,
                       action=None, release=None, actor=None, verdict=None, image=None),
            deployment("churn", "staging", 5, 90.2, None, "v1.3.0", recorded=False),
            deployment("churn", "production", 4, 90, None, "v1.1.0", action="rollback",
                       rejects="churn/v1.2.0", reason="Precision fell for new contracts.",
                       actor="ada"),
            deployment("churn", "production", 3, 89.2, 90, "v1.2.0", reason=HOSTILE_REASON),
            deployment("churn", "staging", 4, 60.1, 90.2, "v1.2.0"),
            deployment("churn", "production", 2, 33, 89.2, "v1.1.0", actor=FORMULA),
            deployment("churn", "staging", 3, 30.1, 60.1, "v1.1.0"),
            deployment("churn", "production", 1, 5, 33, "v1.0.0"),
            deployment("churn", "staging", 2, 2.5, 30.1, "v1.0.0"),
            deployment("churn", "staging", 1, 2.1, 2.5, "v1.0.0"),
        ],
        observations=[
            observation("production", 40 + day, drift, 0.72 - day / 900)
            for day, drift in enumerate(
                [0.2, 0.22, 0.3, 0.28, 0.4, None, 0.5, 0.45, 0.61, 0.7, 0.66, 0.9, 1.1, 1.3]
            )
        ],
        retraining=["Drift failed in 3 of the last 5 observations in production."],
        threshold_changes=[
            ThresholdChange(
                model="churn", date=at(95), author="ada", commit="c" * 40,
                key="metrics.f1.fail_below", subject=f"fix(churn): {HOSTILE}",
                before="0.65", after="0.6", effect="looser",
                origin=origin("commit ccccccc", "commit/ccc"),
            ),
            ThresholdChange(
                model="churn", date=at(12), author="grace", commit="b" * 40, before="", after="0.8",
                key="metrics.roc_auc.fail_below", subject="feat(churn): gate on roc_auc",
                effect="stricter", origin=origin("commit bbbbbbb", "commit/bbb"),
            ),
        ],
        delivery=delivery(unclear=["churn/production/2: its clock went backwards"]),
        example={"tenure_months": 3.0, "monthly_charges": 70.5, "contract": "month-to-month"},
    )  # fmt: skip


def hostile() -> ModelSite:
    """A model whose every text tries to leave its place."""
    name = "h" + "a" * 38 + "z"
    return empty_model(
        name,
        task="regression",
        card=Card(purpose=HOSTILE + LONG, limits=HOSTILE_REASON, owner=LONG),
        problem=f"model.yaml: {HOSTILE} {LONG}",
        places=[place(name, "staging", 1, "v1.0.0", by=LONG, reason=HOSTILE, main=f"asks {LONG}",
                      origin=Origin(text=HOSTILE, url="javascript:alert(1)"))],
        kpis=[Kpi(name=LONG, value=None, higher_is_better=None, limits=[HOSTILE], fail=None,
                  warn=None, status="fail", origin=Origin(text=LONG))],
        data=Data(
            source=HOSTILE, target=LONG, id=None, split=HOSTILE, sha256=None, rows=None,
            holdout_rows=None, target_profile=None, origin=Origin(text=LONG),
            columns=[
                ContractColumn(name=HOSTILE, dtype="category", rule=LONG, pii=None, gates=[LONG],
                               profile=categories(HOSTILE, LONG, "")),
                ContractColumn(name=LONG, dtype="float", rule="any", pii=None,
                               profile=NumberProfile(dtype="float", rows=9, missing=9, points=[],
                                                     under=[], upto=[])),
            ],
        ),
        deployments=[deployment(name, "staging", 1, 50, None, "v1.0.0", actor=LONG,
                                reason=HOSTILE_REASON + LONG)],
        registry=[release(name, 0, 49, "Staging", owner=HOSTILE, actor=LONG,
                          commands=[f"echo {LONG}"])],
        pipeline=[Step(name=HOSTILE, inputs=["nothing"], state="failed", at=None, seconds=None,
                       detail=LONG, origin=None)],
        threshold_changes=[ThresholdChange(
            model=name, date=at(5), author=LONG, commit="e" * 40, key=LONG, subject=HOSTILE,
            before=LONG, after=HOSTILE, effect="changed", origin=Origin(text="commit eeeeeee"))],
        example={HOSTILE: "it's", "note": LONG},
        retraining=[HOSTILE + LONG],
    )  # fmt: skip


def sample_site() -> Site:
    """Five models: much, nothing, removed but running, hostile, new."""
    removed = empty_model(
        "legacy",
        state="removed",
        places=[place("legacy", "production", 1, "v1.0.0", main="no overlay", verdict=None,
                      observed=None, observed_at=None, drift=None, performance=None, by=None)],
        deployments=[deployment("legacy", "production", 1, 1, None, "v1.0.0", verdict=None)],
        registry=[release("legacy", 0, 0.5, "Production")],
        delivery=delivery(1, rollbacks=0, lead_time=None, lead_times=0, change_failure_rate=0.0,
                          time_to_restore=None, restores=0, per_30_days=None),
    )  # fmt: skip
    fresh = empty_model(
        "iris", task="multiclass", card=Card(),
        places=[Place(environment=name, release=None, deployment=None, since=None, by=None,
                      reason=None, verdict=None, main="", waiting=None, rejected=[], observed=None,
                      observed_at=None, drift=None, performance=None, origin=None)
                for name in ("staging", "production")],
    )  # fmt: skip
    return Site(
        project="shop-models",
        title="Shop models",
        repository=PAGE,
        commit="f" * 40,
        made=at(120),
        engine="0.2.0",
        not_asked="",
        environments=["staging", "production"],
        models=[churn(), hostile(), empty_model("housing"), fresh, removed],
        attention=[
            Attention(model="churn", kind="tag", text="churn/staging/6 is no valid deployment",
                      command="tagship history churn", origin=tag("churn/staging/6")),
            Attention(model="churn", kind="drift", origin=None,
                      text="Drift fails in production: tenure_months"),
            Attention(model="churn", kind="review", command="tagship propose churn/v1.3.0",
                      text="churn/v1.3.0 waits for review", origin=origin("#42", "pull/42")),
            Attention(model=None, kind="removed", text=HOSTILE + LONG, command=None, origin=None),
        ],
        delivery=delivery(4),
        timeline=[(at(5), {"churn/production": "churn/production/1"})],
        mlflow=Origin(text="MLflow", url="http://127.0.0.1:5000"),
        not_recorded=["Step times of housing: `tagship run housing` records them.", HOSTILE],
    )  # fmt: skip


def large_site(models: int = 50, deployments: int = 100) -> Site:
    """Many models with long histories, each as full as ``churn``."""
    full, half = churn(), deployments // 2
    reason = "Brings what the last training on the new month's rows gave, after a look at slices."
    each = []
    for index in range(models):
        name = f"model-{index}"
        rows = [
            deployment(name, environment, n, n * 1.1, (n + 1) * 1.1 if n < half else None,
                       f"v1.{n}.0", reason=reason)
            for environment in ("staging", "production") for n in range(half, 0, -1)
        ]  # fmt: skip
        registry = [release(name, n, n * 1.1, "Archived") for n in range(half, 0, -1)]
        places = [place(name, e, half, f"v1.{half}.0") for e in ("staging", "production")]
        changes = {"name": name, "deployments": rows, "registry": registry, "places": places}
        each.append(full.model_copy(update=changes))
    return sample_site().model_copy(update={"models": each})
