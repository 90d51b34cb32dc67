"""The text of a new model's files, as a person would write it."""

from collections.abc import Mapping
from typing import Any

from tagship.config.contract import Column
from tagship.config.sources import FileSource
from tagship.new_model.candidates import propose_candidates
from tagship.new_model.draft import Draft
from tagship.new_model.gate_suggestions import MIN_GROUP
from tagship.new_model.rounding import round_down, round_up
from tagship.new_model.yaml_text import entry

NewFile = tuple[str, str]
"""A path relative to the root, ``<area>/<model>/…``, and a text."""


def model_files(name: str, source: FileSource, draft: Draft) -> list[NewFile]:
    """Every file that makes a model, apart from its deployments."""
    return [
        (f"config/{name}/data.yaml", data_yaml(source, draft)),
        (f"config/{name}/model.yaml", model_yaml(source, draft)),
        (f"config/{name}/thresholds.yaml", thresholds_yaml(propose_thresholds(draft))),
        (f"bentos/{name}/service.py", service_py(name)),
        (f"bentos/{name}/bentofile.yaml", bentofile_yaml(name)),
    ]


def data_yaml(source: FileSource, draft: Draft) -> str:
    """The contract."""
    target: dict[str, Any] = {"column": draft.target}
    if draft.positive is not None:
        target["positive"] = draft.positive
    if draft.label_type is not None:
        target["dtype"] = draft.label_type
    if draft.written is not None:
        target["format"] = draft.written.model_dump(exclude_defaults=True)
    target |= draft.left_out
    split: dict[str, Any] = {} if draft.test == 0.2 else {"test": draft.test}
    if draft.task != "regression":
        split["stratify"] = True
    rows: dict[str, Any] = {"min": draft.least_rows}
    if draft.duplicates is not None:
        rows["duplicates"] = draft.duplicates
    lines = [
        _schema("data"),
        "# Guessed by `tagship new` from the data, with slack: tighten what you know better.",
        entry("source", {"kind": source.kind, **source.model_dump(exclude_defaults=True)}),
        entry("target", target),
        *([entry("id", draft.id)] if draft.id else []),
        *([entry("split", split)] if split else []),
        entry("rows", rows),
        "columns:",
        *(entry(name, _settings(column), 2) for name, column in draft.columns.items()),
    ]
    return "\n".join(lines) + "\n"


def _settings(column: Column) -> dict[str, Any]:
    settings = column.model_dump(exclude_defaults=True)
    if isinstance(column.format, list) and len(column.format) == 1:
        settings["format"] = column.format[0]
    return settings


def model_yaml(source: FileSource, draft: Draft) -> str:
    """The task, the candidates and how the winner is chosen."""
    select: dict[str, Any] = {"metric": _metric(draft)}
    if draft.folds != 5:
        select["folds"] = draft.folds
    purpose = f"Predict {draft.target} for rows like those of {source.path.rsplit('/', 1)[-1]}."
    lines = [
        _schema("model"),
        entry("task", draft.task),
        entry("select", select),
        "candidates:",
    ]
    for name, candidate in propose_candidates(draft).items():
        lines += [f"  {name}:", *(entry(key, value, 4) for key, value in candidate.items())]
    lines += ["card:", entry("purpose", purpose, 2)]
    return "\n".join(lines) + "\n"


def _metric(draft: Draft) -> str:
    return {"binary": "roc_auc", "multiclass": "f1", "regression": "rmse"}[draft.task]


def propose_thresholds(draft: Draft) -> dict[str, Any]:
    """The gates, by the sections of thresholds.yaml: limits that any useful model passes."""
    gates, metric = draft.gates, _metric(draft)
    judge = {"judge": "interval"} if gates.judge_interval else {}
    unit = gates.spread
    metrics: dict[str, Any]
    if draft.task == "regression":
        metrics = {"r2": {"fail_below": 0.1} | judge}
        margin, drop, disturbed = (
            round_down(0.05 * unit),
            round_up(0.02 * unit),
            round_up(0.3 * unit),
        )
    elif draft.task == "binary":
        metrics = {"roc_auc": {"fail_below": 0.6} | judge}
        margin, drop, disturbed = 0.1, 0.02, 0.1
    else:
        metrics = {
            "f1": {"fail_below": round(gates.constant_f1 + 0.05, 2)},
            "roc_auc": {"fail_below": 0.6} | judge,
        }
        margin, drop, disturbed = 0.05, 0.03, 0.15
    thresholds: dict[str, Any] = {
        "metrics": metrics,
        "baseline": {"metric": metric, "margin": margin},
        "champion": {"metric": metric, "max_drop": drop},
        "leakage": {"fail_above": 0.999},
    }
    if gates.slices is not None:
        by: dict[str, Any] = {"by": [gates.slices.by]}
        if draft.task == "regression":
            by |= {"metric": "rmse", "fail_above": gates.slices.limit}
        else:
            by |= {"metric": "accuracy", "fail_below": gates.slices.limit}
        thresholds["slices"] = by
    if gates.fairness is not None:
        thresholds["fairness"] = {
            "by": gates.fairness.by,
            "demographic_parity_difference": {"fail_above": gates.fairness.limit},
            "min_rows": MIN_GROUP,
        }
    noise = {"noise": 0.05} if gates.noise else {}
    return thresholds | {
        "robustness": {**noise, "missing": 0.05, "max_drop": disturbed},
        "latency": {"p99_ms": {"fail_above": 20}},
        "size": {"artifact_mb": {"fail_above": 50}},
        "parity": {"max_difference": gates.parity},
        "drift": {
            "method": "wasserstein",
            "warn_above": 0.08,
            "fail_above": 0.1,
            "categories": {"method": "jensen_shannon", "warn_above": 0.06, "fail_above": 0.08},
        },
    }


def thresholds_yaml(thresholds: Mapping[str, Any]) -> str:
    """The gates."""
    lines = [
        _schema("thresholds"),
        "# Limits that the winner keeps with room: raise them to what yours must keep.",
    ]
    for section, content in thresholds.items():
        if section in ("metrics", "drift"):
            lines += [f"{section}:", *(entry(key, value, 2) for key, value in content.items())]
        else:
            lines.append(entry(section, content))
    return "\n".join(lines) + "\n"


def service_py(name: str) -> str:
    """The code of a bento."""
    return f'''"""The {name} service."""

from tagship.serving import make_service

service = make_service("{name}", __file__)
'''


def bentofile_yaml(name: str) -> str:
    """What a bento holds."""
    return f"""service: "service:service"
labels: {{model: {name}}}
include: ["service.py", "tagship/**", "features/**", "artifact/**"]
python: {{requirements_txt: requirements.txt, lock_packages: false}}
docker: {{distro: debian, python_version: "3.11"}}
"""


def _schema(kind: str) -> str:
    return f"# yaml-language-server: $schema=../schemas/{kind}.json"
