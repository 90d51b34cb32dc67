"""The rules that span files: every name one file uses must mean something in the others."""

import re
from collections.abc import Iterable, Iterator

from tagship.config.contract import DataConfig
from tagship.config.drift import Drift, Kind, Override
from tagship.config.model import METRICS, ChosenThreshold, ModelConfig
from tagship.config.sources import SqlSource
from tagship.config.thresholds import ThresholdsConfig
from tagship.config.yaml_file import Location, YamlFile
from tagship.errors import TagshipError, suggest

Problem = tuple[YamlFile, Location, str]
_PASSWORD = re.compile(r"(?:://[^:/@]*:(?=.*@)|[?&]password=)([^@&]+)")


def crosscheck(
    files: tuple[YamlFile, YamlFile, YamlFile],
    data: DataConfig,
    model: ModelConfig,
    thresholds: ThresholdsConfig,
) -> None:
    """Check one model's three files against each other.

    Raises:
        TagshipError: every problem, one a line, with file, line and key.
    """
    problems = [
        *_data_problems(files[0], data, model),
        *_model_problems(files[1], data, model),
        *_threshold_problems(files[2], data, model, thresholds),
    ]
    if problems:
        raise TagshipError("\n".join(str(file.refuse(at, text)) for file, at, text in problems))


def _data_problems(file: YamlFile, data: DataConfig, model: ModelConfig) -> Iterator[Problem]:
    target, columns = data.target, data.columns
    if target.column in columns:
        yield file, ("columns", target.column), "this is the target; it cannot also be a column"
    if data.id is not None and data.id in columns:
        yield file, ("columns", data.id), "this is the id; it cannot also be a column (a feature)"
    if data.id == target.column:
        yield file, ("id",), "this is the target; a row needs another name"
    if not (data.features if model.features is None else data.request):
        yield file, ("columns",), "no column is left as a feature"
    for name, column in columns.items():
        if name in data.request and not column.is_input and model.features is None:
            way = "say how many `terms` of it are features, make it a category"
            way = "name its `parts`" if column.dtype == "datetime" else way
            yield file, ("columns", name), (
                f"a {column.dtype} is no model input: {way}, mark it `feature: false` or"
                " `pii: drop`, or read it in a feature function (model.yaml: features)"
            )
        if column.pii == "hash" and column.dtype != "string":
            yield file, ("columns", name, "pii"), f"hash needs dtype string, not {column.dtype}"
    for key in ("group", "time"):
        name = getattr(data.split, key)
        columns_and_id = [*data.kept, *([data.id] if data.id else [])]
        if key == "time" and name is not None and name == data.id:
            yield file, ("split", key), (
                f"'{name}' is the id, which is text and sorts as text: declare it under `columns`"
                " as datetime, int or float instead, with `feature: false`"
            )
        elif name is not None and name not in columns_and_id:
            yield file, ("split", key), _unknown(name, "column of the contract", columns_and_id)
        elif name in columns and columns[name].missing:
            at = ("columns", name, "missing")
            yield file, at, f"rows are split by it: no {key} may be missing"
    time = data.split.time
    if time in columns and columns[time].dtype not in ("datetime", "int", "float"):
        yield file, ("split", "time"), f"'{time}' is a {columns[time].dtype}, not a time"
    yield from _sql_problems(file, data)
    yield from _weight_problems(file, data)
    yield from _window_problems(file, data)
    if data.sample is not None and data.source.kind != "parquet":
        yield file, ("sample",), (
            f"rows are drawn from a data set of Parquet, and this is {data.source.kind}: choose"
            " them there"
        )
    if model.task == "regression" and data.split.stratify:
        yield file, ("split", "stratify"), "a regression target has no classes to stratify by"
    if model.task == "binary" and target.positive is None:
        yield file, ("target",), "a binary task needs `positive: <label>`"
    if model.task == "regression" and target.dtype is not None:
        yield file, ("target", "dtype"), "a regression target is a number, and has no labels"
    if model.task != "regression" and target.format is not None:
        yield file, ("target", "format"), "labels are read as they are; only numbers have a format"
    if model.task == "regression" and target.rare is not None:
        yield file, ("target", "rare"), "a regression target has no classes"
    if model.task != "binary" and target.positive is not None:
        yield file, ("target", "positive"), f"a {model.task} task has no positive class"


