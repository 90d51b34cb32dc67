"""``tagship tune``: its time against plain Optuna doing the same trials, and what it is worth.

``time``: 100 trials of three folds on churn, fraud and housing; the peer is Optuna with
scikit-learn (peers/plain_tune.py). ``holdout``: on five tables, with five seeds each, whether what
was tuned is worse on the holdout, which no trial saw.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from measure import (
    HERE,
    PEERS,
    TAGSHIP,
    Figure,
    Options,
    Sample,
    command_line,
    parse_parts,
    run,
    save,
)
from project import copy_models, read_from

SECONDS, RATIO, LOGGING = 300.0, 1.15, 2.0
MODELS = ("churn", "fraud", "housing")
FOLDS, SEEDS = 3, (1, 2, 3, 4, 5)
BROUGHT = {"breast_cancer": ("binary", "roc_auc"), "diabetes": ("regression", "rmse")}
"""Tables of scikit-learn."""

_TABLE = """
import sys
from sklearn import datasets
table = getattr(datasets, f"load_{sys.argv[1]}")(as_frame=True).frame
table.columns = [name.replace(" ", "_") for name in table.columns]
table.to_csv(sys.argv[2], index=False)
print(",".join(table.columns[:-1]))
"""


def asked(*arguments: object) -> dict:
    """What one of ``tuning_runs.py`` answers."""
    command = [sys.executable, str(HERE / "tuning_runs.py"), *map(str, arguments)]
    return json.loads(run(command, extra={"MLFLOW_TRACKING_URI": ""}).output.splitlines()[-1])


def plan(folder: Path, model: str, trials: int) -> str:
    """Let a model's own search have so many trials; its candidate."""
    path = folder / "config" / model / "model.yaml"
    text = path.read_text(encoding="utf-8")
    text, count = re.subn(r'(trials"?): \d+', rf"\1: {trials}", text)
    assert count == 1, f"{path}: one search"
    path.write_text(text, encoding="utf-8")
    return re.findall(r'candidate"?: "?(\w+)', text)[-1]


def bring(folder: Path, name: str) -> None:
    """A model on one of scikit-learn's tables, written as `tagship new` would."""
    columns = run([sys.executable, "-c", _TABLE, name, str(folder / f"{name}.csv")]).output
    task, metric = BROUGHT[name]
    kind = "Regressor" if task == "regression" else "Classifier"
    estimator = f"sklearn.ensemble.HistGradientBoosting{kind}"
    model = folder / "config" / name.replace("_", "-")
    model.mkdir()
    target = {"column": "target"} | ({"positive": "1"} if task == "binary" else {})
    data = {
        "source": {"kind": "csv", "path": f"{name}.csv"},
        "target": target,
        "split": {"test": 0.3, "stratify": task == "binary"},
        "columns": {each: {"dtype": "float"} for each in columns.strip().split(",")},
    }
    start = {"learning_rate": 0.1, "max_iter": 50, "max_leaf_nodes": 15}
    candidate = {"estimator": estimator, "params": start, "impute": "none"}
    config = {
        "task": task,
        "select": {"metric": metric},
        "candidates": {"gradient_boosting": candidate},
        "tune": {"candidate": "gradient_boosting", "trials": 100},
    }
    gates = {
        "metrics": {metric: {"fail_below" if task == "binary" else "fail_above": 1e-9}},
        "baseline": {"metric": metric, "margin": 0},
        "parity": {"max_difference": 1e-4},
    }
    for file, content in (("data", data), ("model", config), ("thresholds", gates)):
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in content.items())
        (model / f"{file}.yaml").write_text(text, encoding="utf-8")


def time_searches(
    models: tuple[str, ...], trials: int, samples: dict[str, list[Sample]]
) -> list[Figure]:
    """How long the searches take, beside the peer's."""
    figures, logging = [], []
    shell = '"$0" tune "$1" || test $? -eq 6'  # that nothing improves is an answer, too
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = copy_models(Path(temporary), models)
        for model in models:
            read_from(folder, model, "csv")
            candidate = plan(folder, model, trials)
            ours = run(["sh", "-c", shell, TAGSHIP, model], folder)
            known = asked("trials", folder, model)
            logging.append(known["logging"])
            kept = folder / f"{model}-trials.json"
            kept.write_text(json.dumps(known["trials"]))
            command = [sys.executable, str(PEERS / "plain_tune.py"), str(folder), model, candidate]
            spinning = {"OMP_WAIT_POLICY": "ACTIVE"}  # as a script has it; waiting costs it more
            peer = run([*command, str(kept), str(FOLDS)], folder, spinning)
            samples |= {f"{model} ours": [ours], f"{model} peer": [peer]}
            fits = json.loads(peer.output.splitlines()[-1])["fits"]
            ratio = ours.seconds / peer.seconds
            figures.append(
                Figure(
                    f"tune {model}: {trials} trials, {fits} fits, against plain Optuna",
                    f"{ours.seconds:.1f} s",
                    f"{peer.seconds:.1f} s",
                    ratio,
                    f"<= {RATIO:g} x",
                    ratio <= RATIO,
                    ours.cpu_seconds / peer.cpu_seconds,
                )
            )
    total, slowest = sum(samples[f"{m} ours"][0].seconds for m in models), max(logging)
    return [
        *figures,
        Figure("all of them", f"{total:.0f} s", "", None, f"<= {SECONDS:g} s", total <= SECONDS),
        Figure(
            f"logging {trials} trials in MLflow",
            f"{slowest:.2f} s",
            "",
            None,
            f"<= {LOGGING:g} s",
            slowest <= LOGGING,
        ),
    ]


def judge_holdouts(models: tuple[str, ...], seeds: tuple[int, ...], trials: int) -> list[Figure]:
    """The candidate as it is (peer) and its best trial (ours) on holdouts that no trial saw."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = copy_models(Path(temporary), models)
        for name in BROUGHT:
            bring(folder, name)
        for model in (*models, *(name.replace("_", "-") for name in BROUGHT)):
            plan(folder, model, trials)
            for seed in seeds:
                answer = asked("holdout", folder, model, seed)
                better = f"{answer['low']:.4g} to {answer['high']:.4g}"
                figures.append(
                    Figure(
                        f"{model}, seed {seed}: {answer['metric']}, {answer['state']};"
                        f" better by {better}",
                        f"{answer['after']:.5g}",
                        f"{answer['before']:.5g}",
                        None,
                        "not worse",
                        answer["state"] != "improved" or answer["high"] >= 0,
                    )
                )
    return figures


def main() -> None:
    given = parse_parts(command_line(__doc__), ("time", "holdout"))
    models = ("churn",) if given.quick else MODELS
    samples: dict[str, list[Sample]] = {}
    figures: list[Figure] = []
    if "time" in given.parts:
        figures += time_searches(models, 12 if given.quick else 100, samples)
    if "holdout" in given.parts:
        seeds, trials = ((1,), 12) if given.quick else (SEEDS, 30)
        figures += judge_holdouts(models, seeds, trials)
    save("tuning", Options(given.quick, given.results), figures, samples)


if __name__ == "__main__":
    main()
