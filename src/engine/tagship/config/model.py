"""``model.yaml``: the task and its metrics, the candidates and how the winner is chosen."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from tagship.config.base_model import Extended, Frozen
from tagship.config.tune import Tune

Task = Literal["binary", "multiclass", "regression"]

_CLASSIFICATION = {
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "roc_auc": True,
    "pr_auc": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
}

METRICS: dict[Task, dict[str, bool]] = {
    "binary": _CLASSIFICATION,
    "multiclass": _CLASSIFICATION,
    "regression": {"rmse": False, "mae": False, "r2": True, "mape": False},
}
"""For each task, each metric and whether higher is better."""

Name = Annotated[
    str, Field(pattern="^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=63, examples=["random_forest"])
]
ImportPath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)+$",
        examples=["sklearn.linear_model.LogisticRegression"],
    ),
]


def higher_is_better(metric: str) -> bool:
    """Which way a metric is better; ``f1[setosa]`` follows ``f1``."""
    base = metric.partition("[")[0]
    return next(table[base] for table in METRICS.values() if base in table)


class Select(Extended):
    """How the winner is chosen among the candidates."""

    later: ClassVar[frozenset[str]] = frozenset({"repeats"})
    metric: str
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    repeats: Annotated[int, Field(ge=1, le=50)] = 1
    """How often the folds are drawn, by another seed each time."""
    seed: Annotated[int, Field(ge=0)] = 42
    """Given to folds and to every estimator that takes a random_state."""


class Candidate(Frozen):
    """One estimator, and how its inputs are prepared."""

    estimator: ImportPath
    """Import path of a class that follows scikit-learn's API."""
    params: dict[str, Any] = {}
    """What its constructor takes. An estimator that is made of others names them in the
    same form: {estimator: …, params: …}, or several by name."""
    scale: bool = False
    """Standardise numbers, and weigh the words of texts by TF-IDF: for linear, distance and kernel
    models; trees do not need it."""
    impute: Literal["median", "mean", "most_frequent", "none"] = "median"
    """What replaces a missing number; none leaves it to the estimator, which must
    then give a score without it."""
    encode: Literal["one_hot", "ordinal", "native"] = "one_hot"
    """How categories become numbers; ordinal follows the order of the contract's values, native
    leaves them to XGBoost or LightGBM as categories."""
    calibrate: Literal["sigmoid", "isotonic"] | None = None
    """Let a classifier's probabilities say how often it happens, learned on training rows;
    isotonic takes any shape, and wants a thousand rows or more."""

    @model_validator(mode="after")
    def _nested_are_estimators(self) -> "Candidate":
        _ = self.nested
        return self

    @property
    def nested(self) -> list["Candidate"]:
        """The estimators that its parameters name, and theirs."""
        declared = [nested_estimators(value) for value in self.params.values()]
        return [part for by_name in declared for c in by_name.values() for part in (c, *c.nested)]


def nested_estimators(value: Any) -> dict[str | None, Candidate]:
    """The estimators that a parameter's value declares, by name; a single one has none.

    Raises:
        ValueError: one looks like an estimator, and is none.
    """
    if _is_declared(value):
        return {None: _declared(value)}
    if isinstance(value, Mapping) and all(map(_is_declared, value.values())):
        return {name: _declared(part) for name, part in value.items()}
    return {}


def _is_declared(value: Any) -> bool:
    return isinstance(value, Mapping) and "estimator" in value


def _declared(value: Mapping[str, Any]) -> Candidate:
    if not value.keys() <= {"estimator", "params"}:
        raise ValueError(f"{', '.join(map(str, value))}: an estimator has estimator and params")
    try:
        return Candidate.model_validate(value)
    except ValidationError as error:
        key, problem = error.errors()[0]["loc"], error.errors()[0]["msg"]
        raise ValueError(f"{'.'.join(map(str, key))}: {problem}") from None


class ChosenThreshold(Frozen):
    """A decision threshold that training chooses, on its own rows."""

    maximise: Literal["accuracy", "precision", "recall", "f1", "value"]
    """A metric of decisions, or what they are worth by thresholds.yaml's `value`."""


def _kind_of_threshold(value: Any) -> str:
    return "choice" if isinstance(value, Mapping | ChosenThreshold) else "number"


Threshold = Annotated[
    Annotated[float, Field(gt=0, lt=1), Tag("number")] | Annotated[ChosenThreshold, Tag("choice")],
    Discriminator(_kind_of_threshold),
]


class Card(Frozen):
    """What a reader of the report should know about the model."""

    purpose: str = ""
    limits: str = ""
    owner: str = ""


class ModelConfig(Frozen):
    """What is trained, and how the winner is chosen."""

    task: Task
    features: (
        Annotated[str, Field(pattern=r"^[\w.]+:\w+$", examples=["features.churn:derive"])] | None
    ) = None
    """A feature function, module:function: takes numpy columns, gives numpy columns."""
    threshold: Threshold = 0.5
    """The score from which a binary prediction is positive: a number, or how it is chosen."""
    select: Select
    candidates: Annotated[dict[Name, Candidate], Field(min_length=1)]
    card: Card = Card()
    tune: Tune | None = None
    """What `tagship tune` searches."""

    @property
    def declared_threshold(self) -> float:
        """The number that is declared; 0.5 where training chooses one."""
        return 0.5 if isinstance(self.threshold, ChosenThreshold) else self.threshold

    @property
    def parts(self) -> list[Candidate]:
        """Every candidate, and the estimators that each is made of."""
        return [part for c in self.candidates.values() for part in (c, *c.nested)]
