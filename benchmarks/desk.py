"""A small table at the desk: ``tagship new`` and then ``tagship run``, each a fresh process.

The project has no ``mlflow.db`` yet. The peer imports what both need, and does nothing.
"""

import sys
import tempfile
from pathlib import Path

from measure import TAGSHIP, Figure, middle, middle_cpu, options, run, save
from project import copy_models

BOUND = 10.0
_TABLE = """
import sys
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
rows = 400
table = {"id": range(rows), "age": rng.integers(18, 80, rows)}
table |= {name: rng.normal(size=rows).round(3) for name in ("size", "load")}
table |= {"kind": rng.choice(["a", "b", "c"], rows)}
signal = table["size"] + table["load"] / 2 + (table["kind"] == "a") + rng.normal(0, 0.7, rows)
pd.DataFrame(table | {"left": np.where(signal > 0.3, "yes", "no")}).to_csv(sys.argv[1], index=False)
"""
_IMPORTS = "import pandas, sklearn.ensemble, sklearn.linear_model, sklearn.model_selection, mlflow"


def main() -> None:
    given = options(__doc__)
    new = [TAGSHIP, "new", "small", "--data", "small.csv", "--target", "left"]
    samples: dict[str, list] = {"new": [], "run": [], "imports": []}
    for _ in range(1 if given.quick else 5):
        with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
            folder = copy_models(Path(temporary), ())
            run([sys.executable, "-c", _TABLE, "small.csv"], folder)
            samples["new"].append(run(new, folder))
            samples["run"].append(run([TAGSHIP, "run", "small"], folder))
        samples["imports"].append(run([sys.executable, "-c", _IMPORTS]))
    ours = middle(samples["new"]) + middle(samples["run"])
    cpu = middle_cpu(samples["new"]) + middle_cpu(samples["run"])
    peer = middle(samples["imports"])
    figures = [
        Figure(
            "tagship new and run of 400 rows, against importing the libraries",
            f"{ours:.1f} s",
            f"{peer:.1f} s",
            ours / peer,
            f"<= {BOUND:g} s",
            ours <= BOUND,
            cpu / middle_cpu(samples["imports"]),
        )
    ]
    save("desk", given, figures, samples)


if __name__ == "__main__":
    main()