def _sql_problems(file: YamlFile, data: DataConfig) -> Iterator[Problem]:
    if not isinstance(data.source, SqlSource):
        return
    if any("${" not in password for password in _PASSWORD.findall(data.source.url)):
        yield file, ("source", "url"), (
            "a password stands in it, and Git keeps it: write ${DB_PASSWORD} in its place"
        )
    column = data.columns.get(data.source.key or "")
    if column is not None and column.pii is not None:
        yield file, ("source", "key"), (
            f"'{data.source.key}' is personal data, and the lock names its first and last value"
        )


def _weight_problems(file: YamlFile, data: DataConfig) -> Iterator[Problem]:
    name = data.weight
    column = data.columns.get(name or "")
    if name is not None and column is None:
        yield file, ("weight",), _unknown(name, "column of the contract", data.columns)
    if name is None or column is None:
        return
    at = ("columns", name)
    if column.dtype not in ("float", "int"):
        yield file, (*at, "dtype"), f"rows are weighted by it: float or int, not {column.dtype}"
    if column.pii is not None:
        yield file, (*at, "pii"), "rows are weighted by it, so it cannot be personal data"
    elif column.feature:
        yield file, at, "rows are weighted by it: `feature: false`, since no request carries it"
    if column.missing:
        yield file, (*at, "missing"), "rows are weighted by it: no weight may be missing"


def _window_problems(file: YamlFile, data: DataConfig) -> Iterator[Problem]:
    if data.window is None:
        return
    name, at = data.window.time, ("window", "time")
    column = data.columns.get(name)
    if column is None:
        yield file, at, _unknown(name, "column of the contract", data.columns)
    elif column.dtype != "datetime" or column.pii is not None:
        problem = "personal data" if column.pii else f"a {column.dtype}"
        yield file, at, f"'{name}' is {problem}; a window needs a datetime column"


def _model_problems(file: YamlFile, data: DataConfig, model: ModelConfig) -> Iterator[Problem]:
    yield from _metric(file, ("select", "metric"), model.select.metric, model)
    if model.select.repeats > 1 and data.split.time is not None:
        yield file, ("select", "repeats"), (
            "rows are split by time (data.yaml: split.time), which cuts folds in one way only"
        )
    for name, candidate in model.candidates.items():
        if model.task == "regression" and candidate.calibrate is not None:
            yield file, ("candidates", name, "calibrate"), "a regression has no probabilities"
        if data.split.time is not None and candidate.calibrate is not None:
            yield file, ("candidates", name, "calibrate"), (
                "rows are split by time (data.yaml: split.time), and calibration would learn from"
                " scores of fits to later rows"
            )
    if model.task != "binary" and "threshold" in model.model_fields_set:
        yield file, ("threshold",), f"a {model.task} task has no decision threshold"
    tuned = model.tune.candidate if model.tune else None
    if tuned is not None and tuned not in model.candidates:
        yield file, ("tune", "candidate"), _unknown(tuned, "candidate", model.candidates)


