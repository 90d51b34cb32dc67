"""The rules that span files: one case each, by file, line and key."""

import pytest

from projects import Project
from tagship.errors import TagshipError

Edit = tuple[str, str, str]

REGRESSION: list[Edit] = [
    ("data", ', positive: "yes"', ""),
    ("data", ", stratify: true", ""),
    ("model", "binary", "regression"),
    ("model", "roc_auc", "r2"),
    ("thresholds", "roc_auc", "r2"),
    ("thresholds", "metric: f1", "metric: r2"),
]
MULTICLASS: list[Edit] = [("data", ', positive: "yes"', ""), ("model", "binary", "multiclass")]


def _column(text: str) -> list[Edit]:
    return [("data", "  age:", f"  {text}\n  age:")]


def _sql(url: str, key: str = "visitor") -> list[Edit]:
    source = f'{{kind: sql, url: "{url}", query: select 1, key: {key}}}'
    return [("data", "{kind: csv, path: data/tiny.csv}", source)]


def _gate(text: str) -> list[Edit]:
    return [("thresholds", "parity:", f"{text}\nparity:")]


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (_column("bought: {dtype: bool}"), "data.yaml:7: columns.bought: this is the target"),
        (_column("visitor: {dtype: string}"), "columns.visitor: this is the id; it cannot also"),
        ([("data", "id: visitor", "id: bought")], "data.yaml:3: id: this is the target"),
        (
            [
                ("data", "missing: 0.2}", "feature: false}"),
                ("data", "max: 50}", "max: 50, feature: false}"),
                ("data", "pro]}", "pro], feature: false}"),
            ],
            "data.yaml:6: columns: no column is left as a feature",
        ),
        (
            [
                ("model", "task: binary", "task: binary\nfeatures: features.tiny:derive"),
                ("data", "missing: 0.2}", "feature: false}"),
                ("data", "max: 50}", "max: 50, feature: false}"),
                ("data", "pro]}", "pro], feature: false}"),
            ],
            "data.yaml:6: columns: no column is left as a feature",
        ),
        *(
            (_sql(url), "data.yaml:1: source.url: a password stands in it")
            for url in (
                "postgresql://ann:s3cret@host/shop",
                "postgresql://ann:s3/c@r:et@host/shop",
                "postgresql://host/shop?user=ann&password=s3cret",
            )
        ),
        (
            [
                *_sql("postgresql://host:5432/shop", "mail"),
                *_column("mail: {dtype: string, pii: drop}"),
            ],
            "source.key: 'mail' is personal data",
        ),
        (_column("note: {dtype: string}"), "columns.note: a string is no model input"),
        (_column("day: {dtype: datetime}"), "columns.day: a datetime is no model input"),
        (_column("tax: {dtype: int, pii: hash}"), "columns.tax.pii: hash needs dtype string"),
        ([("data", "stratify: true", "group: plam")], "split.group: 'plam' is no column of the"),
        ([("data", "stratify: true", "time: vists")], "did you mean 'visits'?"),
        (
            [("data", "stratify: true", "time: plan")],
            "split.time: 'plan' is a category, not",
        ),
        (
            [("data", "stratify: true", "time: visitor")],
            "split.time: 'visitor' is the id, which is text and sorts as text",
        ),
        ([("data", "stratify: true", "time: age")], "columns.age.missing: rows are split by it"),
        (
            [*REGRESSION, ("data", "test: 0.2", "test: 0.2, stratify: true")],
            "split.stratify: a regression target has no classes",
        ),
        ([("data", ', positive: "yes"', "")], "data.yaml:2: target: a binary task needs `positive"),
        (
            [*MULTICLASS, ("data", "column: bought", 'column: bought, positive: "yes"')],
            "target.positive: a multiclass task has no positive class",
        ),
        ([("model", "roc_auc", "rmse")], "select.metric: 'rmse' is no metric of a binary task"),
        ([("model", "roc_auc", "roc_au")], "did you mean 'roc_auc'?"),
        ([("model", "roc_auc", "'f1[yes]'")], "only precision, recall and f1 of a multiclass task"),
        (
            [*MULTICLASS, ("model", "roc_auc", "'accuracy[yes]'")],
            "only precision, recall and f1 of a multiclass task",
        ),
        (
            [*MULTICLASS, ("model", "select:", "threshold: 0.4\nselect:")],
            "model.yaml:2: threshold: a multiclass task has no decision threshold",
        ),
        ([("thresholds", "roc_auc", "rmse")], "metrics.rmse: 'rmse' is no metric of a binary task"),
        (
            [("thresholds", "fail_below: 0.6", "fail_above: 0.6")],
            "metrics.roc_auc: roc_auc is better when higher: use fail_below",
        ),
        (
            [("thresholds", "roc_auc: {", "log_loss: {")],
            "metrics.log_loss: log_loss is better when lower: use fail_above",
        ),
        ([("thresholds", "metric: f1", "metric: r2")], "baseline.metric: 'r2' is no metric"),
        (_gate("champion: {metric: r2, max_drop: 0.1}"), "thresholds.yaml:3: champion.metric"),
        (_gate("slices: {by: [plan], metric: r2, max_gap: 1}"), "slices.metric: 'r2' is no metric"),
        (_gate("slices: {by: [plam], metric: f1, max_gap: 1}"), "did you mean 'plan'?"),
        (
            _gate("slices: {by: [plan, age], metric: f1, max_gap: 1}"),
            "slices.by.1: 'age' is a fl",
        ),
        (
            _gate("slices: {by: [plan], metric: f1, fail_above: 1}"),
            "slices.fail_above: f1 is better when higher: use fail_below",
        ),
        (
            _gate("slices: {by: [plan], metric: log_loss, fail_below: 1}"),
            "slices.fail_below: log_loss is better when lower: use fail_above",
        ),
        (
            _gate("fairness: {by: age, equalized_odds_difference: {fail_above: 1}}"),
            "fairness.by: 'age' is a float: rows are grouped by category or bool",
        ),
        (
            [
                *MULTICLASS,
                *_gate("fairness: {by: plan, equalized_odds_difference: {fail_above: 1}}"),
            ],
            "fairness: fairness is defined for binary tasks, not multiclass",
        ),
        (
            _gate("fairness: {by: plan, equalized_odds_difference: {fail_below: 1}}"),
            "fairness.equalized_odds_difference: high values are the bad ones",
        ),
        (
            _gate("fairness: {by: plan, demographic_parity_difference: {fail_below: 1}}"),
            "fairness.demographic_parity_difference: high values are the bad ones",
        ),
        (_gate("latency: {p99_ms: {fail_below: 1}}"), "latency.p99_ms: high values are the bad"),
        (_gate("size: {artifact_mb: {fail_below: 1}}"), "size.artifact_mb: high values are the"),
        (_gate("performance: {max_drop: {rmse: 1}}"), "performance.max_drop.rmse: 'rmse' is no"),
        (_gate("performance: {max_drop: {f1: 0}, window: 9}"), "never has 200 labels"),
        (_gate("performance: {max_drop: {f1: 0}, window: 9s}"), "thresholds.yaml:3: performance."),
        ([*REGRESSION, *_gate("value: {true_positive: 1}")], "value: outcomes are priced for bin"),
    ],
)
def test_a_name_that_means_nothing_in_the_other_files_is_refused(
    project: Project, edits: list[Edit], message: str
) -> None:
    for file, old, new in edits:
        project.edit(file, old, new)
    with pytest.raises(TagshipError) as refused:
        _ = project.files
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "edits",
    [
        REGRESSION,
        MULTICLASS,
        [*MULTICLASS, ("model", "roc_auc", "'f1[yes]'")],
        _column("note: {dtype: string, feature: false}"),
        _column("mail: {dtype: string, pii: hash}"),
        [*_column("note: {dtype: string}"), ("model", "select:", "features: a.b:c\nselect:")],
        [("data", "stratify: true", "group: visitor")],
        [("data", "stratify: true", "time: visits")],
        _gate("performance: {max_drop: {f1: 0.1}, window: 30d}\nvalue: {true_positive: 5}"),
    ],
)
def test_what_fits_together_is_accepted(project: Project, edits: list[Edit]) -> None:
    for file, old, new in edits:
        project.edit(file, old, new)
    assert project.files.name == "tiny"


def test_problems_of_several_files_come_at_once(project: Project) -> None:
    project.edit("model", "roc_auc", "rmse")
    project.edit("data", "id: visitor", "id: bought")
    with pytest.raises(TagshipError) as refused:
        _ = project.files
    assert len(str(refused.value).splitlines()) == 2
