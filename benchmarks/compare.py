"""``tagship compare`` of four models with 40 trainings in MLflow, each with a run per candidate.

The peer reads the same runs with MLflow's client and does nothing else: what is beyond its time is
ours. The first comparison after a training computes its tests, which are kept for later ones.
"""

import sys
import tempfile
from pathlib import Path

from measure import TAGSHIP, Figure, middle, middle_cpu, options, run, save
from project import MODELS, copy_models

BOUND = 3.0

# Each model's own training again and again, with its candidates' runs.
_COPY = """
import sys
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
client, copies = MlflowClient("sqlite:///mlflow.db"), int(sys.argv[1])
for experiment in client.search_experiments():
    runs = client.search_runs([experiment.experiment_id])
    trees = [(r, [c for c in runs if c.data.tags.get("mlflow.parentRunId") == r.info.run_id])
             for r in runs if "model_sha256" in r.data.tags]
    for parent, children in trees * copies:
        made = None
        for each in (parent, *children):
            tags = {k: v for k, v in each.data.tags.items() if k != "mlflow.parentRunId"}
            tags |= {"mlflow.parentRunId": made} if made else {}
            home, name = experiment.experiment_id, each.info.run_name
            new = client.create_run(home, run_name=name, tags=tags)
            metrics = [Metric(k, v, 0, 0) for k, v in each.data.metrics.items()]
            params = [Param(k, v) for k, v in each.data.params.items()]
            client.log_batch(new.info.run_id, metrics, params)
            client.set_terminated(new.info.run_id)
            made = made or new.info.run_id
"""
_PEER = """
from mlflow import MlflowClient
client = MlflowClient("sqlite:///mlflow.db", registry_uri="sqlite:///mlflow.db")
names = [each.experiment_id for each in client.search_experiments()]
runs = client.search_runs(names, max_results=50000)
print(sum("model_sha256" in run.data.tags for run in runs))
"""


def main() -> None:
    given = options(__doc__)
    models, trainings, repeats = (("iris",), 2, 1) if given.quick else (MODELS, 10, 5)
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = copy_models(Path(temporary), models)
        run([TAGSHIP, "run", *models], folder)
        run([sys.executable, "-c", _COPY, str(trainings - 1)], folder)
        commands = {
            "first": [TAGSHIP, "compare"],
            "ours": [TAGSHIP, "compare"],
            "peer": [sys.executable, "-c", _PEER],
        }
        samples = {name: [] for name in commands}
        for _ in range(repeats):
            for kept in folder.glob(".tagship/models/*/paired_tests.json"):
                kept.unlink()
            for name, command in commands.items():
                samples[name].append(run(command, folder))
    count = trainings * len(models)
    if int(samples["peer"][0].output) != count:
        sys.exit(f"MLflow has {samples['peer'][0].output} trainings, not {count}")
    peer, peer_cpu = middle(samples["peer"]), middle_cpu(samples["peer"])
    figures = [
        Figure(
            f"tagship compare: {len(models)} models, {count} trainings{said}",
            f"{middle(samples[name]):.2f} s",
            f"{peer:.2f} s",
            middle(samples[name]) / peer,
            f"<= {BOUND:g} s" if name == "ours" else "",
            middle(samples[name]) <= BOUND if name == "ours" else None,
            middle_cpu(samples[name]) / peer_cpu,
        )
        for name, said in (("ours", ""), ("first", ", the first time"))
    ]
    save("compare", given, figures, samples)


if __name__ == "__main__":
    main()
