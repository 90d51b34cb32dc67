"""``tagship explain`` of 500 holdout rows with 20 mixed columns, of a forest of 100 trees.

The peer is shap on the same forest as a scikit-learn pipeline. Beside it: what comparing a model
with the champion costs on 20,000 holdout rows, once the champion has scored them.
"""

import sys

from forest import NAME, packed_forest
from measure import PEERS, TAGSHIP, Figure, middle, middle_cpu, options, run, save

SECONDS, BEHAVIOUR_SECONDS = 20.0, 1.0

_BEHAVIOUR = """
import dataclasses, sys, time
from pathlib import Path
import numpy as np
from tagship.config.project_files import load_model
from tagship.config.thresholds import ThresholdsConfig
from tagship.gates.behaviour import compare_behaviour, shuffled_sample
from tagship.gates.holdout import ChampionScores, HoldoutScores
from tagship.reports.importance import shuffled_scores
from tagship.training.bundle import load_bundle
from tagship.training.export import artifact_scorer

files, rows = load_model(Path.cwd(), sys.argv[1]), int(sys.argv[2])
bundle = load_bundle(files)
places = np.arange(rows) % len(bundle.evidence.target)
groups = np.random.default_rng(0).choice([f"g{i}" for i in range(10)], rows)
many = {key: getattr(bundle.evidence, key)[places] for key in ("matrix", "target", "scores")}
evidence = dataclasses.replace(bundle.evidence, groups={"group": groups}, **many)
bundle = dataclasses.replace(bundle, evidence=evidence)
gates = files.thresholds.model_dump(exclude_none=True) | {
    "behaviour": {"flips": {"fail_above": 1}, "by": "group"},
    "value": {"true_positive": 10, "false_positive": -3},
}
files = dataclasses.replace(files, thresholds=ThresholdsConfig.model_validate(gates))
sample = shuffled_sample(bundle)
score = artifact_scorer(bundle.artifact, "binary")
rows = evidence.matrix[sample["rows"]]
shuffled = np.array(shuffled_scores(score, bundle.boundary, rows, sample["order"]))
scores = HoldoutScores(np.roll(evidence.scores, 1), 0.5, bundle.boundary.names, shuffled)
champion = ChampionScores("forest/v1.0.0", lambda: scores)
started = time.perf_counter()
behaviour = compare_behaviour(files, bundle, champion)
print(time.perf_counter() - started)
assert len(behaviour.difference.slices) == 10 and behaviour.difference.importance
"""


def main() -> None:
    given = options(__doc__)
    rows, holdout = (50, 2_000) if given.quick else (500, 20_000)
    with packed_forest(given.quick) as folder:
        ours = [TAGSHIP, "explain", NAME]
        peer = [sys.executable, str(PEERS / "plain_shap.py"), str(folder), NAME, str(rows)]
        commands = {"ours": ours, "peer": peer}
        commands["behaviour"] = [sys.executable, "-c", _BEHAVIOUR, NAME, str(holdout)]
        samples = {name: [run(command, folder)] for name, command in commands.items()}
    seconds = middle(samples["ours"])
    behaviour = float(samples["behaviour"][0].output)
    figures = [
        Figure(
            f"explain {rows:,} x 20 rows, 100 trees: wall time",
            f"{seconds:.1f} s",
            f"{middle(samples['peer']):.1f} s",
            seconds / middle(samples["peer"]),
            f"<= {SECONDS:g} s",
            seconds <= SECONDS,
            middle_cpu(samples["ours"]) / middle_cpu(samples["peer"]),
        ),
        Figure(
            f"behaviour beside a champion, {holdout:,} holdout rows",
            f"{behaviour:.2f} s",
            "",
            None,
            f"<= {BEHAVIOUR_SECONDS:g} s",
            behaviour <= BEHAVIOUR_SECONDS,
        ),
    ]
    save("explain", given, figures, samples, {"seconds of the behaviour alone": behaviour})


if __name__ == "__main__":
    main()