def _threshold_problems(
    file: YamlFile, data: DataConfig, model: ModelConfig, thresholds: ThresholdsConfig
) -> Iterator[Problem]:
    for name, declared in thresholds.metrics.items():
        yield from _metric(file, ("metrics", name), name, model)
        yield from _direction(file, ("metrics", name), name, declared.below, model)
    for key in ("baseline", "champion", "slices"):
        section = getattr(thresholds, key)
        if section is not None:
            yield from _metric(file, (key, "metric"), section.metric, model)
    slices, fairness = thresholds.slices, thresholds.fairness
    if slices is not None:
        for index, name in enumerate(slices.by):
            yield from _group_column(file, ("slices", "by", index), name, data)
        below = slices.fail_below is not None
        if below or slices.fail_above is not None:
            at = ("slices", "fail_below" if below else "fail_above")
            yield from _direction(file, at, slices.metric, below, model)
    for name in thresholds.behaviour.by if thresholds.behaviour else []:
        yield from _group_column(file, ("behaviour", "by"), name, data)
    if thresholds.leakage is not None and model.features is None:  # derived names: in the gate
        parts = {f"{name}.{part}" for name, c in data.columns.items() for part in c.parts or ()}
        texts = tuple(f"{name}: " for name, column in data.columns.items() if column.terms)
        for name in thresholds.leakage.allow.keys() - data.columns.keys() - parts:
            if name.startswith(texts):  # of a term, which training finds
                continue
            problem = _unknown(name, "column of the contract", data.columns)
            yield file, ("leakage", "allow", name), problem
    if fairness is not None:
        yield from _group_column(file, ("fairness", "by"), fairness.by, data)
        if model.task != "binary":
            yield file, ("fairness",), f"fairness is defined for binary tasks, not {model.task}"
    if thresholds.performance is not None:
        for name in thresholds.performance.max_drop:
            yield from _metric(file, ("performance", "max_drop", name), name, model)
    if thresholds.value is not None and model.task != "binary":
        yield file, ("value",), f"outcomes are priced for binary tasks, not {model.task}"
    by_value = isinstance(model.threshold, ChosenThreshold) and model.threshold.maximise == "value"
    prices = thresholds.value
    if by_value and prices is None:
        yield file, ("value",), "model.yaml chooses the threshold by it: price the outcomes here"
    elif by_value and prices is not None and prices.indifferent:
        yield file, ("value",), (
            "model.yaml chooses the threshold by it, and it prices a decision as its opposite: give"
            " true_positive and false_negative, or true_negative and false_positive, other prices"
        )
    if thresholds.drift is not None:
        yield from _drift_problems(file, data, model, thresholds.drift)


def _drift_problems(
    file: YamlFile, data: DataConfig, model: ModelConfig, drift: Drift
) -> Iterator[Problem]:
    compared_columns = {
        name: column for name, column in data.request.items() if column.numeric or column.values
    }
    for name in drift.columns.keys() - compared_columns.keys():
        yield file, ("drift", "columns", name), _unknown(
            name, "column that is compared", compared_columns
        )
    regression, several = model.task == "regression", model.task == "multiclass"
    tests: list[tuple[Location, Kind, Override | None]] = [
        (
            ("drift", "columns", name) if name in drift.columns else ("drift",),
            "numbers" if column.dtype in ("float", "int") else "categories",
            drift.columns.get(name),
        )
        for name, column in compared_columns.items()
    ]
    tests += [
        (("drift", "prediction"), "categories" if several else "numbers", drift.prediction),
        (("drift", "target"), "numbers" if regression else "categories", drift.target),
    ]
    problems: dict[tuple[Location, str], None] = {}
    for at, kind, override in tests:
        try:
            drift.test(kind, override)
        except ValueError as error:
            problems[(at if override else ("drift",), str(error))] = None
    for at, text in problems:
        yield file, at, text


def _metric(file: YamlFile, at: Location, name: str, model: ModelConfig) -> Iterator[Problem]:
    metrics = METRICS[model.task]
    base, _, label = name.partition("[")
    if base not in metrics:
        yield file, at, _unknown(name, f"metric of a {model.task} task", metrics)
    elif label and (model.task != "multiclass" or base not in ("precision", "recall", "f1")):
        yield file, at, "only precision, recall and f1 of a multiclass task have one per class"


def _direction(
    file: YamlFile, at: Location, name: str, below: bool, model: ModelConfig
) -> Iterator[Problem]:
    better_high = METRICS[model.task].get(name.partition("[")[0])
    if better_high is not None and better_high != below:
        way, key = ("higher", "fail_below") if better_high else ("lower", "fail_above")
        yield file, at, f"{name} is better when {way}: use {key}"


def _group_column(file: YamlFile, at: Location, name: str, data: DataConfig) -> Iterator[Problem]:
    column = data.kept.get(name)
    if column is None:
        yield file, at, _unknown(name, "column of the contract", data.kept)
    elif column.dtype not in ("category", "bool"):
        yield file, at, f"'{name}' is a {column.dtype}: rows are grouped by category or bool"


def _unknown(name: str, kind: str, names: Iterable[str]) -> str:
    return f"'{name}' is no {kind}; {suggest(name, names)}"
