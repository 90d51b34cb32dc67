"""``tagship run`` over every model of the repository against a course-style pipeline.

Ours: contract, five folds for each candidate, gates, MLflow, reports, locks and bentos. The peer
(peers/course.py) fits each candidate once and logs it.
"""

import sys
import tempfile
from pathlib import Path

from measure import PEERS, TAGSHIP, Figure, middle, middle_cpu, options, peak, run, save
from project import MODELS, copy_models

BOUND = 120.0


def main() -> None:
    given = options(__doc__)
    models = ("iris",) if given.quick else MODELS
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = copy_models(Path(temporary), models)
        peer = [sys.executable, str(PEERS / "course.py"), str(folder), *models]
        samples = {"ours": [run([TAGSHIP, "run", *models], folder)], "peer": [run(peer, folder)]}
    ours, peer = middle(samples["ours"]), middle(samples["peer"])
    runs = len(models) * 3
    figures = [
        Figure(
            f"tagship run: {runs} candidates x 5 folds, against {runs} plain fits",
            f"{ours:.1f} s",
            f"{peer:.1f} s",
            ours / peer,
            f"<= {BOUND:g} s",
            ours <= BOUND,
            middle_cpu(samples["ours"]) / middle_cpu(samples["peer"]),
        ),
        Figure(
            "tagship run: peak memory",
            f"{peak(samples['ours']):,.0f} MB",
            f"{peak(samples['peer']):,.0f} MB",
            peak(samples["ours"]) / peak(samples["peer"]),
            "",
            None,
        ),
    ]
    save("whole_run", given, figures, samples)


if __name__ == "__main__":
    main()
