"""``tagship tune`` on churn, fraud and housing: time against plain Optuna doing the same trials, and,
by ``holdout``, whether what was tuned is worse on the holdout than what it began with."""

import json
import re
import sys
import tempfile
from pathlib import Path

from measure import PEERS, TAGSHIP, Figure, Sample, command_line, parse_parts, run, save
from measure import Options as Given
from project import copy_models, read_from

SECONDS, RATIO, LOGGING = 300.0, 1.15, 2.0
MODELS = ("churn", "fraud", "housing")
CANDIDATE, FOLDS = "gradient_boosting", 3

# The trials of the last search: parameters and judged folds; then how long logging all of them takes.
_TRIALS = """
import json, sys, time
from pathlib import Path
from tagship.config.project_files import load_model
from tagship.config.root import offer_own_code
from tagship.config.tune import Tune
from tagship.data.table import load_table
from tagship.tuning.record import log_search
from tagship.tuning.space import choose_space
from tagship.tuning.study import Search, ended, open_study
from tagship.tuning.tune import Tuned, choose_candidate, result_path
from pydantic import TypeAdapter
root, name = Path(sys.argv[1]), sys.argv[2]
offer_own_code(root)
files = load_model(root, name)
candidate, about = choose_candidate(files)
space = choose_space(files, candidate, about)
search = Search(files, candidate, about, space, files.model.tune or Tune(), load_table(files).sha256)
study = open_study(search, None)
trials = [(each.user_attrs["params"], len(each.intermediate_values)) for each in ended(study)]
study.set_user_attr("mlflow_run", "none")
tuned = TypeAdapter(Tuned).validate_python(json.loads(result_path(files).read_text()))
log_search(search, study, tuned, {})
study.set_user_attr("mlflow_run", "none")
started = time.perf_counter()
log_search(search, study, tuned, {})
print(json.dumps({"trials": trials, "logging": time.perf_counter() - started}))
"""
_HOLDOUT = """
import json, sys
from pathlib import Path
from tagship.config.project_files import load_model
from tagship.config.root import offer_own_code
from tagship.training.bootstrap import paired_drop
from tagship.training.train import train
import numpy as np
root, name = Path(sys.argv[1]), sys.argv[2]
offer_own_code(root)
old, new = (train(load_model(Path(folder), name)) for folder in sys.argv[3:5])
files = load_model(root, name)
metric = files.model.select.metric
draws = paired_drop(metric, files.model.task, new.evidence.target, old.evidence.scores,
    new.evidence.scores, new.boundary.classes, (files.model.threshold,) * 2, 0, 0.05)
sign = -1 if metric == "rmse" else 1
low, high = np.percentile(sign * -draws, [2.5, 97.5])
print(json.dumps({"before": old.lock.metrics[metric].value, "after": new.lock.metrics[metric].value,
    "low": low, "high": high}))
"""


def time_searches(given: Given, trials: int, models: tuple[str, ...]) -> list[Figure]:
    samples: dict[str, list[Sample]] = {}
    figures, total, logging = [], 0.0, []
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = copy_models(Path(temporary), models)
        for model in models:
            read_from(folder, model, "csv")
            plan(folder, model, trials)
            ours = run_search(folder, model)
            extra = {"MLFLOW_TRACKING_URI": ""}
            known = json.loads(
                run(
                    [sys.executable, "-c", _TRIALS, str(folder), model], folder, extra
                ).output.splitlines()[-1]
            )
            logging.append(known["logging"])
            kept = folder / f"{model}-trials.json"
            kept.write_text(json.dumps(known["trials"]))
            command = [sys.executable, str(PEERS / "plain_tune.py"), str(folder), model, CANDIDATE]
            peer = run([*command, str(kept), str(FOLDS)], folder)
            samples |= {f"{model} ours": [ours], f"{model} peer": [peer]}
            total += ours.seconds
            fits = json.loads(peer.output.splitlines()[-1])["fits"]
            figures.append(
                Figure(
                    f"tune {model}: {trials} trials, {fits} fits, against plain Optuna",
                    f"{ours.seconds:.1f} s",
                    f"{peer.seconds:.1f} s",
                    ours.seconds / peer.seconds,
                    f"<= {RATIO:g} x",
                    ours.seconds / peer.seconds <= RATIO,
                    ours.cpu_seconds / peer.cpu_seconds,
                )
            )
    bound = f"<= {SECONDS:g} s"
    figures.append(Figure("all of them", f"{total:.0f} s", "", None, bound, total <= SECONDS))
    slowest = max(logging)
    kept_bound = f"<= {LOGGING:g} s"
    figures.append(
        Figure(
            f"logging {trials} trials", f"{slowest:.2f} s", "", None, kept_bound, slowest <= LOGGING
        )
    )
    save("tuning", given, figures, samples)
    return figures


def plan(folder: Path, model: str, trials: int, seed: int | None = None) -> None:
    """Let a model's search have so many trials, and, with a seed, another holdout and folds."""
    path = folder / "config" / model / "model.yaml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^tune: .*\n", "", text)
    text += f"tune: {{candidate: {CANDIDATE}, trials: {trials}, folds: {FOLDS}}}\n"
    path.write_text(text, encoding="utf-8")
    if seed is not None:
        for name, pattern in (("data", r"seed: \d+\}"), ("model", r"folds: 5\}")):
            where = folder / "config" / model / f"{name}.yaml"
            new = f"seed: {seed}}}" if name == "data" else f"folds: 5, seed: {seed}}}"
            changed, count = re.subn(pattern, new, where.read_text(encoding="utf-8"), count=1)
            assert count == 1, f"{where}: no {pattern}"
            where.write_text(changed, encoding="utf-8")


def run_search(folder: Path, model: str, *options: str) -> Sample:
    """One search; that nothing improves is an answer, too."""
    shell = 'tagship=$1; shift; "$tagship" tune "$@" || test $? -eq 6'
    return run(["sh", "-c", shell, "tune", TAGSHIP, model, *options], folder)


def main() -> None:
    parser = command_line(__doc__)
    given = parse_parts(parser, ("time", "holdout"))
    options = Given(given.quick, given.results)
    models = ("churn",) if given.quick else MODELS
    if "time" in given.parts:
        time_searches(options, 12 if given.quick else 100, models)


if __name__ == "__main__":
    main()
